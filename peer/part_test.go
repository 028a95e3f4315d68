package peer_test

import (
	"slices"
	"testing"
	"time"

	"earshot/peer"
	"earshot/protocol/replica"
)

func (n *node) part(room string) {
	n.w.t.Helper()
	if err := n.core.Part(n.clock(), room); err != nil {
		n.w.t.Errorf("%s leaves %s: %v", n.name, room, err)
	}
	n.settle()
}

// open tells whether a room is one that the node is in, by its events.
func (n *node) open(room string) bool {
	open := false
	for _, e := range n.events {
		switch e := e.(type) {
		case peer.RoomJoined:
			open = open || e.Room.Name == room
		case peer.RoomParted:
			open = open && e.Room.Name != room
		}
	}
	return open
}

func TestAConversationThatWasLeftStaysSoUntilSomethingIsSaid(t *testing.T) {
	w := newWorld(t, 65)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	w.run(time.Second)
	alice.say("bob", "hello")
	w.run(time.Second)
	alice.part("@bob")
	for range 2 {
		bob.kill()
		w.run(6 * time.Second)
		bob.start()
		w.run(2 * time.Minute)
		if alice.open("@bob") {
			t.Fatal("alice left the conversation, and it is open again though nothing was said")
		}
		alice.kill()
		alice.start() // in whose state it is left
	}
	w.run(10 * time.Second)
	bob.say("alice", "hello again")
	w.run(time.Second)
	if got := alice.lines("@bob"); !slices.Equal(got, []string{"bob: hello again"}) || !alice.open("@bob") {
		t.Errorf("alice shows %q", got)
	}

	alice.part("@bob")
	alice.kill() // what is said now waits for her
	w.run(time.Second)
	bob.say("alice", "are you there?")
	w.run(10 * time.Second)
	alice.start()
	w.run(10 * time.Second)
	if got := alice.lines("@bob"); !slices.Equal(got, []string{"bob: are you there?"}) {
		t.Errorf("back again, alice shows %q", got)
	}
}

// TestWhatIsOwedIsOwedAlsoOfARoomThatWasLeft: in a room of many and in a conversation, with a start in between and without.
func TestWhatIsOwedIsOwedAlsoOfARoomThatWasLeft(t *testing.T) {
	for _, again := range []bool{false, true} {
		w := newWorld(t, 66)
		w.quiet = true
		nodes := everybody(w, "alice", "bob")
		alice, bob := nodes[0], nodes[1]
		w.run(time.Second)
		for _, n := range nodes {
			if _, err := n.core.Join(n.clock(), "#go"); err != nil {
				t.Fatal(err)
			}
			n.settle()
		}
		w.run(time.Second)
		bob.kill()
		w.run(6 * time.Second)
		for _, to := range []string{"#go", "bob"} {
			alice.say(to, "owed")
			w.run(time.Second)
		}
		alice.part("#go")
		alice.part("@bob")
		w.run(time.Second)
		if again {
			alice.kill()
			alice.start()
			w.run(time.Second)
		}
		bob.start()
		w.run(10 * time.Second)
		for _, room := range []string{"#go", "@alice"} {
			if got := bob.lines(room); !slices.Equal(got, []string{"alice: owed"}) {
				t.Errorf("%s, started again: %t: bob shows %q", room, again, got)
			}
		}
		delivered := 0
		for _, e := range alice.events {
			if _, ok := e.(peer.Delivered); ok {
				delivered++
			}
		}
		if state, _ := alice.store.State(); delivered != 2 || len(state.Lines) != 0 {
			t.Errorf("started again: %t: alice is told of %d deliveries, her disk of %d lines that are owed", again, delivered, len(state.Lines))
		}
	}
}

// TestOwnLinesOfALeftConversationComeBack: to a profile that was put back from an old copy, although only bob can read them.
func TestOwnLinesOfALeftConversationComeBack(t *testing.T) {
	w := newWorld(t, 67)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice := nodes[0]
	w.run(time.Second)
	alice.say("bob", "one")
	w.run(time.Second)
	alice.kill()
	alice.store = replica.NewMemStore()
	alice.start()
	w.run(10 * time.Second)
	if got := entries(alice.store); len(got) != 1 || got[0].Entry().Author != alice.identity.ID() {
		t.Errorf("alice has %d lines", len(got))
	}
}
