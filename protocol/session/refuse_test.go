package session

import (
	"bytes"
	"testing"
	"time"

	"github.com/flynn/noise"

	"earshot/protocol"
)

// resign computes the code in front of a changed handshake datagram anew, as anybody in the network can.
func resign(e *Endpoint, kind protocol.Kind, data []byte) []byte {
	h, ok := parseHandshake(data, kind)
	if !ok {
		return data
	}
	mac := e.mac.sum(h.covered)
	copy(h.mac, mac[:])
	return data
}

// other network: the same but for its keys.
func outsider(w *world) *node {
	n := w.join("outsider", protocol.OpenNetwork())
	n.e.self.psk[0]++
	n.e.mac = newCode([]byte("another key"))
	n.e.self.network[0]++
	return n
}

func TestOutsidersGetNoReaction(t *testing.T) {
	w := newWorld(t, "alice")
	o := outsider(w)
	w.connect("outsider", "alice")
	w.run(50 * time.Millisecond)
	w.want(`
	outsider > alice handshake 1
	alice: drops handshake 1: session: wrong code in front of the handshake`)
	// Also not one who has the key of the code, but not the pre-shared one.
	o.e.mac = w.node("alice").e.mac
	o.e.attempts = nil
	w.connect("outsider", "alice")
	w.run(50 * time.Millisecond)
	w.want(`
	outsider > alice handshake 1
	alice: drops handshake 1: session: not authentic`)
	// Also not under load, when others are answered with a cookie.
	for range 20 {
		stranger(t, w, w.node("alice"), 1)
	}
	w.node("alice").e.Output()
	o.e.mac = newCode([]byte("another key"))
	o.e.attempts = nil
	w.connect("outsider", "alice")
	w.run(50 * time.Millisecond)
	w.want(`
	outsider > alice handshake 1
	alice: drops handshake 1: session: wrong code in front of the handshake`)
}

// Two nodes have a session. Everything they ever sent, sent again from anywhere, changes nothing for them.
func TestReplayedHandshakesDoNothing(t *testing.T) {
	w := newWorld(t, "alice", "bob", "mallory")
	w.connect("alice", "bob")
	w.run(time.Second)
	w.run(time.Minute) // nobody remembers the handshake
	alice, bob, mallory := w.node("alice"), w.node("bob"), w.node("mallory")
	heard := append(append([][]byte(nil), alice.in...), bob.in...)
	for _, data := range heard {
		for _, to := range []*node{alice, bob} {
			w.inject(mallory.path, to.path, data)
			w.inject(alice.path, to.path, data)
		}
	}
	w.lines = nil
	w.run(time.Minute)
	for _, line := range w.lines {
		if line == "alice: session with bob as initiator" || line == "bob: session with alice as responder" {
			t.Errorf("a replay made a session: %v", w.lines)
		}
	}
	w.lines = nil
	w.talk("alice", "bob")
	w.quiet()
}

// forged is a payload of message 2 or 3, made by someone who holds the keys of the handshake.
type forged struct {
	name    string
	payload func(m *self, role byte, h, h1 [32]byte, l link) []byte
	want    error
}

func forgeries(victim *Endpoint, own protocol.Instance) []forged {
	change := func(s self, f func(*self)) *self { f(&s); return &s }
	return []forged{
		{"honest", func(m *self, role byte, h, _ [32]byte, l link) []byte { return m.prove(role, h, l) }, nil},
		{"somebody else's identity", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			p := m.prove(role, h, l)
			id := victim.self.identity.ID()
			copy(p[3:], id[:])
			return p
		}, ErrSignature},
		{"the other role", func(m *self, role byte, h, _ [32]byte, l link) []byte { return m.prove(3-role, h, l) }, ErrSignature},
		{"another handshake", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			h[31] ^= 1
			return m.prove(role, h, l)
		}, ErrSignature},
		{"the beginning of the handshake only", func(m *self, role byte, _, h1 [32]byte, l link) []byte {
			return m.prove(role, h1, l)
		}, ErrSignature},
		{"another index", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			l.responder++
			return m.prove(role, h, l)
		}, ErrSignature},
		{"swapped indices", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			return m.prove(role, h, link{l.responder, l.initiator})
		}, ErrSignature},
		{"another network", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			return change(*m, func(s *self) { s.network[0] ^= 1 }).prove(role, h, l)
		}, ErrSignature},
		{"another Noise key", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			return change(*m, func(s *self) { s.static = victim.self.static }).prove(role, h, l)
		}, ErrSignature},
		{"other ciphers", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			p := m.prove(role, h, l)
			p[cipherAt] ^= byte(setAES)
			return p
		}, ErrSignature},
		{"another instance", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			return change(*m, func(s *self) { s.instance[0] = 99 }).prove(role, h, l)
		}, ErrTarget},
		{"one's own instance", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			return change(*m, func(s *self) { s.instance = own }).prove(role, h, l)
		}, ErrOwn},
		{"no instance", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			return change(*m, func(s *self) { s.instance = protocol.Instance{} }).prove(role, h, l)
		}, protocol.ErrFields},
		{"no array", func(m *self, role byte, h, _ [32]byte, l link) []byte {
			p := m.prove(role, h, l)
			p[0] = 0x93
			return p
		}, protocol.ErrFields},
	}
}

