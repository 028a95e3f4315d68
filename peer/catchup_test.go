package peer_test

import (
	"bytes"
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

// spoilt is a store from which one entry comes back damaged.
type spoilt struct {
	*replica.MemStore
	seq uint64
}

func (s spoilt) Load(log replica.Log, first, last uint64, limit int) ([][]byte, error) {
	raws, err := s.MemStore.Load(log, first, last, limit)
	for i, raw := range raws {
		if first+uint64(i) == s.seq {
			raws[i] = bytes.Clone(raw)
			raws[i][len(raw)-1] ^= 1
		}
	}
	return raws, err
}

func TestWhatTheDiskHasDamagedIsKeptFromOthers(t *testing.T) {
	w := newWorld(t, 32)
	w.quiet = true
	alice, bob := w.host("alice"), w.host("bob")
	library(t, alice.store, 40)
	alice.wrap = spoilt{alice.store, 20}
	alice.start()
	bob.start()
	w.run(10 * time.Second)
	if got := len(entries(bob.store)); got != 39 {
		t.Errorf("bob has %d entries, 39 are intact", got)
	}
	for reason, n := range bob.core.Drops() {
		if strings.HasPrefix(reason, "replica") {
			t.Errorf("bob has refused %d: %s", n, reason)
		}
	}
}

func TestWhatOthersHaveMoreOfIsMissingAtTheEnd(t *testing.T) {
	w := newWorld(t, 32)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	alice, bob, carol := nodes[0], nodes[1], nodes[2]
	w.run(time.Second)
	alice.say("#lobby", "the first")
	w.run(time.Second)
	w.lan.Partition([]*sim.Host{alice.host, carol.host}, []*sim.Host{bob.host})
	w.run(10 * time.Second)
	alice.say("#lobby", "the second")
	alice.say("#lobby", "the third")
	w.run(time.Second)
	alice.kill()
	carol.wrap = mute{carol.store}
	w.lan.Heal()
	gaps := func() (last []peer.Gap) {
		for _, e := range bob.events {
			if g, ok := e.(peer.Gaps); ok {
				last = g.Gaps
			}
		}
		return last
	}
	for range 50 {
		if w.run(100 * time.Millisecond); len(gaps()) > 0 {
			break
		}
	}
	if g := gaps(); len(g) != 1 || g[0].Name != "alice" || g[0].Last != 1 || !slices.Equal(g[0].Missing, []protocol.Range{{First: 2, Last: 3}}) {
		t.Errorf("bob misses %+v", g)
	}
	carol.wrap = nil
	w.run(2 * time.Minute)
	if g := gaps(); len(g) != 0 || len(bob.lines("#lobby")) != 3 {
		t.Errorf("in the end bob misses %+v of %q", g, bob.lines("#lobby"))
	}
}

// mute is a store that hands nothing out.
type mute struct{ *replica.MemStore }

func (mute) Load(replica.Log, uint64, uint64, int) ([][]byte, error) { return nil, nil }

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
