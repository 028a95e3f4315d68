package peer_test

import (
	"fmt"
	"testing"
	"time"

	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
)

// library puts so many lines of somebody who has gone long ago into a store.
func library(t testing.TB, to *replica.MemStore, lines int) protocol.PeerID {
	t.Helper()
	author, err := protocol.NewIdentity(random(1, "author"))
	if err != nil {
		t.Fatal(err)
	}
	log := replica.Log{Room: protocol.OpenNetwork().PublicRoom(peer.Lobby), Author: author.ID(), Epoch: 1}
	var b replica.Batch
	var last [32]byte
	for i := range lines {
		e, err := replica.NewText(replica.KindText, epoch.Add(time.Duration(i-lines)*time.Second), "author", fmt.Sprintf("line %d of a long story that many will want to read", i))
		if err != nil {
			t.Fatal(err)
		}
		e.Log, e.Seq, e.Lamport, e.Previous = log, uint64(i+1), uint64(i+1), last
		v := replica.Sign(author, e)
		last = v.Hash()
		b.Entries = append(b.Entries, v)
	}
	if err := to.Commit(b); err != nil {
		t.Fatal(err)
	}
	return author.ID()
}

// catchUp has somebody join a room with a long history, and tells when the newest page and when all of it was there.
func catchUp(t testing.TB, lines int, sentence func(w *world, nodes []*node)) (page, all time.Duration, datagrams int) {
	w := newWorld(t, 30)
	w.quiet = true
	alice, bob := w.host("alice"), w.host("bob")
	author := library(t, alice.store, lines)
	_ = bob.store.Commit(replica.Batch{Contacts: []replica.Contact{{ID: author, Name: "author", Seen: epoch}}}) // no stranger
	alice.start()
	w.run(time.Second)
	before, began := w.sent, w.now
	bob.start()
	if sentence != nil {
		sentence(w, []*node{alice, bob})
	}
	for range 60_000 {
		w.run(10 * time.Millisecond)
		have := 0
		for _, l := range entries(bob.store) {
			if l.Entry().Seq > uint64(lines-protocol.FirstPage) && l.Entry().Epoch == 1 {
				have++
			}
		}
		if page == 0 && have == protocol.FirstPage {
			page = w.now.Sub(began)
		}
		if len(entries(bob.store)) >= lines {
			return page, w.now.Sub(began), w.sent - before
		}
	}
	t.Fatalf("seed %d: %d of %d lines came", w.seed, len(entries(bob.store)), lines)
	return
}

func TestLateJoinerHasTheNewestPageWithinASecondAndCanTalkAtOnce(t *testing.T) {
	page, all, _ := catchUp(t, 3000, func(w *world, nodes []*node) {
		w.run(200 * time.Millisecond)
		nodes[1].say("#lobby", "hello, what did I miss?")
		w.run(50 * time.Millisecond)
		if got := nodes[0].lines("#lobby"); len(got) != 1 {
			t.Errorf("50 ms after bob spoke alice shows %q", got)
		}
	})
	if page > time.Second {
		t.Errorf("the newest page took %v", page)
	}
	t.Logf("newest page after %v, all after %v", page, all)
}

func BenchmarkLateJoiner(b *testing.B) {
	const lines = 10_000
	for b.Loop() {
		page, all, datagrams := catchUp(b, lines, nil)
		b.ReportMetric(page.Seconds(), "s/page")
		b.ReportMetric(lines/all.Seconds(), "entries/s")
		b.ReportMetric(float64(datagrams)/lines, "datagrams/entry")
	}
}

func TestSlowDiskStallsNothingElse(t *testing.T) {
	w := newWorld(t, 31)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	w.run(time.Second)
	bob.disk = 400 * time.Millisecond
	alice.say("#lobby", "written slowly")
	w.run(20 * time.Millisecond)
	var rtt time.Duration
	alice.core.Ping(alice.clock(), "bob", func(d time.Duration, err error) { rtt = d })
	alice.settle()
	w.run(5 * time.Millisecond)
	if rtt == 0 || rtt > 2*time.Millisecond {
		t.Errorf("a ping takes %v while the disk is busy", rtt)
	}
	if got := bob.lines("#lobby"); len(got) != 0 {
		t.Error("bob shows what he has not stored")
	}
	for range 100 {
		alice.say("#lobby", "more")
		w.run(10 * time.Millisecond)
	}
	w.run(2 * time.Second)
	if got := bob.lines("#lobby"); len(got) != 101 {
		t.Errorf("bob shows %d lines", len(got))
	}
	for _, e := range alice.events {
		if _, ok := e.(peer.Left); ok {
			t.Error("bob is thought to be gone")
		}
	}
}
