package peer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
)

func TestWhoWasAwayHasItFromSomebodyElse(t *testing.T) {
	w := newWorld(t, 20)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	w.run(time.Second)
	alice, bob, carol := nodes[0], nodes[1], nodes[2]
	bob.kill()
	w.run(6 * time.Second)
	alice.say("#lobby", "bob will want to know this")
	w.run(time.Second)
	alice.kill()
	w.run(6 * time.Second)
	bob.start()
	w.run(2 * time.Second)
	if got := bob.lines("#lobby"); !slices.Equal(got, []string{"alice: bob will want to know this"}) {
		t.Errorf("bob shows %q", got)
	}
	_ = carol
}

func TestDirectLineToSomebodyAwayIsCarriedSealed(t *testing.T) {
	w := newWorld(t, 21)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	w.run(time.Second)
	alice, bob, carol := nodes[0], nodes[1], nodes[2]
	bob.kill()
	w.run(6 * time.Second)
	alice.say("bob", "for bob alone")
	w.run(time.Second)
	state, _ := carol.store.State()
	if len(state.Mail) != 1 || strings.Contains(string(state.Mail[0].Raw), "for bob alone") {
		t.Fatalf("carol carries %d letters, or can read them", len(state.Mail))
	}
	if got := carol.lines("@alice"); len(got) != 0 {
		t.Errorf("carol is shown %q", got)
	}
	if got := alice.lines("@bob"); !slices.Equal(got, []string{"alice: for bob alone"}) {
		t.Errorf("alice shows %q", got)
	}
	alice.kill()
	w.run(6 * time.Second)
	carol.kill()
	carol.start() // what is carried survives a restart
	w.run(time.Second)
	bob.start()
	w.run(2 * time.Second)
	if got := bob.lines("@alice"); !slices.Equal(got, []string{"alice: for bob alone"}) {
		t.Errorf("bob shows %q", got)
	}
	if state, _ := carol.store.State(); len(state.Mail) != 0 {
		t.Errorf("carol still carries %d letters", len(state.Mail))
	}
	alice.start()
	w.run(2 * time.Second)
	if state, _ := alice.store.State(); len(state.Lines) != 0 {
		t.Error("alice does not know that bob has it")
	}
}

// sick is a store that refuses to write while it is ill.
type sick struct {
	*replica.MemStore
	ill bool
}

func (s *sick) Commit(b replica.Batch) error {
	if s.ill {
		return replica.ErrFull
	}
	return s.MemStore.Commit(b)
}

// The store is tried again also where nothing waits to be written.
func TestDiskWithRoomAgainIsNoticed(t *testing.T) {
	w := newWorld(t, 23)
	w.quiet = true
	bob := everybody(w, "bob")[0]
	disk := &sick{MemStore: bob.store}
	bob.wrap = disk
	w.run(time.Second)
	disk.ill = true
	var refused error
	bob.core.Say(bob.clock(), "#lobby", "mine", false, func(_ peer.Message, err error) { refused = err })
	bob.settle()
	w.run(10 * time.Minute)
	if said := fmt.Sprint(bob.core.Standing()); !errors.Is(refused, replica.ErrFull) || !strings.Contains(said, "disk is full") {
		t.Errorf("%v, standing: %s", refused, said)
	}
	disk.ill = false
	w.run(time.Minute)
	if said := fmt.Sprint(bob.core.Standing()); strings.Contains(said, "disk is full") {
		t.Errorf("still told: %s", said)
	}
}

