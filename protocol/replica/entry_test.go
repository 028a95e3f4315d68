package replica

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

func TestEntryComesBackAsItWasSigned(t *testing.T) {
	id := who("alice")
	e, err := NewText(KindAction, noon, "alice", "waves")
	if err != nil {
		t.Fatal(err)
	}
	e.Log, e.Seq, e.Previous, e.Lamport = Log{Room: lobby, Epoch: 7}, 3, [32]byte{1}, 12
	v, err := Verify(Sign(id, e).Raw())
	if err != nil {
		t.Fatal(err)
	}
	got := v.Entry()
	if got.Log != (Log{lobby, id.ID(), 7}) || got.Seq != 3 || got.Previous != e.Previous || got.Lamport != 12 ||
		!got.Wall.Equal(noon) || got.Kind != KindAction {
		t.Errorf("got %+v", got)
	}
	if name, text, ok := v.Text(); name != "alice" || text != "waves" || !ok {
		t.Errorf("text %q of %q, %t", text, name, ok)
	}
	if v.Hash() != sha256.Sum256(v.Raw()) {
		t.Error("the hash is not SHA-256 over the raw entry")
	}
	log, seq, err := Peek(v.Raw())
	if err != nil || log != got.Log || seq != 3 {
		t.Errorf("peek: %v %d %v", log, seq, err)
	}
}

func TestIDIsAUUIDOfTheWallTime(t *testing.T) {
	v := writes("alice", 1).say("hello")
	id := v.ID()
	if id.Version() != 7 || id.Variant().String() != "RFC4122" {
		t.Errorf("%s is version %d, variant %s", id, id.Version(), id.Variant())
	}
	if sec, ns := id.Time().UnixTime(); !time.Unix(sec, ns).Equal(noon) {
		t.Errorf("%s tells %s", id, time.Unix(sec, ns))
	}
	again, err := Verify(v.Raw())
	if err != nil || again.ID() != id {
		t.Errorf("the receiver's id is %s (%v), the author's %s", again.ID(), err, id)
	}
	if writes("alice", 2).say("hello").ID() == id {
		t.Error("two entries of one millisecond share an id")
	}
}

