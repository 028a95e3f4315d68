package peer_test

import (
	"fmt"
	"testing"
	"time"

	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol/replica"
)

// shown is each line that the node's screen was told of since its start, with how.
func (n *node) shown() []string {
	var out []string
	for _, e := range n.events {
		if m, ok := e.(peer.Message); ok {
			how := ""
			for _, x := range []struct {
				is   bool
				what string
			}{{m.Old, " old"}, {m.Missed, " missed"}, {m.Late, " late"}} {
				if x.is {
					how += x.what
				}
			}
			out = append(out, m.Room.Name+" "+m.Text+how)
		}
	}
	return out
}

func wantShown(t *testing.T, n *node, want ...string) {
	t.Helper()
	if got := n.shown(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s is shown %q, want %q", n.name, got, want)
	}
}

func TestWhatWasSaidWhileAProgramDidNotRunIsNoHistory(t *testing.T) {
	w := newWorld(t, 60)
	w.quiet = true
	alice, bob := w.host("alice"), w.host("bob")
	alice.start()
	join := func(n *node) {
		if _, err := n.core.Join(n.clock(), "#go"); err != nil {
			t.Fatal(err)
		}
		n.settle()
	}
	join(alice)
	alice.say("#go", "before bob")
	w.run(time.Minute)
	bob.start()
	w.run(time.Minute)
	join(bob)
	w.run(time.Minute)
	wantShown(t, bob, "#go before bob old")
	for range 2 { // what is stored of the rooms must outlast more than one start
		bob.kill()
		w.run(time.Minute)
		alice.say("#go", "bob: come to the printer")
		alice.say("#lobby", "who has seen bob?")
		w.run(time.Minute)
		bob.start()
		w.run(time.Minute)
		wantShown(t, bob, "#go bob: come to the printer missed", "#lobby who has seen bob? missed")
	}
	alice.say("#go", "there you are")
	w.run(time.Second)
	if got := bob.shown(); got[len(got)-1] != "#go there you are" {
		t.Errorf("then bob is shown %q", got)
	}
}

// TestWhatComesAboveWhatWasReadIsLateAlsoAfterAStart: the lines behind it are not on the screen of this run, but were read.
func TestWhatComesAboveWhatWasReadIsLateAlsoAfterAStart(t *testing.T) {
	w := newWorld(t, 61)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	alice, bob, carol := nodes[0], nodes[1], nodes[2]
	w.run(time.Second)
	w.lan.Partition([]*sim.Host{alice.host}, []*sim.Host{bob.host, carol.host})
	w.run(7 * time.Second)
	alice.say("#lobby", "unheard")
	for i := range 5 {
		carol.say("#lobby", fmt.Sprint("line ", i))
	}
	w.run(2 * time.Second)
	last := bob.events[len(bob.events)-1]
	for _, e := range bob.events {
		if m, ok := e.(peer.Message); ok {
			last = m
		}
	}
	read := last.(peer.Message)
	if err := bob.core.Read(bob.clock(), read.Room.ID, read.Place); err != nil {
		t.Fatal(err)
	}
	bob.settle()
	w.run(time.Second)
	bob.kill()
	w.run(time.Minute)
	bob.start()
	w.run(time.Minute)
	w.lan.Heal()
	w.run(time.Minute)
	alice.say("#lobby", "heard")
	w.run(time.Second)
	wantShown(t, bob, "#lobby unheard missed late", "#lobby heard")
}

// missing is what the node's screen was told last that is missing of a room.
func (n *node) missing(room string) string {
	told := ""
	for _, e := range n.events {
		if g, ok := e.(peer.Gaps); ok && g.Room.Name == room {
			told = ""
			for _, x := range g.Gaps {
				told += fmt.Sprint(x.Name, x.Missing)
			}
		}
	}
	return told
}

// TestTheBeginningOfALogMayBeMissing: what alice said first, in a room and to bob, her disk has lost before others had it.
func TestTheBeginningOfALogMayBeMissing(t *testing.T) {
	w := newWorld(t, 64)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	w.run(10 * time.Second)
	w.lan.Partition([]*sim.Host{alice.host}, []*sim.Host{bob.host})
	w.run(10 * time.Second)
	for i := range 4 {
		for _, to := range []string{"#lobby", "bob"} {
			alice.say(to, fmt.Sprint("line ", i+1))
			w.run(time.Second)
		}
	}
	var lost []replica.Verified
	for _, e := range entries(alice.store) {
		if e.Entry().Seq < 3 {
			lost = append(lost, e.Verified)
		}
	}
	alice.kill()
	alice.store = copyStore(alice.store, lost)
	alice.start()
	w.lan.Heal()
	misses := func(n *node, room, want string) {
		t.Helper()
		if got := n.missing(room); got != want {
			t.Errorf("in %s %s misses %q, want %q", room, n.name, got, want)
		}
	}
	for range 2 { // after a start too
		w.run(time.Minute)
		misses(bob, "#lobby", "alice[1-2]")
		misses(bob, "@alice", "alice[1-2]")
		bob.kill()
		bob.start()
	}
	dave := w.host("dave")
	dave.start()
	w.run(time.Minute)
	misses(dave, "#lobby", "") // it was said before he came
}