func TestFullDiskLosesNothingInSilence(t *testing.T) {
	w := newWorld(t, 22)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	disk := &sick{MemStore: bob.store}
	bob.wrap = disk
	w.run(time.Second)
	disk.ill = true
	alice.say("#lobby", "while the disk is full")
	var refused error
	bob.core.Say(bob.clock(), "#lobby", "mine", false, func(_ peer.Message, err error) { refused = err })
	bob.settle()
	w.run(time.Second)
	if !errors.Is(refused, replica.ErrFull) {
		t.Errorf("bob's own line: %v", refused)
	}
	unstored, told := false, false
	for _, e := range bob.events {
		switch e := e.(type) {
		case peer.Message:
			unstored = unstored || e.Text == "while the disk is full" && e.Unstored
		case peer.Note:
			told = told || e.Trouble && strings.Contains(e.Text, "disk is full")
		}
	}
	if said := fmt.Sprint(bob.core.Standing()); !strings.Contains(said, "disk is full") {
		t.Errorf("who looks on from now on is not told: %s", said)
	}
	if !unstored || !told {
		t.Errorf("shown as not stored: %v, told: %v", unstored, told)
	}
	for _, e := range alice.events {
		if _, ok := e.(peer.Delivered); ok {
			t.Error("alice is told that bob has it")
		}
	}
	disk.ill = false
	w.run(time.Minute)
	delivered := 0
	for _, e := range alice.events {
		if _, ok := e.(peer.Delivered); ok {
			delivered++
		}
	}
	if said := fmt.Sprint(bob.core.Standing()); strings.Contains(said, "disk is full") {
		t.Errorf("who looks on from now on is told: %s", said)
	}
	bob.say("#lobby", "mine again")
	w.run(time.Second)
	if got := alice.lines("#lobby"); delivered != 1 || len(got) != 2 {
		t.Errorf("afterwards alice knows of %d deliveries and shows %q", delivered, got)
	}
	if got := bob.lines("#lobby"); len(got) != 2 {
		t.Errorf("bob shows %q", got)
	}
}

func TestWhatAFullDiskRefusedIsWrittenOnceItHasRoom(t *testing.T) {
	w := newWorld(t, 26)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	alice, bob, carol := nodes[0], nodes[1], nodes[2]
	hers, his := &sick{MemStore: alice.store}, &sick{MemStore: carol.store}
	alice.wrap, carol.wrap = hers, his
	w.run(time.Second)
	his.ill = true
	bob.kill()
	w.run(6 * time.Second)
	alice.say("bob", "by way of carol")
	w.run(2 * time.Second)
	dave := w.host("dave")
	dave.start()
	w.run(2 * time.Second)
	his.ill = false
	w.run(time.Minute)
	alice.kill()
	dave.kill()
	carol.kill()
	carol.start() // from what its disk holds
	if got := carol.core.People(); len(got) != 3 {
		t.Errorf("carol knows %d people after the restart", len(got))
	}
	bob.start()
	w.run(5 * time.Second)
	if got := bob.lines("@alice"); !slices.Equal(got, []string{"alice: by way of carol"}) {
		t.Errorf("bob shows %q", got)
	}
	alice.start()
	w.run(2 * time.Second)
	alice.disk = 20 * time.Millisecond // then the receipts do not come in time for the batch of the line
	alice.say("#lobby", "received, but not noted")
	w.run(21 * time.Millisecond)
	hers.ill = true
	w.run(2 * time.Second)
	if state, _ := alice.store.State(); len(state.Lines) != 1 || len(state.Lines[0].Reached) != 0 {
		t.Fatalf("owed while the disk is full: %+v", state.Lines)
	}
	hers.ill = false
	w.run(time.Minute)
	if state, _ := alice.store.State(); len(state.Lines) != 1 || len(state.Lines[0].Reached) != 2 { // dave lacks it
		t.Errorf("owed according to the disk: %+v", state.Lines)
	}
}

