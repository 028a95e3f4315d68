package replica

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

var (
	lobby = protocol.OpenNetwork().PublicRoom("lobby")
	other = protocol.OpenNetwork().PublicRoom("other")
	noon  = time.UnixMilli(1_700_000_000_123)
)

// who is the identity that a name always has.
func who(name string) *protocol.Identity {
	seed := []byte(name + strings.Repeat(".", 32))[:32]
	id, err := protocol.IdentityFromSeed(seed)
	if err != nil {
		panic(err)
	}
	return id
}

// writer writes one log in the lobby.
type writer struct {
	id      *protocol.Identity
	log     Log
	last    Verified
	lamport uint64
}

func writes(name string, epoch uint64) *writer {
	id := who(name)
	return &writer{id: id, log: Log{lobby, id.ID(), epoch}}
}

// say is the next entry of the log.
func (w *writer) say(text string) Verified {
	e, err := NewText(KindText, noon, "me", text)
	if err != nil {
		panic(err)
	}
	w.lamport++
	e.Log, e.Seq, e.Previous, e.Lamport = w.log, w.last.entry.Seq+1, w.last.hash, w.lamport
	w.last = Sign(w.id, e)
	return w.last
}

// says is the next n entries.
func (w *writer) says(n int) []Verified {
	var all []Verified
	for i := range n {
		all = append(all, w.say(fmt.Sprint("line ", i)))
	}
	return all
}

// fork is another hand that goes on from the same entry.
func (w *writer) fork() *writer {
	twin := *w
	return &twin
}

func set(t testing.TB, s string) protocol.RangeSet {
	t.Helper()
	var out protocol.RangeSet
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) {
		var r protocol.Range
		if err := r.UnmarshalText([]byte(part)); err != nil {
			t.Fatal(err)
		}
		out.Add(r)
	}
	return out
}

func instance(n int) protocol.Instance { return protocol.Instance{0: byte(n), 6: 0x40, 8: 0x80} }

// conversation is n entries of each of three authors, in the order of their places.
func conversation(n int) []Verified {
	var all []Verified
	for i, name := range []string{"alice", "bob", "carol"} {
		all = append(all, writes(name, uint64(i+1)).says(n)...)
	}
	slices.SortFunc(all, func(a, b Verified) int { return a.entry.Place().Compare(b.entry.Place()) })
	return all
}

func anyTurn() *Turn { return NewTurn(rand.New(rand.NewPCG(1, 2))) }
