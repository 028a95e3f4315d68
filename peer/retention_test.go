package peer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/peer"
)

// texts is what a store holds, in its order.
func (n *node) texts() (all []string) {
	for _, e := range entries(n.store) {
		if _, text, ok := e.Text(); ok {
			all = append(all, text)
		}
	}
	return all
}

func TestOfARoomGoesWhatItsRetentionDoesNotKeep(t *testing.T) {
	w := newWorld(t, 50)
	w.quiet = true
	alice := w.host("alice")
	alice.start()
	for i := range 10 {
		alice.say("#lobby", fmt.Sprint("line ", i))
		w.run(3 * time.Hour)
	}
	w.run(39*time.Hour - 10*time.Second)
	disk, now := alice.store, w.now
	for _, c := range []struct {
		keeps peer.Retention
		want  int // of ten
	}{
		{peer.Retention{}, 10},
		{peer.Retention{Entries: 3}, 3},
		{peer.Retention{Entries: 11}, 10},
		{peer.Retention{Entries: -1, Days: -1}, 10},
		{peer.Retention{Days: 2}, 2}, // 42 and 45 hours old; the third is so by less than a minute too much
		{peer.Retention{Days: 2, Entries: 1}, 1},
		{peer.Retention{Days: 1}, 0},
		{peer.Retention{Days: 1, Entries: 5}, 0},
		{peer.Retention{Entries: 5, Days: -1}, 5},
	} {
		alice.kill()
		alice.store, alice.keeps, w.now = copyStore(disk, nil), c.keeps, now
		alice.start()
		w.run(59 * time.Second)
		if got := alice.texts(); len(got) != 10 {
			t.Errorf("%+v: %d lines are left before a minute has gone", c.keeps, len(got))
		}
		w.run(2 * time.Second)
		got := alice.texts()
		if len(got) != c.want || len(got) > 0 && got[len(got)-1] != "line 9" {
			t.Errorf("%+v leaves %q, want the newest %d", c.keeps, got, c.want)
		}
	}
}

func TestARoomThatWasLeftIsNotKeptLonger(t *testing.T) {
	w := newWorld(t, 51)
	w.quiet = true
	alice := w.host("alice")
	alice.keeps = peer.Retention{Entries: 2}
	alice.start()
	if _, err := alice.core.Join(alice.clock(), "#go"); err != nil {
		t.Fatal(err)
	}
	alice.settle()
	for i := range 4 {
		alice.say("#go", fmt.Sprint("line ", i))
	}
	if err := alice.core.Part(alice.clock(), "#go"); err != nil {
		t.Fatal(err)
	}
	alice.settle()
	w.run(2 * time.Minute)
	if got := alice.texts(); !slices.Equal(got, []string{"line 2", "line 3"}) {
		t.Errorf("%q is left", got)
	}
}

func TestWhatRetentionDeletedDoesNotComeBack(t *testing.T) {
	w := newWorld(t, 52)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	alice, bob := nodes[0], nodes[1]
	w.run(time.Second)
	for i := range 8 {
		nodes[i%3].say("#lobby", fmt.Sprint("line ", i))
		w.run(time.Second)
	}
	all, newest := alice.texts(), alice.texts()[5:]
	if got := bob.texts(); len(all) != 8 || !slices.Equal(got, all) {
		t.Fatalf("bob has %q", got)
	}
	bob.kill()
	bob.keeps = peer.Retention{Entries: 3} // from now on
	bob.start()
	w.run(10 * time.Minute) // in which everybody compares logs with everybody
	if got := bob.texts(); !slices.Equal(got, newest) {
		t.Errorf("after his start bob has %q", got)
	}

	alice.kill()
	nodes[2].kill()
	dave := w.host("dave")
	dave.start()
	w.run(10 * time.Second)
	if got := dave.texts(); !slices.Equal(got, newest) {
		t.Errorf("from bob alone dave has %q", got)
	}
	w.quiet = false
	w.out.Reset()
	w.run(5 * time.Minute)
	if strings.Contains(w.out.String(), "want") {
		t.Errorf("dave asks bob for what he has not:\n%s", w.out.String())
	}
	w.quiet = true
	dave.kill()
	alice.start()
	nodes[2].start()

	bob.kill()
	bob.keeps = peer.Retention{Entries: -1} // too late for these
	bob.start()
	w.run(10 * time.Minute)
	if got := bob.texts(); !slices.Equal(got, newest) {
		t.Errorf("with a longer retention bob has %q", got)
	}
	if got := alice.texts(); !slices.Equal(got, all) {
		t.Errorf("alice has %q", got)
	}
	alice.say("#lobby", "and on it goes")
	w.run(time.Second)
	if got := bob.texts(); !slices.Equal(got, append(newest, "and on it goes")) {
		t.Errorf("bob has %q", got)
	}
}
