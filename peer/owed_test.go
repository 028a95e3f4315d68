package peer_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
)

// counting is a store that counts what is read of it before something is written.
type counting struct {
	*replica.MemStore
	read    int
	written bool
}

func (s *counting) Load(log replica.Log, first, last uint64, limit int) ([][]byte, error) {
	raws, err := s.MemStore.Load(log, first, last, limit)
	if !s.written {
		s.read += len(raws)
	}
	return raws, err
}

func (s *counting) Commit(b replica.Batch) error {
	s.written = s.written || len(b.Entries) > 0
	return s.MemStore.Commit(b)
}

func TestManyOwedLinesDoNotDelayTheFirstOneSaid(t *testing.T) {
	w := newWorld(t, 29)
	w.quiet = true
	alice, bob := w.host("alice"), w.host("bob")
	const owed = 4200
	log := replica.Log{Room: protocol.OpenNetwork().PublicRoom(peer.Lobby), Author: alice.identity.ID(), Epoch: 1}
	b := replica.Batch{Rooms: []replica.RoomState{{ID: log.Room, Name: peer.Lobby, Joined: true, JoinedAt: epoch}}}
	var last [32]byte
	for i := range owed {
		e, err := replica.NewText(replica.KindText, epoch.Add(time.Duration(i-owed)*time.Second), "alice", fmt.Sprint("line ", i))
		if err != nil {
			t.Fatal(err)
		}
		e.Log, e.Seq, e.Lamport, e.Previous = log, uint64(i+1), uint64(i+1), last
		v := replica.Sign(alice.identity, e)
		last = v.Hash()
		b.Entries = append(b.Entries, v)
		b.Lines = append(b.Lines, replica.LineState{Log: log, Seq: e.Seq, At: e.Wall, Audience: []protocol.PeerID{bob.identity.ID()}})
	}
	_ = alice.store.Commit(b)
	disk := &counting{MemStore: alice.store}
	alice.wrap = disk
	alice.disk = time.Millisecond
	alice.start()
	alice.say("#lobby", "first")
	w.run(time.Second)
	if got := alice.lines("#lobby"); !slices.Equal(got, []string{"alice: first"}) || disk.read > 100 {
		t.Errorf("%d entries were read before the first line was stored; shown %q", disk.read, got)
	}
	if got, _ := alice.core.Mail(); got != 4096 {
		t.Errorf("%d lines are in the outbox", got)
	}
	bob.start()
	w.run(2 * time.Minute)
	if got := len(entries(bob.store)); got != owed+1 {
		t.Errorf("bob stores %d lines", got)
	}
	if got, _ := alice.core.Mail(); got != 0 {
		t.Errorf("alice still waits for %d Haves", got)
	}
}