// begin has mallory write message 1, and gives the other's answer.
func begin(t *testing.T, w *world, m, to *node) (*noise.HandshakeState, [32]byte, handshake) {
	t.Helper()
	state, message, err := m.e.self.write1(&ephemeral{1}, to.instance)
	if err != nil {
		t.Fatal(err)
	}
	h1 := transcript(state)
	first := appendHandshake(nil, protocol.KindHandshake1, 77, 0, message, m.e.mac)
	if err := to.e.Receive(w.now, m.path, protocol.KindHandshake1, first); err != nil {
		t.Fatal(err)
	}
	return state, h1, parsed(t, protocol.KindHandshake2, sent(t, to.e).Data)
}

func TestInitiatorMustProveWhoItIs(t *testing.T) {
	for _, f := range forgeries(newWorld(t, "alice", "bob").node("alice").e, protocol.Instance{2, 15: 0xee}) {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t, "alice", "bob", "mallory")
			m, bob := w.node("mallory"), w.node("bob")
			state, h1, second := begin(t, w, m, bob)
			if _, err := m.e.self.read2(state, second.noise, link{77, second.sender}); err != nil {
				t.Fatal(err)
			}
			message, _, _, err := state.WriteMessage(nil, f.payload(&m.e.self, roleInitiator, transcript(state), h1, link{77, second.sender}))
			if err != nil {
				t.Fatal(err)
			}
			third := appendHandshake(nil, protocol.KindHandshake3, 77, second.sender, message, m.e.mac)
			wantErr(t, bob.e.Receive(w.now, m.path, protocol.KindHandshake3, third), f.want)
			out := bob.e.Output()
			if (len(out.Established) == 1) != (f.want == nil) || len(out.Sends) != 0 {
				t.Errorf("%d sessions, %d datagrams", len(out.Established), len(out.Sends))
			}
		})
	}
}

func TestResponderMustProveWhoItIs(t *testing.T) {
	for _, f := range forgeries(newWorld(t, "alice", "bob").node("bob").e, protocol.Instance{1, 15: 0xee}) {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t, "alice", "bob", "mallory")
			m, alice := w.node("mallory"), w.node("alice")
			alice.e.Connect(w.now, m.instance, m.path)
			first := parsed(t, protocol.KindHandshake1, sent(t, alice.e).Data)
			state, _, _, err := m.e.self.read1(&ephemeral{1}, first.noise)
			if err != nil {
				t.Fatal(err)
			}
			h := transcript(state)
			message, _, _, err := state.WriteMessage(nil, f.payload(&m.e.self, roleResponder, h, [32]byte{}, link{first.sender, 77}))
			if err != nil {
				t.Fatal(err)
			}
			second := appendHandshake(nil, protocol.KindHandshake2, 77, first.sender, message, m.e.mac)
			wantErr(t, alice.e.Receive(w.now, m.path, protocol.KindHandshake2, second), f.want)
			out := alice.e.Output()
			if (len(out.Established) == 1) != (f.want == nil) || len(out.Established) != len(out.Sends) {
				t.Errorf("%d sessions, %d datagrams", len(out.Established), len(out.Sends))
			}
			if f.want == nil {
				return
			}
			// The attempt goes on, and the honest answer still gets through.
			if err := m.e.Receive(w.now, alice.path, protocol.KindHandshake1, sentAgain(t, w, alice)); err != nil {
				t.Fatal(err)
			}
			wantErr(t, alice.e.Receive(w.now, m.path, protocol.KindHandshake2, sent(t, m.e).Data), nil)
		})
	}
}

// sentAgain lets time pass until message 1 is repeated.
func sentAgain(t *testing.T, w *world, n *node) []byte {
	t.Helper()
	w.now = n.e.Deadline()
	n.e.Advance(w.now)
	return sent(t, n.e).Data
}

