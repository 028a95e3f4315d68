package peer_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

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
	bob.say("#lobby", "mine again")
	w.run(time.Second)
	if got := alice.lines("#lobby"); delivered != 1 || len(got) != 2 {
		t.Errorf("afterwards alice knows of %d deliveries and shows %q", delivered, got)
	}
	if got := bob.lines("#lobby"); len(got) != 2 {
		t.Errorf("bob shows %q", got)
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
			}
		})
		nodes[1].settle()
		w.run(10 * time.Millisecond)
		return texts
	}
	if got := find("needle from:alice in:#lobby"); !slices.Equal(got, []string{"alice: the needle"}) {
		t.Errorf("found %q", got)
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
