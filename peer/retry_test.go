package peer_test

import (
	"errors"
	"fmt"
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

func TestMoreThanCanWaitForAFullDiskComesAgain(t *testing.T) {
	w := newWorld(t, 26)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	disk := &sick{MemStore: bob.store}
	bob.wrap = disk
	w.run(time.Second)
	disk.ill = true
	const lines = 1100
	for i := range lines {
		alice.say("#lobby", fmt.Sprint("line ", i))
		if i%20 == 0 {
			w.run(time.Second / 2)
		}
	}
	w.run(2 * time.Minute)
	if got := len(bob.lines("#lobby")); got == 0 || got > 1000 {
		t.Errorf("while the disk is full bob is shown %d lines", got)
	}
	disk.ill = false
	w.run(2 * time.Minute)
	if got := len(bob.lines("#lobby")); got != lines {
		t.Errorf("afterwards bob is shown %d lines, each once", got)
	}
	if got := len(entries(bob.store)); got != lines {
		t.Errorf("bob stores %d lines", got)
	}
	if state, _ := alice.store.State(); len(state.Lines) != 0 {
		t.Errorf("alice still owes %d lines", len(state.Lines))
	}
}