// Mallory is called by alice, and shows bob what alice has signed for mallory.
func TestAProofIsGoodForOneHandshake(t *testing.T) {
	w := newWorld(t, "alice", "bob", "mallory")
	alice, bob, m := w.node("alice"), w.node("bob"), w.node("mallory")
	alice.e.Connect(w.now, m.instance, m.path)
	first := parsed(t, protocol.KindHandshake1, sent(t, alice.e).Data)
	state, _, _, err := m.e.self.read1(&ephemeral{1}, first.noise)
	if err != nil {
		t.Fatal(err)
	}
	message, err := m.e.self.write2(state, link{first.sender, 77})
	if err != nil {
		t.Fatal(err)
	}
	second := appendHandshake(nil, protocol.KindHandshake2, 77, first.sender, message, m.e.mac)
	if err := alice.e.Receive(w.now, m.path, protocol.KindHandshake2, second); err != nil {
		t.Fatal(err)
	}
	third := parsed(t, protocol.KindHandshake3, sent(t, alice.e).Data)
	stolen, _, _, err := state.ReadMessage(nil, third.noise)
	if err != nil {
		t.Fatal(err)
	}

	m.e.self.instance = alice.instance
	state, _, answer := begin(t, w, m, bob)
	if _, err := m.e.self.read2(state, answer.noise, link{77, answer.sender}); err != nil {
		t.Fatal(err)
	}
	message, _, _, err = state.WriteMessage(nil, stolen)
	if err != nil {
		t.Fatal(err)
	}
	forged := appendHandshake(nil, protocol.KindHandshake3, 77, answer.sender, message, m.e.mac)
	wantErr(t, bob.e.Receive(w.now, alice.path, protocol.KindHandshake3, forged), ErrSignature)
}

// Someone who hears everything spoils each message on its way, with a right code in front. The right message still
// gets through, and a spoilt one never does.
func TestSpoiltMessagesDoNoHarm(t *testing.T) {
	w := newWorld(t, "alice", "bob", "mallory")
	alice, bob, m := w.node("alice"), w.node("bob"), w.node("mallory")
	spoil := func(to *node, kind protocol.Kind, data []byte) {
		t.Helper()
		for i := 0; i < len(data); i += 3 {
			bad := bytes.Clone(data)
			bad[i] ^= 1 << (i % 8)
			if i%2 == 0 {
				bad = resign(m.e, kind, bad)
			}
			if bytes.Equal(bad, data) {
				continue // the code itself was changed, and put right again
			}
			if err := to.e.Receive(w.now, m.path, kind, bad); err == nil && (kind != protocol.KindHandshake1 || i > 8) { // 5 to 8: another index of the sender
				t.Fatalf("%v with byte %d changed was taken", kind, i)
			}
			if err := to.e.Receive(w.now, m.path, kind, data[:i]); err == nil {
				t.Fatalf("%v cut to %d bytes was taken", kind, i)
			}
		}
		if out := to.e.Output(); len(out.Sends) > 1 || len(out.Established) != 0 {
			t.Fatalf("%v: %d datagrams, %d sessions", kind, len(out.Sends), len(out.Established))
		}
	}
	alice.e.Connect(w.now, bob.instance, bob.path)
	first := sent(t, alice.e).Data
	bob.e.answers = nil
	spoil(bob, protocol.KindHandshake1, first)
	if err := bob.e.Receive(w.now, alice.path, protocol.KindHandshake1, first); err != nil {
		t.Fatal(err)
	}
	second := sent(t, bob.e).Data
	spoil(alice, protocol.KindHandshake2, second)
	low := bytes.Clone(second) // a point of low order as ephemeral key
	clear(parsed(t, protocol.KindHandshake2, low).noise[:keySize])
	wantErr(t, alice.e.Receive(w.now, m.path, protocol.KindHandshake2, resign(m.e, protocol.KindHandshake2, low)), ErrAuth)
	if err := alice.e.Receive(w.now, bob.path, protocol.KindHandshake2, second); err != nil {
		t.Fatal(err)
	}
	out := alice.e.Output()
	spoil(bob, protocol.KindHandshake3, out.Sends[0].Data)
	if err := bob.e.Receive(w.now, alice.path, protocol.KindHandshake3, out.Sends[0].Data); err != nil {
		t.Fatal(err)
	}
	data, _, _ := out.Established[0].Seal(nil, []byte("hello"))
	payload, _, err := bob.e.Output().Established[0].Open(data)
	if err != nil || string(payload) != "hello" {
		t.Errorf("%q, %v", payload, err)
	}
}
