package protocol

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// nested is n arrays, each in the one before.
func nested(n int) []byte { return append(bytes.Repeat([]byte{0x91}, n-1), 0x90) }

// flat is an array of n zeros.
func flat(n int) []byte {
	e := NewEncoder()
	e.Array(n)
	return append(bytes.Clone(e.Bytes()), make([]byte, n)...)
}

func TestScanRefuses(t *testing.T) {
	for _, c := range []struct {
		why  error
		what string
		data []byte
	}{
		{errTruncated, "nothing", nil},
		{errTruncated, "array bomb", unhex(t, "dd ff ff ff ff")},
		{errTruncated, "bin bomb", unhex(t, "c6 ff ff ff fe")},
		{errTruncated, "str bomb", unhex(t, "db ff ff ff ff")},
		{errTruncated, "array of 15 with one element", unhex(t, "9f 00")},
		{errTruncated, "array owes more than is left, though each nested one has enough", unhex(t, "93 92 00 00 00")},
		{errTruncated, "bin eats an element that is owed", unhex(t, "92 c4 02 01 02")},
		{errTruncated, "bin shorter than said", unhex(t, "c4 03 01 02")},
		{errTruncated, "str shorter than said", unhex(t, "a3 61 62")},
		{errTruncated, "half an integer", unhex(t, "cd 01")},
		{errTruncated, "header of a bin alone", unhex(t, "c5 01")},
		{errTrailing, "two values", unhex(t, "00 00")},
		{errType, "nil", unhex(t, "91 c0")},
		{errType, "never used", unhex(t, "91 c1")},
		{errType, "false", unhex(t, "91 c2")},
		{errType, "true", unhex(t, "91 c3")},
		{errType, "ext 8", unhex(t, "c7 01 05 00")},
		{errType, "ext 16", unhex(t, "c8 00 01 05 00")},
		{errType, "ext 32", unhex(t, "c9 00 00 00 01 05 00")},
		{errType, "float 32", unhex(t, "ca 00 00 00 00")},
		{errType, "float 64", unhex(t, "cb 00 00 00 00 00 00 00 00")},
		{errType, "int 8", unhex(t, "d0 01")},
		{errType, "int 64", unhex(t, "d3 00 00 00 00 00 00 00 01")},
		{errType, "fixext 1", unhex(t, "d4 05 00")},
		{errType, "timestamp", unhex(t, "d6 ff 00 00 00 00")},
		{errType, "map", unhex(t, "80")},
		{errType, "map 16", unhex(t, "de 00 00")},
		{errType, "map bomb", unhex(t, "df ff ff ff ff")},
		{errType, "minus one", unhex(t, "ff")},
		{errType, "minus 32", unhex(t, "e0")},
		{errShortest, "127 in two bytes", unhex(t, "cc 7f")},
		{errShortest, "255 in three bytes", unhex(t, "cd 00 ff")},
		{errShortest, "65535 in five bytes", unhex(t, "ce 00 00 ff ff")},
		{errShortest, "2^32-1 in nine bytes", unhex(t, "cf 00 00 00 00 ff ff ff ff")},
		{errShortest, "bin 16 of one byte", unhex(t, "c5 00 01 00")},
		{errShortest, "bin 32 of one byte", unhex(t, "c6 00 00 00 01 00")},
		{errShortest, "str 8 of 31 bytes", append(unhex(t, "d9 1f"), make([]byte, 31)...)},
		{errShortest, "str 16 of 255 bytes", append(unhex(t, "da 00 ff"), make([]byte, 255)...)},
		{errShortest, "str 32 of one byte", unhex(t, "db 00 00 00 01 61")},
		{errShortest, "array 16 of one", unhex(t, "dc 00 01 00")},
		{errShortest, "array 32 of one", unhex(t, "dd 00 00 00 01 00")},
		{errDepth, "nine arrays", nested(9)},
		{errDepth, "a thousand arrays", nested(1000)},
		{errElements, "1,025 elements", flat(1025)},
		{errElements, "1,025 elements in two arrays", append([]byte{0x92}, append(flat(1000), flat(23)...)...)},
		{errUTF8, "lone continuation byte", unhex(t, "a1 80")},
		{errUTF8, "surrogate", unhex(t, "a3 ed a0 80")},
		{errUTF8, "overlong slash", unhex(t, "a2 c0 af")},
		{errUTF8, "half a character", unhex(t, "a1 c3")},
	} {
		err := Scan(c.data)
		if err != c.why {
			t.Errorf("%s: %v, want %v", c.what, err, c.why)
		}
		if !errors.Is(err, ErrScan) {
			t.Errorf("%s: %v is no ErrScan", c.what, err)
		}
		if n := testing.AllocsPerRun(10, func() { _ = Scan(c.data) }); n != 0 {
			t.Errorf("%s: refused with %v allocations", c.what, n)
		}
	}
}

