package session

import (
	"testing"
	"time"

	"earshot/protocol"
)

func TestGlare(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.connect("bob", "alice")
	w.connect("alice", "bob")
	w.run(5 * time.Second)
	w.want(`
	bob > alice handshake 1
	alice > bob handshake 1
	alice: drops handshake 1: session: own attempt goes on
	bob > alice handshake 2
	alice: session with bob as initiator
	alice > bob handshake 3
	bob: session with alice as responder
	bob > alice packet`)
	w.talk("alice", "bob")
	w.quiet()
}

func TestGlareAtAddresses(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.seek("bob", "alice")
	w.seek("alice", "bob")
	w.run(5 * time.Second)
	w.talk("alice", "bob")
	w.quiet()
}

func TestGlareWithLoss(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake2, 1)
	w.connect("alice", "bob")
	w.connect("bob", "alice")
	w.run(5 * time.Second)
	w.want(`
	alice > bob handshake 1
	bob > alice handshake 1
	bob > alice handshake 2, lost
	alice: drops handshake 1: session: own attempt goes on
	alice > bob handshake 1, repeat
	bob > alice handshake 2, repeat
	alice: session with bob as initiator
	alice > bob handshake 3
	bob: session with alice as responder
	bob > alice packet`)
	w.talk("alice", "bob")
	w.quiet()
}

// When the one that goes on has got nowhere for a second, the other's attempt is answered too.
func TestGlareWithMuchLoss(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake2, 4)
	w.connect("alice", "bob")
	w.connect("bob", "alice")
	w.run(protocol.GlareResume + 100*time.Millisecond)
	w.talk("alice", "bob")
	w.run(5 * time.Second)
	w.quiet()
}

// Whoever gave way goes on after a second when nothing came of it.
func TestGlareResumes(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.connect("bob", "alice")
	w.connect("alice", "bob")
	w.run(wireDelay)
	w.restart("alice") // the one that would have gone on is no more
	w.lines, w.times = nil, nil
	w.run(time.Second + 50*time.Millisecond)
	if len(w.times) != 3 || w.times[1] != wireDelay+protocol.GlareResume {
		t.Errorf("times %v", w.times)
	}
	w.want(`
	alice: drops handshake 2: session: unknown index
	bob > alice handshake 1, resume
	alice: drops handshake 1: session: another instance`)
}

func TestAttemptWaitsForTheOneThatCameFirst(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake2, 1)
	w.connect("bob", "alice")
	w.run(50 * time.Millisecond)
	w.connect("alice", "bob") // though smaller: bob's is half open here
	w.run(5 * time.Second)
	w.want(`
	bob > alice handshake 1
	alice > bob handshake 2, lost
	bob > alice handshake 1, repeat
	alice > bob handshake 2, repeat
	bob: session with alice as initiator
	bob > alice handshake 3
	alice: session with bob as responder
	alice > bob packet`)
	w.talk("alice", "bob")
	w.quiet()
}

// The one that came first has a second.
func TestAttemptWaitsASecondOnly(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake1, 100)
	w.lose(protocol.KindHandshake2, 1)
	w.connect("bob", "alice")
	w.inject(w.node("bob").path, w.node("alice").path, w.node("bob").e.attempts[0].first)
	w.run(50 * time.Millisecond)
	w.node("bob").e.attempts = nil
	w.lines, w.times = nil, nil
	w.connect("alice", "bob")
	w.want("")
	w.run(protocol.GlareResume + time.Millisecond)
	if at := w.times[0]; at != 50*time.Millisecond+protocol.GlareResume {
		t.Errorf("resumed at %v", at)
	}
	w.want("alice > bob handshake 1, resume, lost")
}

// Whoever waits answers the other's next attempt too.
func TestWaitingAttemptAnswers(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake2, 1)
	w.connect("bob", "alice")
	w.run(50 * time.Millisecond)
	w.connect("alice", "bob")
	w.node("bob").e.attempts = nil
	w.run(50 * time.Millisecond)
	w.lines = nil
	w.connect("bob", "alice")
	w.run(50 * time.Millisecond)
	w.want(`
	bob > alice handshake 1
	alice > bob handshake 2
	bob: session with alice as initiator
	bob > alice handshake 3
	alice: session with bob as responder
	alice > bob packet`)
}

// Bob's message 3 is lost until alice tries herself: hers replaces the session that bob only believed in.
func TestUnconfirmedSessionIsReplaced(t *testing.T) {
	w := newWorld(t, "alice", "bob")
	w.lose(protocol.KindHandshake3, 4)
	w.connect("bob", "alice")
	w.run(50 * time.Millisecond)
	w.connect("alice", "bob")
	w.run(900 * time.Millisecond)
	w.lines = nil
	w.run(time.Second)
	w.want(`
	alice > bob handshake 1, resume
	bob > alice handshake 2
	alice: session with bob as initiator
	alice > bob handshake 3
	bob: session with alice as responder
	bob: failed alice: session: replaced by the peer's own attempt
	bob > alice packet`)
	w.talk("alice", "bob")
	w.quiet()
}

// Somebody else who says to be that instance replaces nothing.
func TestUnconfirmedSessionIsNotReplacedBySomebodyElse(t *testing.T) {
	w := newWorld(t, "alice", "bob", "mallory")
	w.lose(protocol.KindHandshake3, 1)
	w.connect("bob", "alice")
	w.run(50 * time.Millisecond)
	m := w.node("mallory")
	m.e.self.instance = w.node("alice").instance
	w.connect("mallory", "bob")
	w.run(time.Second)
	for _, line := range w.lines {
		if line == "bob: failed alice: session: replaced by the peer's own attempt" {
			t.Error(line)
		}
	}
	if n := len(w.node("bob").sessions); n != 2 {
		t.Errorf("bob has %d sessions, wanted alice's and mallory's", n)
	}
}

// forgeFirst puts a message 1 on the wire that somebody made in another's name.
func (w *world) forgeFirst(by, as, to string) {
	w.strangers++
	e := newEndpoint(w.t, w.strangers, w.node(as).instance, protocol.OpenNetwork())
	e.Connect(w.now, w.node(to).instance, w.node(to).path)
	w.inject(w.node(by).path, w.node(to).path, sent(w.t, e).Data)
}

// Message 1 proves nothing, so it can hold up an attempt once and no more. Then that has all its tries again.
func TestForgedGlareHoldsUpOnce(t *testing.T) {
	w := newWorld(t, "alice", "bob", "mallory")
	w.lose(protocol.KindHandshake1, 100)
	w.connect("bob", "alice")
	w.run(500 * time.Millisecond)
	w.forgeFirst("mallory", "alice", "bob")
	w.run(time.Second + 50*time.Millisecond)
	w.forgeFirst("mallory", "alice", "bob")
	w.run(10 * time.Second)
	w.want(`
	bob > alice handshake 1, lost
	bob > alice handshake 1, repeat, lost
	bob > alice handshake 1, repeat, lost
	bob > mallory handshake 2
	mallory: drops handshake 2: session: unknown index
	bob > alice handshake 1, resume, lost
	bob > mallory handshake 2
	mallory: drops handshake 2: session: unknown index
	bob > alice handshake 1, repeat, lost
	bob > alice handshake 1, repeat, lost
	bob > alice handshake 1, repeat, lost
	bob > alice handshake 1, repeat, lost
	bob: failed alice: session: no answer`)
}
