package peer_test

import (
	"strings"
	"testing"
	"time"

	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
)

// writes is lines of somebody in the lobby, one log from its beginning.
func writes(t *testing.T, author *protocol.Identity, texts ...string) (said []replica.Verified) {
	t.Helper()
	var last [32]byte
	for i, text := range texts {
		e, err := replica.NewText(replica.KindText, epoch, "mallory", text)
		if err != nil {
			t.Fatal(err)
		}
		e.Log = replica.Log{Room: protocol.OpenNetwork().PublicRoom(peer.Lobby), Author: author.ID(), Epoch: 1}
		e.Seq, e.Lamport, e.Previous = uint64(i+1), uint64(i+1), last
		v := replica.Sign(author, e)
		last = v.Hash()
		said = append(said, v)
	}
	return said
}

func TestForkIsProvenKeptAndShown(t *testing.T) {
	w := newWorld(t, 38)
	w.quiet = true
	alice, bob, mallory := w.host("alice"), w.host("bob"), w.host("mallory")
	disk := &failing{MemStore: alice.store, next: 1} // the proof outlives trouble with the disk
	alice.wrap = disk
	_ = alice.store.Commit(replica.Batch{Entries: writes(t, mallory.identity, "yes")})
	_ = bob.store.Commit(replica.Batch{Entries: writes(t, mallory.identity, "no", "as I said")})
	accused := func() (notes, marks int) {
		for _, e := range alice.events {
			if n, ok := e.(peer.Note); ok && strings.Contains(n.Text, "two different lines") {
				notes++
			}
		}
		for _, p := range alice.core.People() {
			if p.Forked && p.ID == mallory.identity.ID() {
				marks++
			} else if p.Forked {
				t.Errorf("%s is marked", p.Name)
			}
		}
		return notes, marks
	}
	alice.start()
	mallory.start()
	w.run(time.Second)
	if notes, marks := accused(); notes+marks != 0 {
		t.Errorf("accused too early: %d notes, %d marks", notes, marks)
	}
	bob.start()
	w.run(10 * time.Second)
	if notes, marks := accused(); notes != 1 || marks != 1 {
		t.Errorf("%d notes, %d marks", notes, marks)
	}
	state, _ := alice.store.State()
	if len(state.Forks) != 1 {
		t.Fatalf("%d proofs are stored", len(state.Forks))
	}
	if log, err := replica.CheckProof(state.Forks[0]); err != nil || log.Author != mallory.identity.ID() {
		t.Errorf("a proof against %s: %v", log.Author, err)
	}
	alice.kill()
	alice.start()
	w.run(5 * time.Second)
	if notes, marks := accused(); notes != 0 || marks != 1 {
		t.Errorf("after a restart %d notes, %d marks", notes, marks)
	}
}
