package session

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

// pair is the two ends of one session, initiator first.
func pair(t testing.TB) (*Session, *Session, time.Time) {
	t.Helper()
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	a := newEndpoint(t, 1, protocol.Instance{1}, protocol.OpenNetwork())
	b := newEndpoint(t, 2, protocol.Instance{2}, protocol.OpenNetwork())
	i, r := meet(t, now, a, b)
	return i, r, now
}

// meet has one endpoint reach another.
func meet(t testing.TB, now time.Time, a, b *Endpoint) (initiator, responder *Session) {
	t.Helper()
	a.Connect(now, b.self.instance, protocol.Path{})
	for _, step := range []struct {
		from, to *Endpoint
		kind     protocol.Kind
	}{{a, b, protocol.KindHandshake1}, {b, a, protocol.KindHandshake2}} {
		if err := step.to.Receive(now, protocol.Path{}, step.kind, sent(t, step.from).Data); err != nil {
			t.Fatal(err)
		}
	}
	out := a.Output()
	if err := b.Receive(now, protocol.Path{}, protocol.KindHandshake3, out.Sends[0].Data); err != nil {
		t.Fatal(err)
	}
	a.Confirm(out.Established[0].LocalIndex())
	return out.Established[0], b.Output().Established[0]
}

func seal(t testing.TB, s *Session, payload string) []byte {
	t.Helper()
	data, _, err := s.Seal(nil, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPackets(t *testing.T) {
	a, b, _ := pair(t)
	if a.LocalIndex() != b.RemoteIndex() || b.LocalIndex() != a.RemoteIndex() || !a.Initiator() || b.Initiator() {
		t.Error("the ends do not fit")
	}
	for i, size := range []int{0, 1, 239, 240, 300, MaxPayload} {
		payload := bytes.Repeat([]byte{byte(i)}, size)
		data, number, err := a.Seal([]byte("before"), payload)
		if err != nil || number != uint64(i) {
			t.Fatalf("number %d, %v", number, err)
		}
		data, ok := bytes.CutPrefix(data, []byte("before"))
		if kind, err := protocol.ParseKind(data); !ok || err != nil || kind != protocol.KindPacket {
			t.Fatalf("a packet of %d bytes is a %v: %v", size, kind, err)
		}
		if len(data) > protocol.MaxDatagram || len(data)-size > a.Overhead() {
			t.Errorf("%d bytes in a packet of %d", size, len(data))
		}
		if index, err := Index(data); err != nil || index != b.LocalIndex() {
			t.Errorf("index %08x, %v", index, err)
		}
		got, number, err := b.Open(data)
		if err != nil || number != uint64(i) || !bytes.Equal(got, payload) {
			t.Errorf("opened %d bytes, number %d, %v", len(got), number, err)
		}
	}
	if skipped := a.Skip(); skipped != 6 {
		t.Errorf("skipped %d", skipped)
	}
	if _, number, err := b.Open(seal(t, a, "next")); number != 7 || err != nil {
		t.Errorf("number %d, %v", number, err)
	}
}

func TestPacketsInAnyOrderOnce(t *testing.T) {
	a, b, _ := pair(t)
	packets := make([][]byte, 5)
	for i := range packets {
		packets[i] = seal(t, a, fmt.Sprint(i))
	}
	for _, i := range []int{3, 0, 4, 1, 2} {
		if got, _, err := b.Open(bytes.Clone(packets[i])); err != nil || string(got) != fmt.Sprint(i) {
			t.Errorf("packet %d: %q, %v", i, got, err)
		}
	}
	for i := range packets {
		_, number, err := b.Open(packets[i])
		wantErr(t, err, ErrReplay)
		if number != uint64(i) {
			t.Errorf("number %d of packet %d", number, i)
		}
	}
}

func TestEveryBitCounts(t *testing.T) {
	a, b, _ := pair(t)
	for _, payload := range []string{"a word", strings.Repeat("long ", 60)} {
		data := seal(t, a, payload)
		for i := range len(data) * 8 {
			bad := bytes.Clone(data)
			bad[i/8] ^= 1 << (i % 8)
			if _, _, err := b.Open(bad); err == nil {
				t.Fatalf("bit %d of byte %d does not count", i%8, i/8)
			}
		}
		for n := range data {
			if _, _, err := b.Open(bytes.Clone(data[:n])); err == nil {
				t.Fatalf("cut to %d bytes", n)
			}
		}
		if _, _, err := b.Open(append(bytes.Clone(data), 0)); err == nil {
			t.Fatal("a byte too many")
		}
		// None of these shut the window for the right one.
		if got, _, err := b.Open(data); err != nil || string(got) != payload {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// There is one encoding of each datagram, also for what no code covers.
func TestOneEncodingOnly(t *testing.T) {
	a, b, _ := pair(t)
	data := seal(t, a, "a word")
	long := append(bytes.Clone(data[:packetHeader]), 0xc5, 0)
	long = append(long, data[packetHeader+1:]...)
	_, _, err := b.Open(long)
	wantErr(t, err, protocol.ErrFields)
	first := record(t).data[0]
	for n := range 40 {
		shown := appendBin(bytes.Clone(first[:len(first)-2]), make([]byte, n))
		if _, ok := parseHandshake(shown, protocol.KindHandshake1); ok != (n == 0 || n == macSize) {
			t.Errorf("a cookie code of %d bytes is taken: %v", n, ok)
		}
	}
}

func TestPacketsOfOthers(t *testing.T) {
	a, b, _ := pair(t)
	_, _, err := a.Open(seal(t, a, "one's own"))
	wantErr(t, err, ErrIndex)
	mirrored := *b
	mirrored.remote = b.local // the right index, the wrong direction
	_, _, err = b.Open(seal(t, &mirrored, "one's own"))
	wantErr(t, err, ErrAuth)
}

func TestNumbersEnd(t *testing.T) {
	a, b, _ := pair(t)
	a.next = protocol.MaxPacketNumber
	if _, number, err := b.Open(seal(t, a, "the last")); err != nil || number != protocol.MaxPacketNumber {
		t.Errorf("number %d, %v", number, err)
	}
	_, _, err := a.Seal(nil, nil)
	wantErr(t, err, ErrExhausted)
	_, _, err = b.Open(append(appendPacketHeader(nil, b.local, math.MaxUint64), 0xc4, 0))
	wantErr(t, err, ErrExhausted)
	_, _, err = b.Seal(nil, make([]byte, 1<<16))
	wantErr(t, err, ErrTooLong)
}

func TestRekeyAndExpiry(t *testing.T) {
	a, b, start := pair(t)
	for _, c := range []struct {
		after         time.Duration
		a, b, expired bool
	}{
		{0, false, false, false},
		{10*time.Minute - 1, false, false, false},
		{10 * time.Minute, true, false, false},
		{11*time.Minute - 1, true, false, false},
		{11 * time.Minute, true, true, false},
		{15*time.Minute - 1, true, true, false},
		{15 * time.Minute, true, true, true},
	} {
		now := start.Add(c.after)
		if a.RekeyDue(now) != c.a || b.RekeyDue(now) != c.b || a.Expired(now) != c.expired || b.Expired(now) != c.expired {
			t.Errorf("after %v: rekey %v and %v, expired %v and %v",
				c.after, a.RekeyDue(now), b.RekeyDue(now), a.Expired(now), b.Expired(now))
		}
	}
	a.next = protocol.RekeyPackets - 1
	if a.RekeyDue(start) {
		t.Error("rekey a packet too early")
	}
	data := seal(t, a, "the last")
	if _, _, err := b.Open(data); err != nil {
		t.Fatal(err)
	}
	if !a.RekeyDue(start) || !b.RekeyDue(start) {
		t.Error("no rekey after 2^28 packets")
	}
}

func TestSessionsDoNotPrintKeys(t *testing.T) {
	a, _, _ := pair(t)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, a); got != a.String() {
			t.Errorf("%s: %s", format, got)
		}
	}
}

func TestPacketsNeedNoAllocation(t *testing.T) {
	for _, c := range []Cipher{ChaCha20Poly1305, AES256GCM} {
		t.Run(c.String(), func(t *testing.T) { needNoAllocation(t, c) })
	}
}

func needNoAllocation(t *testing.T, c Cipher) {
	a, b := under(t, c)
	payload, buf := make([]byte, 300), make([]byte, 0, protocol.MaxDatagram)
	allocs := testing.AllocsPerRun(100, func() {
		data, _, err := a.Seal(buf, payload)
		if err == nil {
			_, _, err = b.Open(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkHandshake(b *testing.B) {
	for b.Loop() {
		pair(b)
	}
}

// What an outsider's message 1 costs.
func BenchmarkRefusedByCode(b *testing.B) {
	now := time.Now()
	e := newEndpoint(b, 1, protocol.Instance{1}, protocol.OpenNetwork())
	e.Connect(now, protocol.Instance{2}, protocol.Path{})
	data := sent(b, e).Data
	data[100] ^= 1
	for b.Loop() {
		if e.Receive(now, protocol.Path{}, protocol.KindHandshake1, data) != ErrMAC {
			b.Fatal("taken")
		}
	}
}
