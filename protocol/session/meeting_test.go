package session

import (
	"bytes"
	"testing"
	"time"

	"earshot/protocol"
)

func TestMeeting(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.connect("alice", "bob")
	w.run(time.Second)
	w.want(`
	alice > bob handshake 1
	bob > alice handshake 2
	alice: session with bob as initiator
	alice > bob handshake 3
	bob: session with alice as responder
	bob > alice packet`)
	for _, n := range w.nodes {
		for _, s := range n.sessions {
			if s.RTT() != 2*wireDelay {
				t.Errorf("%s: first round trip %v", n.name, s.RTT())
			}
		}
	}
	w.talk("alice", "bob")
	w.quiet()
}

func TestMeetingAtAnAddress(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.seek("bob", "alice")
	w.seek("bob", "alice")
	w.connect("bob", "alice")
	w.run(time.Second)
	w.want(`
	bob > alice handshake 1
	alice > bob handshake 2
	bob: session with alice as initiator
	bob > alice handshake 3
	alice: session with bob as responder
	alice > bob packet`)
	w.talk("alice", "bob")
	w.quiet()
}

func TestTwoInstancesOfOnePersonMeet(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.node("bob").e.self.identity = w.node("alice").e.self.identity
	w.connect("alice", "bob")
	w.run(time.Second)
	w.lines = nil
	w.talk("alice", "bob")
	w.quiet()
}

func TestLostMessage1IsRepeated(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake1, 2)
	w.connect("alice", "bob")
	w.run(time.Second)
	w.want(`
	alice > bob handshake 1, lost
	alice > bob handshake 1, repeat, lost
	alice > bob handshake 1, repeat
	bob > alice handshake 2
	alice: session with bob as initiator
	alice > bob handshake 3
	bob: session with alice as responder
	bob > alice packet`)
	for _, s := range w.node("alice").sessions {
		if s.RTT() != 0 {
			t.Errorf("ambiguous round trip %v", s.RTT())
		}
	}
	w.talk("alice", "bob")
	w.quiet()
}

func TestLostMessage2IsSentAgainByteForByte(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake2, 1)
	w.connect("alice", "bob")
	w.run(50 * time.Millisecond)
	bob := w.node("bob")
	first := bob.e.answers[0].second
	w.run(time.Second)
	w.want(`
	alice > bob handshake 1
	bob > alice handshake 2, lost
	alice > bob handshake 1, repeat
	bob > alice handshake 2, repeat
	alice: session with bob as initiator
	alice > bob handshake 3
	bob: session with alice as responder
	bob > alice packet`)
	if !bytes.Equal(w.node("alice").in[0], first) {
		t.Error("the repeated message 2 is another one")
	}
	for _, s := range bob.sessions {
		if s.RTT() != 0 {
			t.Errorf("ambiguous round trip %v", s.RTT())
		}
	}
	w.talk("alice", "bob")
	w.quiet()
}

func TestLostMessage3IsRepeated(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake3, 3)
	w.connect("alice", "bob")
	w.run(time.Second)
	w.want(`
	alice > bob handshake 1
	bob > alice handshake 2
	alice: session with bob as initiator
	alice > bob handshake 3, lost
	alice > bob handshake 3, repeat, lost
	alice > bob handshake 3, repeat, lost
	alice > bob handshake 3, repeat
	bob: session with alice as responder
	bob > alice packet`)
	w.talk("alice", "bob")
	w.quiet()
}

func TestLostFirstPacketMakesMessage3Repeat(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindPacket, 1)
	w.connect("alice", "bob")
	w.run(150 * time.Millisecond)
	w.want(`
	alice > bob handshake 1
	bob > alice handshake 2
	alice: session with bob as initiator
	alice > bob handshake 3
	bob: session with alice as responder
	bob > alice packet, lost
	alice > bob handshake 3, repeat
	bob: drops handshake 3: session: duplicate`)
	w.talk("alice", "bob")
	w.quiet()
}

// wantTimes compares when things happened with the schedule, up to the jitter.
func wantTimes(t *testing.T, got []time.Duration, want ...time.Duration) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events at %v, wanted %d", len(got), got, len(want))
	}
	exact := 0
	for i := range want {
		slack := time.Duration(float64(want[i]-want[0]) * protocol.HandshakeJitter)
		if d := got[i] - want[i]; d < -slack || d > slack {
			t.Errorf("event %d at %v, wanted %v ± %v", i, got[i], want[i], slack)
		}
		if i > 0 && got[i] == want[i] {
			exact++
		}
	}
	if exact == len(want)-1 {
		t.Error("no jitter at all")
	}
}

func TestNobodyAnswers(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake1, 100)
	w.connect("alice", "bob")
	w.run(time.Minute)
	wantTimes(t, w.times, 0, 100*time.Millisecond, 300*time.Millisecond, 700*time.Millisecond,
		1500*time.Millisecond, 3100*time.Millisecond)
	w.want(`
	alice > bob handshake 1, lost
	alice > bob handshake 1, repeat, lost
	alice > bob handshake 1, repeat, lost
	alice > bob handshake 1, repeat, lost
	alice > bob handshake 1, repeat, lost
	alice: failed bob: session: no answer`)
	w.quiet()
}

