package session

import (
	"bytes"
	"testing"
	"time"

	"earshot/protocol"
)

// ends is two endpoints in the midst of a handshake, and what each would have got next.
type ends struct {
	a, b                         *Endpoint
	now                          time.Time
	first, second, third, cookie []byte
}

func newEnds(t testing.TB) *ends {
	t.Helper()
	x := &ends{
		now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
		a:   newEndpoint(t, 1, protocol.Instance{1}, protocol.OpenNetwork()),
		b:   newEndpoint(t, 2, protocol.Instance{2}, protocol.OpenNetwork()),
	}
	x.a.Connect(x.now, protocol.Instance{2}, protocol.Path{})
	x.first = sent(t, x.a).Data
	if err := x.b.Receive(x.now, protocol.Path{}, protocol.KindHandshake1, x.first); err != nil {
		t.Fatal(err)
	}
	x.second = sent(t, x.b).Data
	nonce := make([]byte, nonceSize)
	x.cookie = appendCookie(nil, x.a.attempts[0].index, nonce,
		sealCookie(x.b.cookieKey, nonce, [cookieSize]byte{}, x.a.attempts[0].mac))
	return x
}

// finish takes message 2 to the initiator.
func (x *ends) finish(t testing.TB) *Session {
	t.Helper()
	if err := x.a.Receive(x.now, protocol.Path{}, protocol.KindHandshake2, x.second); err != nil {
		t.Fatalf("the right message 2: %v", err)
	}
	out := x.a.Output()
	x.third = out.Sends[0].Data
	return out.Established[0]
}

// fuzz has one kind of datagram arrive in the place of the right one, as it is and with a right code in front.
// Nothing but the right one makes a session, and it still does so afterwards.
func fuzz(f *testing.F, kind protocol.Kind) {
	begin := newEnds(f)
	begin.finish(f)
	for _, seed := range [][]byte{begin.first, begin.second, begin.third, begin.cookie, withCookie(begin.first, nil)} {
		f.Add(seed)
		f.Add(seed[:len(seed)-1])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, resign(begin.a, kind, bytes.Clone(data))} {
			attack(t, kind, data)
		}
	})
}

func attack(t *testing.T, kind protocol.Kind, data []byte) {
	// What does not have the shape of its kind touches no state, so it needs none.
	if _, ok := parseHandshake(data, kind); !ok && kind != protocol.KindCookie {
		if err := new(Endpoint).Receive(time.Time{}, protocol.Path{}, kind, data); err != errFields {
			t.Fatalf("wrong shape: %v", err)
		}
		return
	}
	x := newEnds(t)
	to, right := x.b, []byte(nil)
	switch kind {
	case protocol.KindHandshake2, protocol.KindCookie:
		to, right = x.a, x.second
	case protocol.KindHandshake3:
		x.finish(t)
		right = x.third
	}
	before := bytes.Clone(data)
	err := to.Receive(x.now, protocol.Path{}, kind, data)
	out := to.Output()
	switch {
	case !bytes.Equal(data, before):
		t.Fatal("the datagram was changed")
	case len(out.Established) > 0 && !bytes.Equal(data, right):
		t.Fatal("a session out of nothing")
	case err != nil && len(out.Sends) > 0:
		t.Fatalf("an answer to what was refused: %v", err)
	case len(out.Established) > 0:
		return
	}
	for _, s := range out.Sends {
		if kind == protocol.KindHandshake1 && len(s.Data) > len(data) {
			t.Fatal("an answer longer than the question")
		}
	}
	if kind != protocol.KindHandshake3 {
		x.finish(t)
	}
	if err := x.b.Receive(x.now, protocol.Path{}, protocol.KindHandshake3, x.third); err != nil {
		t.Fatalf("the right message 3: %v", err)
	}
}

func FuzzHandshake1(f *testing.F) { fuzz(f, protocol.KindHandshake1) }
func FuzzHandshake2(f *testing.F) { fuzz(f, protocol.KindHandshake2) }
func FuzzHandshake3(f *testing.F) { fuzz(f, protocol.KindHandshake3) }
func FuzzCookie(f *testing.F)     { fuzz(f, protocol.KindCookie) }

func FuzzOpen(f *testing.F) {
	a, _, _ := pair(f)
	for _, payload := range []string{"", "a word", string(make([]byte, 300))} {
		f.Add(seal(f, a, payload))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, b, _ := pair(t)
		right := map[string]string{}
		for _, payload := range []string{"", "a word", string(make([]byte, 300))} {
			right[string(seal(t, a, payload))] = payload
		}
		want, ok := right[string(data)]
		index, errIndex := Index(data)
		got, _, err := b.Open(bytes.Clone(data))
		if (err == nil) != ok || string(got) != want {
			t.Fatalf("opened %q: %v", got, err)
		}
		if ok && (errIndex != nil || index != b.LocalIndex()) {
			t.Fatalf("index %08x: %v", index, errIndex)
		}
	})
}
