package peer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
)

// keptOf is how many bytes of entries a store has of an author, and how many of their numbers it has given up.
func keptOf(s *replica.MemStore, author protocol.PeerID) (bytes int, gone uint64) {
	for _, e := range entries(s) {
		if e.Entry().Author == author {
			bytes += len(e.Raw())
		}
	}
	state, _ := s.State()
	for _, l := range state.Logs {
		if l.Author == author {
			gone += l.Gone.Len()
		}
	}
	return bytes, gone
}

func TestNobodyFillsTheDisk(t *testing.T) {
	w := newWorld(t, 39)
	w.quiet = true
	alice, bob := w.host("alice"), w.host("bob")
	stranger, err := protocol.NewIdentity(random(1, "stranger"))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for i := range 120 {
		texts = append(texts, fmt.Sprint(i, strings.Repeat(" blah", 3000)))
	}
	_ = alice.store.Commit(replica.Batch{Entries: writes(t, stranger, texts...)})
	alice.start()
	bob.start()
	w.run(time.Minute)
	bytes, gone := keptOf(bob.store, stranger.ID())
	if bytes > 1<<20 || bytes < 1<<20-20_000 || gone == 0 {
		t.Errorf("bob stores %d bytes of a stranger and gives up %d numbers", bytes, gone)
	}
	notes := 0
	for _, e := range bob.events {
		switch e := e.(type) {
		case peer.Note:
			if strings.Contains(e.Text, "the rest is not kept") {
				notes++
			}
		case peer.Gaps:
			if len(e.Gaps) > 0 && e.Gaps[0].Missing[0].First == 1 {
				t.Errorf("what is refused is missed: %+v", e.Gaps)
			}
		}
	}
	if notes != 1 {
		t.Errorf("bob is told %d times", notes)
	}

	bob.kill()
	bob.start()
	w.run(time.Minute)
	if again, more := keptOf(bob.store, stranger.ID()); again != bytes || more != gone {
		t.Errorf("after a restart bob stores %d bytes, not %d, and gives up %d numbers, not %d", again, bytes, more, gone)
	}
	before := w.sent
	w.run(5 * time.Minute)
	if sent := w.sent - before; sent > 1500 {
		t.Errorf("%d datagrams in five minutes: the two do not agree to differ", sent)
	}

	for i := range 80 { // who is met may say more
		alice.say("#lobby", fmt.Sprint(i, strings.Repeat(" blah", 3000)))
		w.run(100 * time.Millisecond)
	}
	w.run(10 * time.Second)
	if bytes, gone := keptOf(bob.store, alice.identity.ID()); bytes < 1_200_000 || gone != 0 {
		t.Errorf("bob stores %d bytes of alice and gives up %d numbers", bytes, gone)
	}
}

func TestQuotaIsForADay(t *testing.T) {
	w := newWorld(t, 40)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	w.run(time.Second)
	line := strings.Repeat("blah ", 3200)
	for range 1100 {
		alice.say("#lobby", line)
		w.run(50 * time.Millisecond)
	}
	w.run(10 * time.Second)
	bytes, gone := keptOf(bob.store, alice.identity.ID())
	if bytes > 16<<20 || bytes < 16<<20-20_000 || gone == 0 {
		t.Errorf("bob stores %d bytes of alice and gives up %d numbers", bytes, gone)
	}
	w.now = w.now.Add(24 * time.Hour)
	alice.kill()
	alice.start()
	w.run(time.Minute)
	alice.say("#lobby", "another day "+line)
	w.run(10 * time.Second)
	if got := bob.lines("#lobby"); !strings.HasPrefix(got[len(got)-1], "alice: another day") {
		t.Error("bob does not store what is said on another day")
	}
}
