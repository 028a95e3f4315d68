package protocol

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// Every length and number at which the encoding changes is written in its shortest form, passes the scan and is read
// again.
func TestCodecAtItsBoundaries(t *testing.T) {
	for _, u := range []uint64{
		0, 1, 127, 128, 255, 256, 1<<15 - 1, 1 << 15, 1<<16 - 1, 1 << 16, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32,
		MaxSafeInteger, 1<<63 - 1, 1 << 63, math.MaxUint64,
	} {
		e := NewEncoder()
		e.Uint(u)
		if err := Scan(e.Bytes()); err != nil {
			t.Errorf("%d as %x: %v", u, e.Bytes(), err)
		}
		d := NewDecoder(e.Bytes())
		if got := d.Uint(); got != u || d.End() != nil {
			t.Errorf("%d is read as %d, %v", u, got, d.Err())
		}
	}
	for _, n := range []int{0, 1, 31, 32, 255, 256, 1<<16 - 1, 1 << 16} {
		text := strings.Repeat("x", n)
		e := NewEncoder()
		e.Array(2)
		e.Str(text)
		e.Bin([]byte(text))
		if err := Scan(e.Bytes()); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		d := NewDecoder(e.Bytes())
		d.ArrayOf(2)
		if s, b := d.StrMax(n), d.BinOf(n); s != text || string(b) != text || d.End() != nil {
			t.Errorf("%d bytes are read as %d and %d, %v", n, len(s), len(b), d.Err())
		}
	}
	for _, n := range []int{0, 1, 15, 16, MaxElements} {
		d := NewDecoder(flat(n))
		if got := d.Array(); got != n || Scan(flat(n)) != nil {
			t.Errorf("array of %d is read as %d, %v", n, got, d.Err())
		}
	}
}

func TestEncoder(t *testing.T) {
	e := NewEncoder()
	e.Bin(nil)
	if want := []byte{0xc4, 0}; !bytes.Equal(e.Bytes(), want) {
		t.Errorf("nil is written %x, not as an empty bin", e.Bytes())
	}
	n := e.Len()
	e.Str("does not fit")
	e.Truncate(n)
	e.Raw([]byte{0x91, 0x05})
	if want := []byte{0xc4, 0, 0x91, 5}; !bytes.Equal(e.Bytes(), want) {
		t.Errorf("%x, want %x", e.Bytes(), want)
	}
	e.Reset()
	if e.Len() != 0 {
		t.Errorf("%d bytes after Reset", e.Len())
	}
	if n := testing.AllocsPerRun(100, func() {
		e.Reset()
		e.Array(3)
		e.Uint(1 << 40)
		e.Str("lobby")
		e.Bin([]byte{1, 2, 3})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDecoderTakesExactTypesOnly(t *testing.T) {
	for _, c := range []struct {
		what string
		data string
		read func(d *Decoder)
		want string
	}{
		{"bin for str", "c4 01 61", func(d *Decoder) { d.StrMax(9) }, "protocol: str expected at byte 0, found 0xc4"},
		{"str for bin", "a1 61", func(d *Decoder) { d.Bin() }, "protocol: bin expected at byte 0, found 0xa1"},
		{"nil for bin", "c0", func(d *Decoder) { d.Bin() }, "protocol: bin expected at byte 0, found 0xc0"},
		{"nil for array", "c0", func(d *Decoder) { d.Array() }, "protocol: array expected at byte 0, found 0xc0"},
		{"minus one for uint", "ff", func(d *Decoder) { d.Uint() }, "protocol: unsigned integer expected at byte 0, found 0xff"},
		{"float for uint", "cb 40 00 00 00 00 00 00 00", func(d *Decoder) { d.Uint() }, "protocol: unsigned integer expected at byte 0, found 0xcb"},
		{"nothing", "", func(d *Decoder) { d.Uint() }, "protocol: unsigned integer expected at byte 0, nothing left"},
		{"a number above", "05", func(d *Decoder) { d.UintMax(4) }, "protocol: integer 5 is above 4"},
		{"a long str", "a2 61 61", func(d *Decoder) { d.StrMax(1) }, "protocol: str of 2 bytes is above 1"},
		{"a long bin", "c4 02 61 61", func(d *Decoder) { d.BinMax(1) }, "protocol: bin of 2 bytes is above 1"},
		{"a short bin", "c4 01 61", func(d *Decoder) { d.BinOf(2) }, "protocol: bin of 2 bytes expected, found 1"},
		{"another array", "91 00", func(d *Decoder) { d.ArrayOf(2) }, "protocol: array of 2 expected, found 1"},
		{"too much", "00 00", func(d *Decoder) { d.Uint() }, "protocol: 1 bytes too many"},
		{"a bin that lies", "c4 05 61", func(d *Decoder) { d.Bin() }, "protocol: bin: bad length"},
		{"a bin bomb", "c6 ff ff ff fe", func(d *Decoder) { d.Bin() }, "protocol: bin: bad length"},
	} {
		d := NewDecoder(unhex(t, c.data))
		c.read(d)
		if err := d.End(); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.what, err, c.want)
		}
	}
}

func TestDecoderKeepsItsFirstError(t *testing.T) {
	d := NewDecoder(unhex(t, "93 a1 61 07 c4 01 02"))
	d.ArrayOf(3)
	d.Uint()
	want := d.Err()
	d.Fail("another")
	if d.Uint() != 0 || d.StrMax(9) != "" || d.Bin() != nil || d.Array() != 0 || len(d.BinOf(4)) != 4 || d.BinMax(4) != nil || d.More() {
		t.Error("a value came after an error")
	}
	if want == nil || d.End() != want {
		t.Errorf("%v became %v", want, d.Err())
	}
	d.Reset([]byte{5})
	if d.Uint() != 5 || d.End() != nil {
		t.Errorf("after Reset: %v", d.Err())
	}
}

// An acknowledgement of one range, and a bin of bulk.
func benchmarkFields(e *Encoder, data []byte) {
	e.Reset()
	e.Array(3)
	e.Uint(1)
	e.Uint(120)
	e.Array(2)
	e.Uint(1 << 20)
	e.Uint(1<<20 + 300)
	e.Array(2)
	e.Uint(20)
	e.Bin(data)
}

func BenchmarkEncode(b *testing.B) {
	e, data := NewEncoder(), make([]byte, 1100)
	b.ReportAllocs()
	for b.Loop() {
		benchmarkFields(e, data)
	}
}

func BenchmarkDecode(b *testing.B) {
	e := NewEncoder()
	benchmarkFields(e, make([]byte, 1100))
	d := NewDecoder(nil)
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(e.Bytes())
		d.ArrayOf(3)
		_, _ = d.Uint(), d.Uint()
		d.ArrayOf(2)
		_, _ = d.Uint(), d.Uint()
		d.ArrayOf(2)
		_, _ = d.Uint(), d.BinMax(1200)
		if err := d.End(); err != nil {
			b.Fatal(err)
		}
	}
}
