package protocol

import (
	"bytes"
	"errors"
	"testing"
)

func TestParseKindNamesTheReason(t *testing.T) {
	long := append([]byte{0x93, 1, 7, 0xc5, 0x23, 0x06}, make([]byte, 0x2306)...) // 8,972 bytes
	if k, err := ParseKind(long); k != KindPacket || err != nil || len(long) != MaxPacket {
		t.Fatalf("%d bytes: %v, %v", len(long), k, err)
	}
	hello := append([]byte{0x93, 1, 3, 0xc5, 0x05, 0xd7}, make([]byte, 0x5d7)...) // 1,501 bytes
	for _, c := range []struct {
		what string
		data []byte
		want error
	}{
		{"empty", nil, ErrSize},
		{"8,973 bytes", append(bytes.Clone(long), 0), ErrSize},
		{"1,501 bytes that no session vouches for", hello, ErrSize},
		{"array bomb", unhex(t, "dd ff ff ff ff"), ErrScan},
		{"bin bomb", unhex(t, "c6 ff ff ff fe"), ErrScan},
		{"a number", unhex(t, "01"), ErrHeader},
		{"another version", unhex(t, "92 02 01"), ErrVersion},
		{"another kind", unhex(t, "92 01 09"), ErrKind},
	} {
		if _, err := ParseKind(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
		if n := testing.AllocsPerRun(10, func() { _, _ = ParseKind(c.data) }); n != 0 {
			t.Errorf("%s: %v allocations", c.what, n)
		}
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = ParseKind(long) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestParseOfAnotherKind(t *testing.T) {
	e := NewEncoder()
	Announcement{Instance: Instance{1}, Port: 1}.Append(e)
	if _, err := ParseCast(e.Bytes()); !errors.Is(err, ErrKind) {
		t.Errorf("announcement as cast: %v", err)
	}
	e.Reset()
	Cast{Entries: [][]byte{{1}}}.Append(e)
	if _, err := ParseAnnouncement(e.Bytes()); !errors.Is(err, ErrKind) {
		t.Errorf("cast as announcement: %v", err)
	}
	if _, err := ParseAnnouncement(nil); !errors.Is(err, ErrSize) {
		t.Errorf("nothing as announcement: %v", err)
	}
}

func TestKindsAsText(t *testing.T) {
	for k := range Kind(20) {
		b, err := k.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again Kind
		if err := again.UnmarshalText(b); err != nil || again != k {
			t.Errorf("%d is written %q and read %d, %v", k, b, again, err)
		}
	}
	var k Kind
	if err := k.UnmarshalText([]byte("gossip")); err == nil {
		t.Error("gossip is no kind")
	}
}

// A caller packs entries into a cast by these numbers, so they must never be too low.
func TestCastOverhead(t *testing.T) {
	for _, sizes := range [][]int{{1}, {255}, {256}, {MaxDatagram - CastOverhead - CastEntryOverhead}, {70, 70, 70, 300, 70}, make([]int, MaxCastEntries)} {
		var c Cast
		bound := CastOverhead
		for _, n := range sizes {
			c.Entries = append(c.Entries, make([]byte, n+1)[:max(n, 1)])
			bound += CastEntryOverhead + max(n, 1)
		}
		e := NewEncoder()
		c.Append(e)
		if e.Len() > bound || e.Len() < bound-len(sizes) {
			t.Errorf("entries of %v: %d bytes, bound %d", sizes, e.Len(), bound)
		}
	}
}

// The reader of a socket uses its buffer again; entries stay.
func TestCastSharesNoMemory(t *testing.T) {
	e := NewEncoder()
	Cast{Entries: [][]byte{[]byte("entry")}}.Append(e)
	b := bytes.Clone(e.Bytes())
	c, err := ParseCast(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if string(c.Entries[0]) != "entry" {
		t.Errorf("entry is now %q", c.Entries[0])
	}
}

func BenchmarkParseAnnouncement(b *testing.B) {
	e := NewEncoder()
	Announcement{Instance: Instance{1}, Counter: 1000, Port: 40000}.Append(e)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseAnnouncement(e.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}

// What ParseKind costs for the datagrams that are many.
func BenchmarkParsePacketKind(b *testing.B) {
	e := NewEncoder()
	e.Array(5)
	e.Uint(Version)
	e.Uint(uint64(KindPacket))
	e.Bin(make([]byte, 4))
	e.Bin(make([]byte, 8))
	e.Bin(make([]byte, 1165))
	for b.Loop() {
		if _, err := ParseKind(e.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
