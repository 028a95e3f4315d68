// Package storetest is what every replica.Store must do, as tests: stories with fixed ends, and random operations of
// which two stores must give the same account.
package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// Open makes an empty store. again ends its use and opens what it has kept, as a restart does.
type Open func(t *testing.T) (s replica.Store, again func() replica.Store)

// Run tells every story to stores of one kind.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		tell func(*story)
	}{
		{"pages back and forth", pages},
		{"load by number", load},
		{"the first of two is kept", firstOfTwo},
		{"an index after a restart", restart},
		{"everything a node knows", state},
		{"lines on their way", lines},
		{"sealed lines", sealed},
		{"search", search},
		{"search page by page", searchPages},
		{"many in one moment", oneMoment},
		{"delete a conversation", deleteRoom},
		{"delete a long one in steps", deleteInSteps},
		{"keep the newest", pruneNewest},
		{"keep what is young", pruneOld},
		{"prune step by step", pruneSteps},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &story{T: t}
			s.Store, s.again = open(t)
			c.tell(s)
			if err := s.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		})
	}
}

// story is a test with its store.
type story struct {
	*testing.T
	replica.Store
	again func() replica.Store
}

func (s *story) restart() { s.Store = s.again() }

func (s *story) commit(b replica.Batch) {
	s.Helper()
	if err := s.Commit(b); err != nil {
		s.Fatalf("commit: %v", err)
	}
}

func (s *story) state() replica.State {
	s.Helper()
	state, err := s.State()
	if err != nil {
		s.Fatalf("state: %v", err)
	}
	return state
}

// want compares an account with what it should be.
func (s *story) want(what string, got, want string) {
	s.Helper()
	if got != want {
		s.Errorf("%s\n got %s\nwant %s", what, got, want)
	}
}

var (
	// Lobby and Garden are two rooms.
	Lobby  = protocol.OpenNetwork().PublicRoom("lobby")
	Garden = protocol.OpenNetwork().PublicRoom("garden")
	// Noon is when everything begins.
	Noon = time.UnixMilli(1_700_000_000_123)
)

// Who is the identity that a name always has.
func Who(name string) *protocol.Identity {
	id, err := protocol.IdentityFromSeed([]byte(name + strings.Repeat(".", 32))[:32])
	if err != nil {
		panic(err)
	}
	return id
}

// Writer writes a log: its name is the author's. Every entry is a second after the last.
type Writer struct {
	Name    string
	Log     replica.Log
	Last    replica.Verified
	Lamport uint64
	Wall    time.Time
}

// Writes begins a log in the lobby.
func Writes(name string, epoch uint64) *Writer { return WritesIn(Lobby, name, epoch) }

// WritesIn begins a log.
func WritesIn(room protocol.RoomID, name string, epoch uint64) *Writer {
	return &Writer{Name: name, Log: replica.Log{Room: room, Author: Who(name).ID(), Epoch: epoch}, Wall: Noon}
}

// Say writes the next entry.
func (w *Writer) Say(text string) replica.Verified {
	e, err := replica.NewText(replica.KindText, w.Wall, w.Name, text)
	if err != nil {
		panic(err)
	}
	return w.sign(e)
}

// Seal writes an entry that cannot be read.
func (w *Writer) Seal() replica.Verified {
	body, err := replica.EncodeSealed([8]byte{1}, make([]byte, 100))
	if err != nil {
		panic(err)
	}
	return w.sign(replica.Entry{Wall: w.Wall, Kind: replica.KindSealed, Body: body})
}

func (w *Writer) sign(e replica.Entry) replica.Verified {
	w.Lamport++
	e.Log, e.Seq, e.Lamport = w.Log, w.Last.Entry().Seq+1, w.Lamport
	if e.Seq > 1 {
		e.Previous = w.Last.Hash()
	}
	w.Last = replica.Sign(Who(w.Name), e)
	w.Wall = w.Wall.Add(time.Second)
	return w.Last
}

// Says writes n entries.
func (w *Writer) Says(n int) []replica.Verified {
	var all []replica.Verified
	for range n {
		all = append(all, w.Say(fmt.Sprint("line ", w.Last.Entry().Seq+1)))
	}
	return all
}