func TestScanAccepts(t *testing.T) {
	for what, data := range map[string][]byte{
		"zero":                           {0},
		"empty array":                    {0x90},
		"empty bin":                      unhex(t, "c4 00"),
		"empty str":                      unhex(t, "a0"),
		"greatest integer":               unhex(t, "cf ff ff ff ff ff ff ff ff"),
		"str 8 of 32 bytes":              append(unhex(t, "d9 20"), make([]byte, 32)...),
		"bin 32":                         append(unhex(t, "c6 00 01 00 00"), make([]byte, 1<<16)...),
		"text":                           append([]byte{0xaa}, "añ語😀"...),
		"eight arrays":                   nested(8),
		"array after the deepest":        append([]byte{0x92}, append(nested(7), nested(7)...)...),
		"1,024 elements":                 flat(1024),
		"1,024 elements in three arrays": append([]byte{0x92}, append(flat(1000), flat(22)...)...),
	} {
		if err := Scan(data); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if n := testing.AllocsPerRun(10, func() { _ = Scan(data) }); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
}

func TestScanPrefixWalksASequence(t *testing.T) {
	values := []string{"91 02", "c4 02 aa bb", "00", "92 a1 61 cc ff"}
	rest := unhex(t, strings.Join(values, ""))
	for _, v := range values {
		want := unhex(t, v)
		n, err := ScanPrefix(rest)
		if err != nil || !bytes.Equal(rest[:n], want) {
			t.Fatalf("at %x: %d, %v, want %x", rest, n, err, want)
		}
		rest = rest[n:]
	}
	if n, err := ScanPrefix(rest); n != 0 || err != errTruncated {
		t.Fatalf("after the last: %d, %v", n, err)
	}
}

// TestScanAcceptsWhatIsEncoded draws values that obey the rules; the scan must let them pass, and no shorter or longer
// version of them.
func TestScanAcceptsWhatIsEncoded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		e := NewEncoder()
		left := 1 + r.IntN(30)
		draw(r, e, MaxDepth, &left)
		b := e.Bytes()
		if err := Scan(b); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		if got := recode(t, b); !bytes.Equal(got, b) {
			t.Fatalf("%x decodes and encodes to %x", b, got)
		}
		for n := range b {
			if Scan(b[:n]) == nil {
				t.Fatalf("%x passes, a prefix of %x", b[:n], b)
			}
		}
		if err := Scan(append(bytes.Clone(b), 0)); err != errTrailing {
			t.Fatalf("%x and a byte: %v", b, err)
		}
	}
}

// draw writes one random value of at most depth nested arrays and about left elements.
func draw(r *rand.Rand, e *Encoder, depth int, left *int) {
	*left--
	switch r.IntN(4) {
	case 0:
		e.Uint(r.Uint64() >> r.IntN(64))
	case 1:
		e.Bin(make([]byte, r.IntN(300)))
	case 2:
		e.Str(strings.Repeat("é", r.IntN(150)))
	case 3:
		n := 0
		if depth > 0 {
			n = r.IntN(max(min(*left, 40), 1))
			e.Array(n)
		} else {
			e.Uint(7)
		}
		for range n {
			draw(r, e, depth-1, left)
		}
	}
}

// recode reads any value that passed the scan with a Decoder, and writes it with an Encoder.
func recode(t testing.TB, b []byte) []byte {
	t.Helper()
	d, e := NewDecoder(b), NewEncoder()
	var value func()
	value = func() {
		switch c := b[d.Offset()]; {
		case msgpcode.IsFixedArray(c) || c == msgpcode.Array16 || c == msgpcode.Array32:
			n := d.Array()
			e.Array(n)
			for range n {
				value()
			}
		case c >= msgpcode.Bin8 && c <= msgpcode.Bin32:
			e.Bin(d.Bin())
		case msgpcode.IsFixedString(c) || c >= msgpcode.Str8 && c <= msgpcode.Str32:
			e.Str(d.StrMax(len(b)))
		default:
			e.Uint(d.Uint())
		}
	}
	value()
	if err := d.End(); err != nil {
		t.Fatalf("%x passed the scan, but not the decoder: %v", b, err)
	}
	return e.Bytes()
}

// FuzzScan: whatever passes has one encoding only, and so have the values of a sequence.
func FuzzScan(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add(v.Data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := Scan(b)
		n, prefixErr := ScanPrefix(b)
		if prefixErr != nil {
			if n != 0 || err == nil {
				t.Fatalf("%x: prefix %d, %v, whole %v", b, n, prefixErr, err)
			}
			return
		}
		if (n == len(b)) != (err == nil) {
			t.Fatalf("%x: prefix of %d passes, whole %v", b, n, err)
		}
		if got := recode(t, b[:n]); !bytes.Equal(got, b[:n]) {
			t.Fatalf("%x passes, but is written %x", b[:n], got)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	e := NewEncoder()
	Announcement{Instance: Instance{1}, Counter: 1000, Port: 40000, Digest: Digest{1}}.Append(e)
	announcement := bytes.Clone(e.Bytes())
	e.Reset()
	Cast{Entries: [][]byte{make([]byte, 212), make([]byte, 300), make([]byte, 500)}}.Append(e)
	for name, data := range map[string][]byte{
		"announcement": announcement, "cast": e.Bytes(), "elements": flat(1024), "text": append([]byte{0xda, 4, 0}, make([]byte, 1024)...),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := Scan(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