func TestNobodyConfirms(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake3, 100)
	w.connect("alice", "bob")
	w.run(2 * wireDelay)
	w.want(`
	alice > bob handshake 1
	bob > alice handshake 2
	alice: session with bob as initiator
	alice > bob handshake 3, lost`)
	w.run(time.Minute)
	const start = 2 * time.Millisecond
	wantTimes(t, append([]time.Duration{start}, w.times...), start, start+100*time.Millisecond, start+300*time.Millisecond,
		start+700*time.Millisecond, start+1500*time.Millisecond, start+3100*time.Millisecond)
	w.want(`
	alice > bob handshake 3, repeat, lost
	alice > bob handshake 3, repeat, lost
	alice > bob handshake 3, repeat, lost
	alice > bob handshake 3, repeat, lost
	alice: failed bob: session: not confirmed`)
	w.quiet()
}

func TestHalfOpenOutlastsTheLastMessage3(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake1, 4)
	w.lose(protocol.KindHandshake3, 4)
	w.connect("alice", "bob")
	w.run(5 * time.Second)
	w.talk("alice", "bob")
	w.quiet()
}

func TestStaleInstanceIsNotAnswered(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	old := w.node("bob").instance
	w.restart("bob")
	w.node("alice").e.Connect(w.now, old, w.node("bob").path)
	w.collect(w.node("alice"))
	w.run(50 * time.Millisecond)
	w.want(`
	alice > bob handshake 1
	bob: drops handshake 1: session: another instance`)
	// The new instance is another target, and does not wait for the old one.
	w.connect("alice", "bob")
	w.run(40 * time.Millisecond)
	w.talk("alice", "bob")
}

func TestOwnInstance(t *testing.T) {
	w := newWorld(t, "alice")
	w.connect("alice", "alice")
	w.want("alice: failed alice: session: own instance")
	w.seek("alice", "alice")
	w.run(50 * time.Millisecond)
	w.want(`
	alice > alice handshake 1
	alice: drops handshake 1: session: own instance`)
}

func TestRestartedPeerMeetsAgainBesideTheOldSession(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.connect("alice", "bob")
	w.run(time.Second)
	w.restart("bob")
	w.connect("bob", "alice")
	w.run(time.Second)
	if n := len(w.node("alice").sessions); n != 2 {
		t.Errorf("alice has %d sessions, wanted the old one and the new one", n)
	}
}

func TestReleasedIndicesAreFree(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.connect("alice", "bob")
	w.run(time.Second)
	for _, n := range w.nodes {
		for index := range n.sessions {
			n.e.Release(index)
			delete(n.sessions, index)
		}
	}
	w.lines = nil
	w.quiet()
}

// A fixed source gives the same handshake, byte for byte.
func TestReproducible(t *testing.T) {
	meet := func() [][]byte {
		w := newWorld(t, "alice", "bob")
		w.connect("alice", "bob")
		w.run(time.Second)
		return append(w.node("alice").in, w.node("bob").in...)
	}
	first, second := meet(), meet()
	for i := range first {
		if !bytes.Equal(first[i], second[i]) {
			t.Errorf("datagram %d differs", i)
		}
	}
}

func TestRepliesAreNeverLonger(t *testing.T) {
	if noise2Size+36 > protocol.HandshakeSize {
		t.Fatal("message 2 is longer than message 1")
	}
	w := newWorld(t, "alice", "bob")
	w.connect("alice", "bob")
	w.run(time.Second)
	sizes := []int{len(w.node("bob").in[0]), len(w.node("alice").in[0]), len(w.node("bob").in[1])}
	if want := []int{512, 253, 221}; sizes[0] != want[0] || sizes[1] != want[1] || sizes[2] != want[2] {
		t.Errorf("messages of %v bytes, wanted %v", sizes, want)
	}
}

func TestLateDuplicateOfMessage1(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.connect("alice", "bob")
	w.run(50 * time.Millisecond)
	w.lines = nil
	w.inject(w.node("alice").path, w.node("bob").path, w.node("bob").in[0])
	w.run(50 * time.Millisecond)
	w.want("bob: drops handshake 1: session: duplicate")
	w.talk("alice", "bob")
	w.quiet()
}

func TestRepeatedMessage1KeepsTheHandshakeOpen(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	alice, bob := w.node("alice"), w.node("bob")
	alice.e.Connect(w.now, bob.instance, bob.path)
	first := sent(t, alice.e).Data
	for range 2 {
		wantErr(t, bob.e.Receive(w.now, alice.path, protocol.KindHandshake1, first), nil)
		w.now = w.now.Add(protocol.HalfOpenTimeout - time.Millisecond)
		bob.e.Advance(w.now)
	}
	second := bob.e.Output().Sends
	wantErr(t, alice.e.Receive(w.now, bob.path, protocol.KindHandshake2, second[1].Data), nil)
	third := alice.e.Output().Sends
	wantErr(t, bob.e.Receive(w.now, alice.path, protocol.KindHandshake3, third[0].Data), nil)
}

func TestReleaseEndsTheRepetitions(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake3, 100)
	w.connect("alice", "bob")
	w.run(50 * time.Millisecond)
	alice := w.node("alice")
	for index := range alice.sessions {
		alice.e.Release(index)
		delete(alice.sessions, index)
	}
	w.lines = nil
	w.quiet()
}

// Finished handshakes are no load: many meet one without a cookie.
func TestManyMeetOne(t *testing.T) {
	w := newWorld(t, "alice", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l")
	for _, n := range w.nodes[1:] {
		w.connect(n.name, "alice")
		w.run(20 * time.Millisecond)
	}
	if n := len(w.node("alice").sessions); n != len(w.nodes)-1 || len(w.lines) != 6*n {
		t.Errorf("%d sessions:\n%v", n, w.lines)
	}
}
