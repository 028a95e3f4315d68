package session

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"earshot/protocol"
)

// stranger has somebody new send a node n messages 1 from one new address, and gives how each was taken.
func stranger(t *testing.T, w *world, to *node, n int) (protocol.Path, []error) {
	t.Helper()
	w.strangers++
	path := protocol.Path{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, w.strangers, 1}), 4000)}
	var errs []error
	for i := range n {
		e := newEndpoint(t, w.strangers+byte(i), protocol.Instance{200, w.strangers, byte(i)}, protocol.OpenNetwork())
		e.Connect(w.now, to.instance, to.path)
		errs = append(errs, to.e.Receive(w.now, path, protocol.KindHandshake1, sent(t, e).Data))
	}
	return path, errs
}

func TestCookiesUnderLoad(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	bob := w.node("bob")
	for i := range protocol.CookieFrom {
		if _, errs := stranger(t, w, bob, 1); errs[0] != nil {
			t.Fatalf("handshake %d: %v", i, errs[0])
		}
	}
	if _, errs := stranger(t, w, bob, 1); errs[0] != ErrCookie {
		t.Errorf("handshake beyond: %v", errs[0])
	}
	out := bob.e.Output()
	if last := out.Sends[len(out.Sends)-1]; last.Kind != protocol.KindCookie || len(last.Data) != 69 {
		t.Errorf("answered with %v of %d bytes", last.Kind, len(last.Data))
	}
	w.connect("alice", "bob")
	w.run(50 * time.Millisecond)
	w.want(`
	alice > bob handshake 1
	bob: drops handshake 1: session: cookie demanded
	bob > alice cookie
	alice > bob handshake 1, cookie
	bob > alice handshake 2
	alice: session with bob as initiator
	alice > bob handshake 3
	bob: session with alice as responder
	bob > alice packet`)
	w.talk("alice", "bob")
	w.quiet()
}

func TestRepetitionsShowTheCookie(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	bob := w.node("bob")
	for range protocol.CookieFrom {
		stranger(t, w, bob, 1)
	}
	bob.e.Output()
	w.connect("alice", "bob")
	w.run(wireDelay)
	w.lose(protocol.KindHandshake1, 1)
	w.run(200 * time.Millisecond)
	w.want(`
	alice > bob handshake 1
	bob: drops handshake 1: session: cookie demanded
	bob > alice cookie
	alice > bob handshake 1, cookie, lost
	alice > bob handshake 1, repeat
	bob > alice handshake 2
	alice: session with bob as initiator
	alice > bob handshake 3
	bob: session with alice as responder
	bob > alice packet`)
	if got := len(bob.in[1]); got != protocol.HandshakeSize+macSize {
		t.Errorf("message 1 with cookie has %d bytes", got)
	}
}

func TestLoadEndsWithTheUnfinishedHandshakes(t *testing.T) {
	w := newWorld(t, "bob")
	bob := w.node("bob")
	for range protocol.CookieFrom {
		stranger(t, w, bob, 1)
	}
	bob.e.Output()
	w.run(protocol.HalfOpenTimeout - time.Millisecond)
	if n := bob.e.HalfOpen(); n != protocol.CookieFrom {
		t.Errorf("%d half open", n)
	}
	w.run(time.Millisecond)
	w.run(time.Millisecond)
	if n := bob.e.HalfOpen(); n != 0 {
		t.Errorf("%d half open", n)
	}
	if _, errs := stranger(t, w, bob, 1); errs[0] != nil {
		t.Error(errs[0])
	}
}