func TestLetterIsNotPromisedBeforeItIsStored(t *testing.T) {
	w := newWorld(t, 27)
	nodes := everybody(w, "alice", "bob", "carol")
	alice, bob, carol := nodes[0], nodes[1], nodes[2]
	disk := &sick{MemStore: carol.store}
	carol.wrap = disk
	w.quiet = true
	w.run(time.Second)
	bob.kill()
	w.run(6 * time.Second)
	disk.ill = true
	w.quiet = false
	alice.say("bob", "by way of carol")
	w.run(10 * time.Second)
	if strings.Contains(w.out.String(), "[have ") {
		t.Errorf("carol promises what is not stored:\n%s", w.out.String())
	}
	disk.ill = false
	w.run(time.Minute)
	if !strings.Contains(w.out.String(), "[have ") {
		t.Errorf("carol never says that the letter is stored:\n%s", w.out.String())
	}
}

func TestLineToSomebodyWhoHasJustVanishedIsCarried(t *testing.T) {
	w := newWorld(t, 33)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	alice, bob, carol := nodes[0], nodes[1], nodes[2]
	w.run(10 * time.Second)
	bob.kill()
	w.run(500 * time.Millisecond) // nobody knows yet
	alice.say("bob", "are you there?")
	w.run(20 * time.Second)
	if state, _ := carol.store.State(); len(state.Mail) != 1 || strings.Contains(string(state.Mail[0].Raw), "are you there?") {
		t.Fatalf("carol carries %d letters, or can read them", len(state.Mail))
	}
	alice.kill()
	w.run(time.Second)
	bob.start()
	w.run(10 * time.Second)
	if got := bob.lines("@alice"); !slices.Equal(got, []string{"alice: are you there?"}) {
		t.Errorf("bob shows %q", got)
	}
}

func TestTwoInstancesWithKeysOfTheirOwnBothReadADirectLine(t *testing.T) {
	w := newWorld(t, 34)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	second := w.host("second")
	second.identity = bob.identity
	second.start()
	w.run(time.Second)
	to := "@" + bob.identity.ID().String()
	alice.say(to, "to both of you")
	w.run(time.Second)
	for _, n := range []*node{bob, second} {
		if got := n.lines("@alice"); !slices.Equal(got, []string{"alice: to both of you"}) {
			t.Errorf("an instance of bob shows %q", got)
		}
	}
}

func TestCarrierWithAFullDiskPromisesNothing(t *testing.T) {
	w := newWorld(t, 27)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	w.run(time.Second)
	alice, bob, carol := nodes[0], nodes[1], nodes[2]
	bob.kill()
	w.run(6 * time.Second)
	disk := &sick{MemStore: carol.store, ill: true}
	carol.wrap = disk
	alice.say("bob", "for bob alone")
	w.run(time.Second)
	alice.say("bob", "and this") // offered while the store is given a rest
	w.run(20 * time.Second)
	if _, carriers := alice.core.Mail(); carriers != 0 {
		t.Errorf("carol has promised to carry %d lines that she cannot store", carriers)
	}
	disk.ill = false
	w.run(time.Minute)
	if own, carriers := alice.core.Mail(); own != 2 || carriers != 2 {
		t.Errorf("of %d lines %d are carried once there is room", own, carriers)
	}
	alice.kill()
	carol.kill()
	carol.start()
	w.run(time.Second)
	bob.start()
	w.run(10 * time.Second)
	if got := bob.lines("@alice"); !slices.Equal(got, []string{"alice: for bob alone", "alice: and this"}) {
		t.Errorf("bob shows %q", got)
	}
}

func TestDamagedMailKeysAreTold(t *testing.T) {
	w := newWorld(t, 29)
	w.quiet = true
	alice := w.host("alice")
	_ = alice.store.Commit(replica.Batch{Settings: []replica.Setting{{Key: "mail-ring", Value: "torn"}}})
	alice.start()
	if said := fmt.Sprint(alice.core.Standing()); !strings.Contains(said, "the mail keys are damaged") {
		t.Errorf("whoever looks is told %s", said)
	}
}

