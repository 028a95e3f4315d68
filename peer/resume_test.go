package peer_test

import (
	"slices"
	"testing"
	"time"

	"earshot/peer"
	"earshot/protocol/replica"
)

// leave ends the node's program as its owner does, and takes what the next start needs.
func (n *node) leave() {
	n.core.Leave(n.clock())
	n.settle()
	n.w.run(time.Second)
	n.resume = n.core.Resume()
}

// epochs is the log-epochs of what a store holds, in the order of the lines.
func epochs(s *replica.MemStore) (all []uint64) {
	for _, e := range entries(s) {
		all = append(all, e.Entry().Epoch)
	}
	return slices.Compact(all)
}

func TestEpochGoesOnFromTheNewestStateOnly(t *testing.T) {
	w := newWorld(t, 35)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	w.run(time.Second)
	alice.say("#lobby", "one")
	alice.say("bob", "to you")
	alice.leave()
	old, first := copyStore(alice.store, nil), alice.resume
	alice.start()
	w.run(time.Second)
	alice.leave() // without a word: nothing has changed
	if alice.resume != first {
		t.Errorf("who said nothing leaves %q, not %q", alice.resume, first)
	}
	alice.start()
	w.run(time.Second)
	alice.say("#lobby", "two")
	alice.say("bob", "and to you")
	alice.leave()
	if got := epochs(bob.store); len(got) != 1 {
		t.Errorf("two clean ends make the epochs %v", got)
	}

	newest := alice.resume
	alice.store = old
	alice.start() // with the newest token
	w.run(time.Second)
	alice.say("#lobby", "three")
	w.run(time.Second)
	if got := epochs(bob.store); len(got) != 2 {
		t.Errorf("an old copy goes on with the epoch: %v", got)
	}
	if got := alice.core.Resume(); got != "" || newest == first {
		t.Errorf("a node that runs may be resumed: %q", got)
	}
	alice.kill()
	alice.resume = ""
	alice.start()
	w.run(time.Second)
	alice.say("#lobby", "four")
	w.run(time.Second)
	if got := epochs(bob.store); len(got) != 3 {
		t.Errorf("after a crash the epochs are %v", got)
	}
	if got := bob.lines("#lobby"); !slices.Equal(got, []string{"alice: one", "alice: two", "alice: three", "alice: four"}) {
		t.Errorf("bob shows %q", got)
	}
	for _, e := range bob.events {
		if n, ok := e.(peer.Note); ok {
			t.Errorf("bob is told %q", n.Text)
		}
	}
}

func TestWhoLeavesWithALineThatIsNotStoredCannotBeResumed(t *testing.T) {
	w := newWorld(t, 36)
	w.quiet = true
	alice := everybody(w, "alice")[0]
	w.run(time.Second)
	alice.say("#lobby", "one")
	w.run(time.Second)
	alice.disk = time.Minute
	alice.say("#lobby", "two")
	alice.leave()
	if !alice.core.Left() || alice.resume != "" {
		t.Errorf("left: %v, with %q", alice.core.Left(), alice.resume)
	}
}