// A cookie is good for the address that it was sent to, for the message 1 that it answers, and for a while.
func TestCookieIsBound(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	alice, bob := w.node("alice"), w.node("bob")
	for range protocol.CookieFrom {
		stranger(t, w, bob, 1)
	}
	bob.e.Output()
	alice.e.Connect(w.now, bob.instance, bob.path)
	first := sent(t, alice.e).Data
	wantErr(t, bob.e.Receive(w.now, alice.path, protocol.KindHandshake1, first), ErrCookie)
	cookie := sent(t, bob.e).Data
	wantErr(t, alice.e.Receive(w.now, bob.path, protocol.KindCookie, cookie), nil)
	shown := sent(t, alice.e).Data

	good := func(now time.Time, path protocol.Path, data []byte) bool {
		return bob.e.jar.good(now, path.Addr, parsed(t, protocol.KindHandshake1, data))
	}
	port := alice.path
	port.Addr = netip.AddrPortFrom(port.Addr.Addr(), 4001)
	spoilt := bytes.Clone(shown)
	spoilt[len(spoilt)-1] ^= 1
	for _, c := range []struct {
		name string
		path protocol.Path
		data []byte
		want bool
	}{
		{"from its address", alice.path, shown, true},
		{"from another address", bob.path, shown, false},
		{"from another port", port, shown, false},
		{"without the cookie", alice.path, first, false},
		{"with one bit changed", alice.path, spoilt, false},
	} {
		if got := good(w.now, c.path, c.data); got != c.want {
			t.Errorf("%s: good %v", c.name, got)
		}
	}
	for _, c := range []struct {
		age  time.Duration
		want bool
	}{{protocol.CookieLifetime - 1, true}, {protocol.CookieLifetime, true}, {2*protocol.CookieLifetime - 1, true}, {2 * protocol.CookieLifetime, false}} {
		if got := good(w.now.Add(c.age), alice.path, shown); got != c.want {
			t.Errorf("after %v: good %v", c.age, got)
		}
	}
	idle := jar{random: bytes.NewReader(make([]byte, 64))}
	old, err := idle.bake(w.now, alice.path.Addr)
	if err != nil {
		t.Fatal(err)
	}
	h := parsed(t, protocol.KindHandshake1, withCookie(first, old[:]))
	idle.random = bytes.NewReader(count(1, 64))
	if idle.good(w.now.Add(2*protocol.CookieLifetime), alice.path.Addr, h) {
		t.Error("a secret that nobody asked for stayed good for ever")
	}
	// The same cookie again is stored and no more; a spoilt one is refused; one for another attempt too.
	wantErr(t, alice.e.Receive(w.now, bob.path, protocol.KindCookie, cookie), nil)
	for i := range cookie {
		bad := bytes.Clone(cookie)
		bad[i] ^= 0x10
		if alice.e.Receive(w.now, bob.path, protocol.KindCookie, bad) == nil {
			t.Errorf("cookie with byte %d changed was taken", i)
		}
	}
	if out := alice.e.Output(); len(out.Sends) != 0 {
		t.Errorf("%d datagrams for repeated cookies", len(out.Sends))
	}
	other := newEndpoint(t, 9, protocol.Instance{9}, protocol.OpenNetwork())
	other.Connect(w.now, bob.instance, bob.path)
	other.attempts[0].index = alice.e.attempts[0].index
	wantErr(t, other.Receive(w.now, bob.path, protocol.KindCookie, cookie), ErrAuth)
}

// withCookieOf shows a cookie for a message 1, as somebody who receives at path.
func withCookieOf(t *testing.T, w *world, n *node, path protocol.Path, first []byte) []byte {
	t.Helper()
	cookie, err := n.e.jar.bake(w.now, path.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return withCookie(first, cookie[:])
}

func TestHalfOpenIsBounded(t *testing.T) {
	w := newWorld(t, "bob")
	bob := w.node("bob")
	knock := func(host, i byte) error {
		path := protocol.Path{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 1, host}), 1000+uint16(i))}
		e := newEndpoint(t, host, protocol.Instance{200, host, i}, protocol.OpenNetwork())
		e.dice.Uint32()
		e.Connect(w.now, bob.instance, bob.path)
		return bob.e.Receive(w.now, path, protocol.KindHandshake1, withCookieOf(t, w, bob, path, sent(t, e).Data))
	}
	const hosts = protocol.MaxHalfOpen / protocol.MaxHalfOpenPerSource
	for host := range byte(hosts) {
		for i := range byte(protocol.MaxHalfOpenPerSource) {
			if err := knock(host, i); err != nil {
				t.Fatalf("host %d, handshake %d: %v", host, i, err)
			}
		}
		wantErr(t, knock(host, 99), ErrHalfOpen)
	}
	wantErr(t, knock(hosts, 0), ErrHalfOpen)
	if n := bob.e.HalfOpen(); n != protocol.MaxHalfOpen {
		t.Errorf("%d half open", n)
	}
	if n := len(bob.e.Output().Sends); n != protocol.MaxHalfOpen {
		t.Errorf("%d answers", n)
	}
}

func TestOnLoopbackThePortIsTheSource(t *testing.T) {
	w := newWorld(t, "bob")
	bob := w.node("bob")
	for i := range byte(2 * protocol.MaxHalfOpenPerSource) {
		path := protocol.Path{Addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 1000+uint16(i))}
		e := newEndpoint(t, i, protocol.Instance{200, i}, protocol.OpenNetwork())
		e.Connect(w.now, bob.instance, bob.path)
		if err := bob.e.Receive(w.now, path, protocol.KindHandshake1, withCookieOf(t, w, bob, path, sent(t, e).Data)); err != nil {
			t.Fatalf("port %d: %v", i, err)
		}
	}
}