func TestMailThatIsNotTakenBackAtTheStartIsDeleted(t *testing.T) {
	w := newWorld(t, 28)
	w.quiet = true
	alice := w.host("alice")
	author, err := protocol.NewIdentity(random(1, "author"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := replica.NewText(replica.KindText, epoch, "author", "not sealed")
	if err != nil {
		t.Fatal(err)
	}
	e.Log, e.Seq, e.Lamport = replica.Log{Room: protocol.RoomID{1}, Author: author.ID(), Epoch: 1}, 1, 1
	v := replica.Sign(author, e)
	damaged := slices.Clone(v.Raw())
	damaged[len(damaged)-1]++
	second := e.Log
	second.Epoch = 2
	_ = alice.store.Commit(replica.Batch{Mail: []replica.Mail{
		{Log: e.Log, Seq: 1, Raw: v.Raw(), Accepted: epoch},
		{Log: second, Seq: 1, Raw: damaged, Accepted: epoch},
	}})
	alice.start()
	w.run(time.Second)
	if state, _ := alice.store.State(); len(state.Mail) != 0 {
		t.Errorf("%d letters stay", len(state.Mail))
	}
}

func TestTopicIsEverybodys(t *testing.T) {
	w := newWorld(t, 23)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	w.run(time.Second)
	nodes[0].core.SetTopic(nodes[0].clock(), "#lobby", "what we talk about", func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	nodes[0].settle()
	w.run(time.Second)
	for _, n := range nodes {
		rooms := n.core.PublicRooms()
		if len(rooms) != 1 || rooms[0].Topic != "what we talk about" || rooms[0].People != 2 || !rooms[0].Joined {
			t.Errorf("%s knows of %+v", n.name, rooms)
		}
	}
}

func TestOlderTopicThatComesLateChangesNothing(t *testing.T) {
	w := newWorld(t, 25)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	w.run(time.Second)
	alice, bob, carol := nodes[0], nodes[1], nodes[2]
	set := func(n *node, topic string) {
		n.core.SetTopic(n.clock(), "#lobby", topic, func(err error) {
			if err != nil {
				t.Error(err)
			}
		})
		n.settle()
		w.run(100 * time.Millisecond)
	}
	is := func(when, want string) {
		t.Helper()
		if rooms := bob.core.PublicRooms(); len(rooms) != 1 || rooms[0].Topic != want {
			t.Errorf("%s: bob knows of %+v, the topic is %q", when, rooms, want)
		}
	}
	w.lan.Partition([]*sim.Host{alice.host, bob.host}, []*sim.Host{carol.host})
	set(carol, "older")
	alice.say("#lobby", "a line")
	set(alice, "newer")
	bob.kill()
	bob.start()
	w.lan.Heal()
	w.run(10 * time.Second)
	is("after a restart", "newer")
	if err := bob.core.Part(bob.clock(), "#lobby"); err != nil {
		t.Error(err)
	}
	bob.settle()
	w.run(time.Second)
	bob.kill()
	bob.start()
	w.run(time.Second)
	if _, err := bob.core.Join(bob.clock(), "lobby"); err != nil {
		t.Error(err)
	}
	bob.settle()
	is("after leaving and coming back", "newer")
	w.run(time.Second)
	set(carol, "")
	is("once it was taken away", "")
}

func TestSearchFindsAndForgetForgets(t *testing.T) {
	w := newWorld(t, 24)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	w.run(time.Second)
	nodes[0].say("#lobby", "the needle")
	nodes[1].say("#lobby", "the hay")
	w.run(time.Second)
	find := func(query string) (texts []string) {
		nodes[1].core.Search(nodes[1].clock(), query, 0, 10, func(f peer.Found, err error) {
			if err != nil {
				t.Error(err)
			}
			for _, m := range f.Messages {
				texts = append(texts, m.Name+": "+m.Text)
				if strings.Contains(query, "in:") && !strings.HasSuffix(query, "in:"+m.Room.Name) {
					t.Errorf("%q is said to be of %s", m.Text, m.Room.Name)
				}
			}
		})
		nodes[1].settle()
		w.run(10 * time.Millisecond)
		return texts
	}
	if got := find("needle from:alice in:#lobby"); !slices.Equal(got, []string{"alice: the needle"}) {
		t.Errorf("found %q", got)
	}
	nodes[1].core.Join(nodes[1].clock(), "go")
	nodes[1].settle()
	nodes[1].say("#go", "another needle")
	w.run(100 * time.Millisecond)
	for _, restart := range []bool{false, true} {
		if err := nodes[1].core.Part(nodes[1].clock(), "#go"); !restart && err != nil {
			t.Error(err)
		}
		nodes[1].settle()
		w.run(100 * time.Millisecond)
		if restart {
			nodes[1].kill()
			nodes[1].start()
		}
		if got := find("needle in:#go"); !slices.Equal(got, []string{"bob: another needle"}) {
			t.Errorf("in a room that was left, restart %v: found %q", restart, got)
		}
	}
	nodes[1].core.Forget(nodes[1].clock(), "#lobby", func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	nodes[1].settle()
	w.run(time.Second)
	if got := find("the"); len(got) != 0 {
		t.Errorf("found after it was forgotten: %q", got)
	}
}

// TestWhenSomebodyWasSeenLastIsKnownAfterAStart: after eight hours together, not since those began.
func TestWhenSomebodyWasSeenLastIsKnownAfterAStart(t *testing.T) {
	for _, c := range []struct {
		ends   string
		end    func(n *node)
		within time.Duration
	}{
		{"leaves", func(n *node) { n.core.Leave(n.clock()); n.settle() }, time.Minute},
		{"leaves with a slow disk", func(n *node) { n.disk = 300 * time.Millisecond; n.core.Leave(n.clock()); n.settle() }, time.Minute},
		{"is killed", (*node).kill, time.Hour},
	} {
		w := newWorld(t, 68)
		w.quiet = true
		nodes := everybody(w, "alice", "bob")
		alice, bob := nodes[0], nodes[1]
		w.run(8*time.Hour - time.Minute)
		last := w.now
		c.end(alice)
		w.run(2 * time.Second)
		bob.kill()
		w.run(8 * time.Hour)
		alice.start()
		w.run(2 * time.Second)
		for _, p := range alice.core.People() {
			if p.Online || last.Sub(p.Since) > c.within {
				t.Errorf("alice %s: then %s is online: %t, since %v before that", c.ends, p.Name, p.Online, last.Sub(p.Since))
			}
		}
	}
}

func TestForgettingALongRoomDelaysNothingAndTakesNothingNew(t *testing.T) {
	w := newWorld(t, 37)
	w.quiet = true
	alice, bob := w.host("alice"), w.host("bob")
	library(t, alice.store, 3500)
	library(t, bob.store, 3500)
	alice.start()
	bob.start()
	w.run(time.Second)
	bob.disk = 100 * time.Millisecond
	done := false
	bob.core.Forget(bob.clock(), "#lobby", func(err error) { done = err == nil })
	bob.settle()
	w.run(150 * time.Millisecond)
	bob.say("#lobby", "mine, meanwhile")
	alice.say("#lobby", "hers, meanwhile")
	w.run(300 * time.Millisecond)
	if got := bob.lines("#lobby"); done || len(got) != 2 {
		t.Errorf("all is forgotten: %v; shown so far %q", done, got)
	}
	w.run(time.Minute)
	if got := entries(bob.store); !done || len(got) != 2 {
		t.Errorf("forgotten: %v; %d lines stay, not the two that came later", done, len(got))
	}
	if got := alice.lines("#lobby"); len(got) != 2 {
		t.Errorf("alice shows %q", got)
	}
	for _, p := range alice.core.People() {
		if !slices.Equal(p.Rooms, []string{peer.Lobby}) {
			t.Errorf("alice thinks that %s is in %q", p.Name, p.Rooms)
		}
	}
}
