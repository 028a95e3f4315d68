package peer_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"earshot/peer"
	"earshot/protocol/replica"
)

// failing is a store that refuses the next so many commits with entries.
type failing struct {
	*replica.MemStore
	next int
}

func (s *failing) Commit(b replica.Batch) error {
	if len(b.Entries) > 0 && s.next > 0 {
		s.next--
		return replica.ErrFull
	}
	return s.MemStore.Commit(b)
}

func TestRefusedLineTakesWithItThoseThatWaitBehindIt(t *testing.T) {
	w := newWorld(t, 25)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	disk := &failing{MemStore: alice.store}
	alice.wrap = disk
	w.run(time.Second)
	alice.say("#lobby", "one")
	w.run(time.Second)
	alice.disk = 50 * time.Millisecond
	disk.next = 1
	refused := map[string]bool{}
	for _, text := range []string{"two", "three"} { // three waits while two is at the store
		alice.core.Say(alice.clock(), "#lobby", text, false, func(_ peer.Message, err error) {
			refused[text] = errors.Is(err, replica.ErrFull)
		})
		alice.settle()
	}
	w.run(time.Second)
	if !refused["two"] || !refused["three"] {
		t.Errorf("refused: %v", refused)
	}
	alice.say("#lobby", "four")
	w.run(time.Minute)
	if got := bob.lines("#lobby"); !slices.Equal(got, []string{"alice: one", "alice: four"}) {
		t.Errorf("bob shows %q", got)
	}
	for _, e := range bob.events {
		if g, ok := e.(peer.Gaps); ok && len(g.Gaps) > 0 {
			t.Errorf("bob lacks for ever %+v", g.Gaps)
		}
	}
	if state, _ := alice.store.State(); len(state.Lines) != 0 {
		t.Errorf("alice owes %+v", state.Lines)
	}
}
