package replica

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"earshot/protocol"
)

// conversation is n entries of each of three authors, in the order of their places.
func conversation(n int) []Verified {
	var all []Verified
	for i, name := range []string{"alice", "bob", "carol"} {
		all = append(all, writes(name, uint64(i+1)).says(n)...)
	}
	slices.SortFunc(all, func(a, b Verified) int { return a.entry.Place().Compare(b.entry.Place()) })
	return all
}

func TestPlaceOrdersByClockAuthorEpochAndNumber(t *testing.T) {
	low, high := protocol.PeerID{1}, protocol.PeerID{2}
	ordered := []Place{
		{},
		{Lamport: 1, Author: low, Epoch: 1, Seq: 1},
		{Lamport: 1, Author: low, Epoch: 1, Seq: 2},
		{Lamport: 1, Author: low, Epoch: 2, Seq: 1},
		{Lamport: 1, Author: high, Epoch: 1, Seq: 1},
		{Lamport: 2, Author: low, Epoch: 1, Seq: 1},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := a.Compare(b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%v compared to %v: %d", a, b, got)
			}
		}
	}
}

func TestPagesOfARoom(t *testing.T) {
	all := conversation(10)
	shuffled := slices.Clone(all)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	s := NewMemStore()
	for part := range slices.Chunk(shuffled, 7) {
		// Twice: what is stored already is passed over.
		for range 2 {
			if err := s.Append(part); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []Verified
	var before Place
	for {
		page, err := s.Page(lobby, before, 4)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if len(page) != min(4, len(all)-len(got)) {
			t.Fatalf("a page of %d after %d entries", len(page), len(got))
		}
		got = append(slices.Clone(page), got...)
		before = page[0].entry.Place()
	}
	if !slices.EqualFunc(got, all, func(a, b Verified) bool { return bytes.Equal(a.raw, b.raw) }) {
		t.Errorf("paging back gave %d entries in another order", len(got))
	}
	// A place where nothing stands is as good as one where something does.
	if page, _ := s.Page(lobby, Place{Lamport: 3}, 100); len(page) != 6 || page[5].entry.Lamport != 2 {
		t.Errorf("before clock 3 stand %d entries", len(page))
	}
	for _, n := range []int{0, -1} {
		if page, _ := s.Page(lobby, Place{}, n); len(page) != 0 {
			t.Errorf("a page of %d has %d entries", n, len(page))
		}
	}
	if page, _ := s.Page(other, Place{}, 5); len(page) != 0 {
		t.Errorf("another room has %d entries", len(page))
	}
}

func TestLoadByNumber(t *testing.T) {
	s := NewMemStore()
	w := writes("alice", 9)
	said := w.says(10)
	if err := s.Append(slices.Concat(said[:4], said[6:])); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		first, last uint64
		limit       int
		want        []int
	}{
		{1, 10, 100, []int{1, 2, 3, 4, 7, 8, 9, 10}},
		{3, 8, 100, []int{3, 4, 7, 8}},
		{3, 8, 3, []int{3, 4, 7}},
		{5, 6, 100, nil},
		{11, 20, 100, nil},
		{1, 10, 0, nil},
	} {
		raws, err := s.Load(w.log, c.first, c.last, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, raw := range raws {
			_, seq, err := Peek(raw)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, int(seq))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d-%d, at most %d: %v, want %v", c.first, c.last, c.limit, got, c.want)
		}
	}
	if raws, err := s.Load(writes("bob", 1).log, 1, 10, 10); len(raws) != 0 || err != nil {
		t.Errorf("an unknown log: %d, %v", len(raws), err)
	}
}

func TestStoreKeepsTheFirstOfTwo(t *testing.T) {
	s, w := NewMemStore(), writes("alice", 1)
	twin := w.fork()
	first, second := w.say("yes"), twin.say("no")
	_ = s.Append([]Verified{first, second})
	if page, _ := s.Page(lobby, Place{}, 10); len(page) != 1 || page[0].hash != first.hash {
		t.Errorf("%d entries on the page", len(page))
	}
}

// What a store says of its logs makes the same index as living through it did.
func TestIndexAfterARestart(t *testing.T) {
	s, x := NewMemStore(), NewIndex(nil)
	all := conversation(10)
	for i, v := range all {
		if i%5 == 3 {
			continue
		}
		x.Accept(v)
		x.Stored(v)
		_ = s.Append([]Verified{v})
	}
	states, err := s.Logs()
	if err != nil || len(states) != 3 || !slices.IsSortedFunc(states, func(a, b LogState) int { return a.Log.Compare(b.Log) }) {
		t.Fatalf("states %v, %v", states, err)
	}
	y := NewIndex(states)
	if x.Heads([]protocol.RoomID{lobby}) != y.Heads([]protocol.RoomID{lobby}) {
		t.Error("digests differ")
	}
	for _, state := range states {
		if got, want := y.Ranges(state.Log).String(), x.Ranges(state.Log).String(); got != want {
			t.Errorf("%s: %s, before it was %s", state.Log, got, want)
		}
		seq, hash := x.Last(state.Log)
		if again, h := y.Last(state.Log); again != seq || h != hash {
			t.Errorf("%s ends at %d, before at %d", state.Log, again, seq)
		}
		if state.Lamport != seq {
			t.Errorf("%s has clock %d at number %d", state.Log, state.Lamport, seq)
		}
	}
}