func TestVerifyKeepsNothingOfItsInput(t *testing.T) {
	raw := bytes.Clone(writes("alice", 1).say("hello").Raw())
	v, err := Verify(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if _, text, _ := v.Text(); text != "hello" || sha256.Sum256(v.Raw()) != v.Hash() {
		t.Errorf("the entry changed with the buffer: %q", text)
	}
}

func TestNoTruncationVerifies(t *testing.T) {
	raw := writes("alice", 1).say("hello").Raw()
	for n := range raw {
		if _, err := Verify(raw[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(raw), err)
		}
	}
	if _, err := Verify(append(bytes.Clone(raw), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("with a byte too many: %v", err)
	}
}

func TestNoBitFlipVerifies(t *testing.T) {
	raw := bytes.Clone(writes("alice", 300).say("hi").Raw())
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		if _, err := Verify(raw); err == nil {
			t.Fatalf("verified with bit %d of byte %d flipped", bit%8, bit/8)
		}
		raw[bit/8] ^= 1 << (bit % 8)
	}
}

func TestSignatureIsForEntriesAlone(t *testing.T) {
	v := writes("alice", 1).say("hello")
	raw := bytes.Clone(v.Raw())
	copy(raw[len(raw)-64:], who("alice").Sign(raw[:len(raw)-signatureSize]))
	if _, err := Verify(raw); !errors.Is(err, ErrSignature) {
		t.Errorf("signed without its context: %v", err)
	}
	copy(raw[len(raw)-64:], who("mallory").Sign(signed(raw)))
	if _, err := Verify(raw); !errors.Is(err, ErrSignature) {
		t.Errorf("signed by somebody else: %v", err)
	}
}

// forgery writes an entry field by field and signs whatever came out, so that only the rule under test can refuse it.
type forgery struct {
	id     *protocol.Identity
	fields [][]byte // of the array, but the signature
	head   []byte
}

func forge(id *protocol.Identity) *forgery {
	f := &forgery{id: id, head: []byte{0x90 | entryFields}}
	author := id.ID()
	body, err := EncodeBody("me", "hello")
	if err != nil {
		panic(err)
	}
	for _, write := range []func(*protocol.Encoder){
		func(e *protocol.Encoder) { e.Uint(protocol.Version) },
		func(e *protocol.Encoder) { e.Bin(author[:]) },
		func(e *protocol.Encoder) { e.Bin(lobby[:]) },
		func(e *protocol.Encoder) { e.Uint(1) },
		func(e *protocol.Encoder) { e.Uint(1) },
		func(e *protocol.Encoder) { e.Bin(make([]byte, 32)) },
		func(e *protocol.Encoder) { e.Uint(1) },
		func(e *protocol.Encoder) { e.Uint(uint64(noon.UnixMilli())) },
		func(e *protocol.Encoder) { e.Uint(uint64(KindText)) },
		func(e *protocol.Encoder) { e.Bin(body) },
	} {
		f.fields = append(f.fields, encoded(write))
	}
	return f
}

func encoded(write func(*protocol.Encoder)) []byte {
	e := protocol.NewEncoder()
	write(e)
	return bytes.Clone(e.Bytes())
}

func (f *forgery) with(field int, write func(*protocol.Encoder)) *forgery {
	f.fields[field] = encoded(write)
	return f
}

func (f *forgery) uint(field int, u uint64) *forgery {
	return f.with(field, func(e *protocol.Encoder) { e.Uint(u) })
}

func (f *forgery) hex(field int, s string) *forgery {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	f.fields[field] = b
	return f
}

func (f *forgery) raw() []byte {
	message := append(append([]byte(nil), f.head...), bytes.Join(f.fields, nil)...)
	signature := f.id.Sign(append([]byte(context), message...))
	return append(append(message, 0xc4, 64), signature...)
}

const (
	fVersion = iota
	fAuthor
	fRoom
	fEpoch
	fSeq
	fPrevious
	fLamport
	fWall
	fKind
	fBody
)

func TestWellSignedButNotCanonical(t *testing.T) {
	if _, err := Verify(forge(who("alice")).raw()); err != nil {
		t.Fatalf("the forgery before it is changed: %v", err)
	}
	id := strings.Repeat("00", 16)
	for name, f := range map[string]*forgery{
		"version 2":                  forge(who("alice")).uint(fVersion, 2),
		"version as a long integer":  forge(who("alice")).hex(fVersion, "cc01"),
		"epoch as a long integer":    forge(who("alice")).hex(fEpoch, "cd0001"),
		"number as a long integer":   forge(who("alice")).hex(fSeq, "cf0000000000000001"),
		"number as a signed integer": forge(who("alice")).hex(fSeq, "d001"),
		"number as nil":              forge(who("alice")).hex(fSeq, "c0"),
		"room as a long bin":         forge(who("alice")).hex(fRoom, "c50010"+id),
		"room as text":               forge(who("alice")).hex(fRoom, "b0"+id),
		"room a byte short":          forge(who("alice")).hex(fRoom, "c40f"+id[2:]),
		"room a byte long":           forge(who("alice")).hex(fRoom, "c411"+id+"00"),
		"body as text":               forge(who("alice")).hex(fBody, "a3616263"),
		"body not an array":          forge(who("alice")).hex(fBody, "c40100"),
		"body of one":                forge(who("alice")).hex(fBody, "c40291a0"),
		"body of three":              forge(who("alice")).hex(fBody, "c40493a0a0a0"),
		"body with a byte too many":  forge(who("alice")).hex(fBody, "c40492a0a000"),
		"body with a long text":      forge(who("alice")).hex(fBody, "c40492a0d900"),
		"body not UTF-8":             forge(who("alice")).hex(fBody, "c40492a0a1ff"),
		"body empty":                 forge(who("alice")).hex(fBody, "c400"),
		"a long array":               {id: who("alice"), head: []byte{0xdc, 0, entryFields}, fields: forge(who("alice")).fields},
		"ten fields":                 {id: who("alice"), head: []byte{0x90 | 10}, fields: forge(who("alice")).fields[:9]},
	} {
		if _, err := Verify(f.raw()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEntryBounds(t *testing.T) {
	const most = protocol.MaxSafeInteger
	previous := func(b byte) func(*protocol.Encoder) {
		return func(e *protocol.Encoder) { e.Bin(bytes.Repeat([]byte{b}, 32)) }
	}
	second := func() *forgery { return forge(who("alice")).uint(fSeq, 2).with(fPrevious, previous(1)) }
	text := func(name, text int) *forgery {
		return forge(who("alice")).with(fBody, func(e *protocol.Encoder) {
			e.Bin(encoded(func(e *protocol.Encoder) {
				e.Array(2)
				e.Str(strings.Repeat("n", name))
				e.Str(strings.Repeat("t", text))
			}))
		})
	}
	unknown := func(size int) *forgery {
		return forge(who("alice")).uint(fKind, 200).with(fBody, func(e *protocol.Encoder) { e.Bin(make([]byte, size)) })
	}
	for name, c := range map[string]struct{ good, bad *forgery }{
		"epoch from 1":     {forge(who("alice")).uint(fEpoch, 1), forge(who("alice")).uint(fEpoch, 0)},
		"epoch at most":    {forge(who("alice")).uint(fEpoch, most), forge(who("alice")).uint(fEpoch, most+1)},
		"number from 1":    {second(), forge(who("alice")).uint(fSeq, 0)},
		"number at most":   {second().uint(fSeq, most), second().uint(fSeq, most+1)},
		"first alone":      {forge(who("alice")), forge(who("alice")).with(fPrevious, previous(1))},
		"second after it":  {second(), second().with(fPrevious, previous(0))},
		"lamport from 1":   {forge(who("alice")).uint(fLamport, 1), forge(who("alice")).uint(fLamport, 0)},
		"lamport at most":  {forge(who("alice")).uint(fLamport, most), forge(who("alice")).uint(fLamport, most+1)},
		"wall at most":     {forge(who("alice")).uint(fWall, protocol.MaxWall), forge(who("alice")).uint(fWall, protocol.MaxWall+1)},
		"kind from 1":      {forge(who("alice")).uint(fKind, 2), forge(who("alice")).uint(fKind, 0)},
		"kind at most":     {forge(who("alice")).uint(fKind, 255), forge(who("alice")).uint(fKind, 256)},
		"name at most":     {text(protocol.MaxName, 1), text(protocol.MaxName+1, 1)},
		"text at most":     {text(protocol.MaxName, protocol.MaxText), text(1, protocol.MaxText+1)},
		"body at most":     {unknown(protocol.MaxBody), unknown(protocol.MaxBody + 1)},
		"whatever is text": {unknown(3), forge(who("alice")).with(fBody, func(e *protocol.Encoder) { e.Bin(make([]byte, 3)) })},
	} {
		if _, err := Verify(c.good.raw()); err != nil {
			t.Errorf("%s: at the limit: %v", name, err)
		}
		if _, err := Verify(c.bad.raw()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: one beyond: %v", name, err)
		}
	}
	if n := len(unknown(protocol.MaxBody).uint(fEpoch, most).uint(fLamport, most).raw()); n > protocol.MaxEntry {
		t.Errorf("the longest entry has %d bytes, the limit is %d", n, protocol.MaxEntry)
	}
	if _, err := Verify(make([]byte, protocol.MaxEntry+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("an entry longer than any: %v", err)
	}
}

func TestTextBounds(t *testing.T) {
	for name, c := range map[string]struct {
		name, text string
		ok         bool
	}{
		"as long as may be": {strings.Repeat("n", protocol.MaxName), strings.Repeat("t", protocol.MaxText), true},
		"name too long":     {strings.Repeat("n", protocol.MaxName+1), "", false},
		"text too long":     {"", strings.Repeat("t", protocol.MaxText+1), false},
		"name not UTF-8":    {"\xff", "", false},
		"text not UTF-8":    {"", "\xc0\x80", false},
		"empty":             {"", "", true},
	} {
		e, err := NewText(KindText, noon, c.name, c.text)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, ErrText) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		if gotName, gotText, err := DecodeBody(e.Body); gotName != c.name || gotText != c.text || err != nil {
			t.Errorf("%s: came back as %q, %q, %v", name, gotName, gotText, err)
		}
	}
	if _, err := NewText(200, noon, "", ""); err == nil {
		t.Error("a kind without text was given one")
	}
}

// A node keeps and serves what newer programs say, and shows nothing of it.
func TestUnknownKindIsKept(t *testing.T) {
	v := Sign(who("alice"), Entry{Log: Log{Room: lobby, Epoch: 1}, Seq: 1, Lamport: 1, Wall: noon, Kind: 9, Body: []byte("later")})
	if _, err := Verify(v.Raw()); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := v.Text(); ok {
		t.Error("it has a text")
	}
}

func TestSignRefusesWhatNobodyWouldAccept(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an entry with number 0 was signed")
		}
	}()
	Sign(who("alice"), Entry{Log: Log{Room: lobby, Epoch: 1}, Lamport: 1, Wall: noon, Kind: KindText})
}

func TestEpochsAreInTheirBounds(t *testing.T) {
	for _, b := range []byte{0x00, 0xff, 0x7f} {
		epoch, err := NewEpoch(bytes.NewReader(bytes.Repeat([]byte{b}, 8)))
		if err != nil || epoch == 0 || epoch > protocol.MaxSafeInteger {
			t.Errorf("from %#x: %d, %v", b, epoch, err)
		}
	}
	if _, err := NewEpoch(bytes.NewReader(nil)); err == nil {
		t.Error("an epoch without randomness")
	}
}

// The bytes of a first and a second entry, which another implementation must produce too.
func TestGoldenEntries(t *testing.T) {
	w := writes("alice", 300)
	b, err := os.ReadFile("testdata/entries.txt")
	if err != nil {
		t.Fatal(err)
	}
	var golden []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			golden = append(golden, line)
		}
	}
	var got []string
	for _, text := range []string{"good morning", "the build is green"} {
		v := w.say(text)
		id, hash := v.ID(), v.Hash()
		got = append(got, hex.EncodeToString(v.Raw()), hex.EncodeToString(hash[:])+" "+id.String())
	}
	if strings.Join(got, "\n") != strings.Join(golden, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(golden, "\n"))
	}
}

func TestPlaceOrdersByClockAuthorEpochAndNumber(t *testing.T) {
	low, high := protocol.PeerID{1}, protocol.PeerID{2}
	ordered := []Place{
		{},
		{Lamport: 1, Author: low, Epoch: 1, Seq: 1},
		{Lamport: 1, Author: low, Epoch: 1, Seq: 2},
		{Lamport: 1, Author: low, Epoch: 2, Seq: 1},
		{Lamport: 1, Author: high, Epoch: 1, Seq: 1},
		{Lamport: 2, Author: low, Epoch: 1, Seq: 1},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := a.Compare(b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%v compared to %v: %d", a, b, got)
			}
		}
	}
}
