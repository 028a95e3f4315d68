package replica

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// budget is what a packet leaves for one frame, or somewhat less.
const budget = 1100

// wire sends Vectors through their encoding, as a peer would see them, and holds them to the budget.
func wire(t testing.TB, vectors []frame.Vector, budget int) []frame.Vector {
	t.Helper()
	e := protocol.NewEncoder()
	var out []frame.Vector
	for _, v := range vectors {
		e.Reset()
		v.Append(e)
		if e.Len() > budget {
			t.Fatalf("%s takes %d bytes of %d", v, e.Len(), budget)
		}
		frames, err := frame.Parse(e.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		got := frames[0].(frame.Vector)
		e2 := protocol.NewEncoder()
		got.Append(e2)
		if !slices.Equal(e.Bytes(), e2.Bytes()) {
			t.Fatalf("%s came as %s", v, got)
		}
		out = append(out, got)
	}
	return out
}

func indexOf(entries ...Verified) *Index {
	x := NewIndex(nil)
	for _, v := range entries {
		x.Stored(v)
	}
	return x
}

func ranges(all []LogRanges) (s string) {
	for _, l := range all {
		s += fmt.Sprintf("%d:%s ", l.Log.Epoch, l.Ranges)
	}
	return s
}

func missing(x *Index, vectors []frame.Vector) (all []LogRanges) {
	for _, v := range vectors {
		all = append(all, x.Missing(v)...)
	}
	return all
}

func answer(t testing.TB, x *Index, vectors []frame.Vector) (all []frame.Vector) {
	t.Helper()
	for _, v := range vectors {
		all = append(all, wire(t, x.Answer(v, budget, anyTurn()), budget)...)
	}
	return all
}

func digests(t testing.TB, x *Index) []frame.Vector {
	t.Helper()
	return wire(t, x.DigestPages(lobby, budget), budget)
}

func TestEqualRoomsSayNoMore(t *testing.T) {
	all := conversation(5)
	x, y := indexOf(all...), indexOf(all...)
	pages := digests(t, x)
	if got := answer(t, y, pages); len(pages) != 1 || len(got) != 0 {
		t.Errorf("%d pages, answered by %v", len(pages), got)
	}
	if got := answer(t, NewIndex(nil), digests(t, NewIndex(nil))); len(got) != 0 {
		t.Errorf("two empty rooms: %v", got)
	}
}

func TestEachSideLearnsWhatItLacks(t *testing.T) {
	a, b := writes("alice", 5).says(9), writes("bob", 6).says(4)
	x := indexOf(slices.Concat(a[:6], b[2:])...)
	y := indexOf(slices.Concat(a[4:], b[:1])...)

	asked := answer(t, y, digests(t, x))
	if got := ranges(missing(x, asked)); got != "5:7-9 6:1 " && got != "6:1 5:7-9 " {
		t.Errorf("x lacks %s", got)
	}
	told := answer(t, x, asked)
	if got := ranges(missing(y, told)); got != "5:1-4 6:3-4 " && got != "6:3-4 5:1-4 " {
		t.Errorf("y lacks %s", got)
	}
	if got := answer(t, y, told); len(got) != 0 {
		t.Errorf("an answer is answered by %v", got)
	}
}

func TestOneSideHasNothingOfAnAuthor(t *testing.T) {
	x, y := indexOf(writes("alice", 5).says(9)...), indexOf(writes("bob", 6).says(2)...)
	// An empty page asks too: for everybody.
	asked := answer(t, x, digests(t, NewIndex(nil)))
	if got := ranges(missing(NewIndex(nil), asked)); got != "5:1-9 " {
		t.Errorf("a newcomer lacks %s", got)
	}
	asked = answer(t, y, digests(t, x))
	if got := ranges(missing(x, asked)); got != "6:1-2 " {
		t.Errorf("x lacks %s", got)
	}
	if got := ranges(missing(y, answer(t, x, asked))); got != "5:1-9 " {
		t.Errorf("y lacks %s", got)
	}
}

// crowd is an index of so many authors with so many epochs each, of ranges with holes.
func crowd(authors, epochs, holes int) *Index {
	var states []LogState
	for a := range authors {
		for e := range epochs {
			s := LogState{Log: Log{Room: lobby, Epoch: uint64(e)*7e12 + 1}}
			s.Author = protocol.PeerID{byte(a * 251 >> 8), byte(a * 251), byte(a)}
			for h := range holes + 1 {
				s.Ranges = append(s.Ranges, protocol.Range{First: uint64(h)*100000 + 1, Last: uint64(h)*100000 + 5})
			}
			states = append(states, s)
		}
	}
	return NewIndex(states)
}

func TestPagesFitAndStandAlone(t *testing.T) {
	for _, c := range []struct{ authors, epochs, holes int }{
		{0, 0, 0}, {1, 1, 0}, {24, 1, 0}, {25, 1, 0}, {300, 1, 0}, {3, 70, 2}, {40, 5, 3}, {2, 3, 40}, {2, 3, 200}, {1, 1, 300},
	} {
		x, empty := crowd(c.authors, c.epochs, c.holes), NewIndex(nil)
		for _, size := range []int{minBudget, 700, budget} {
			pages := wire(t, x.DigestPages(lobby, size), size)
			// Each author is on one page, whose bounds touch those of its neighbours.
			var next protocol.PeerID
			n := 0
			for i, v := range pages {
				if v.Digests.From != next || (v.Digests.To == lastPeer) != (i == len(pages)-1) {
					t.Fatalf("%v: page %d is from %x to %x", c, i, v.Digests.From, v.Digests.To)
				}
				n += len(v.Digests.Authors)
				if i < len(pages)-1 {
					next = after(v.Digests.To)
				}
			}
			if n != c.authors {
				t.Errorf("%v: %d authors on the pages", c, n)
			}
			// In whatever order they come, the pages say what is missing.
			slices.Reverse(pages)
			var told []frame.Vector
			for _, v := range x.DigestPages(lobby, size) {
				asked := wire(t, empty.Answer(v, size, anyTurn()), size)
				slices.Reverse(asked)
				for _, v := range asked {
					told = append(told, wire(t, x.Answer(v, size, anyTurn()), size)...)
				}
			}
			got := map[Log]protocol.RangeSet{}
			for _, l := range missing(empty, told) {
				got[l.Log] = join(got[l.Log], l.Ranges)
			}
			if len(got) != c.authors*c.epochs {
				t.Fatalf("%v in %d bytes: %d logs told", c, size, len(got))
			}
			for log, r := range got {
				want := x.Ranges(log)
				if len(r) < min(len(want), protocol.MaxRanges) && size == budget || r.Max() != want.Max() {
					t.Errorf("%v: %d of %d ranges of %s are told", c, len(r), len(want), log)
				}
			}
		}
	}
}

// A page says of an author only what lies between its bounds: nobody is told again what stands on another page.
func TestSplitAuthorIsNotToldTwice(t *testing.T) {
	x, y := crowd(1, 70, 0), crowd(1, 70, 0)
	author := x.rooms[lobby].authors[0].author
	y.Stored(func() Verified {
		v := writes("bob", 1).say("hi")
		v.entry.Author, v.entry.Log.Epoch = author, 3
		return v
	}())
	asked := answer(t, x, digests(t, y))
	if len(asked) < 3 {
		t.Fatalf("70 epochs take %d pages", len(asked))
	}
	told := answer(t, y, asked)
	if got := ranges(missing(x, told)); got != "3:1 " || len(told) != 1 || len(told[0].Logs.Logs) != 1 {
		t.Errorf("x is told %v, lacks %s", told, got)
	}
}

// Alice's first lines were deleted at y. What is reconciled is not asked about again, in either direction.
func TestRefusedIsReconciled(t *testing.T) {
	for _, epochs := range []int{1, 70} {
		x, y := crowd(1, epochs, 1), crowd(1, epochs, 1)
		log := x.Logs(lobby)[0]
		y.Refuse(log, protocol.Range{First: 1, Last: 3})
		if x.Digest(lobby, log.Author) == y.Digest(lobby, log.Author) {
			t.Fatal("they do not differ")
		}
		// The second time it is plain that who was told does not want it.
		for _, way := range []struct{ from, to *Index }{{x, y}, {y, x}, {x, y}} {
			asked := answer(t, way.to, digests(t, way.from))
			told := answer(t, way.from, asked)
			answer(t, way.to, told)
			if got := missing(y, slices.Concat(asked, told)); len(got) > 0 {
				t.Errorf("y wants its refused numbers back: %s", ranges(got))
			}
		}
		for _, way := range []struct{ from, to *Index }{{x, y}, {y, x}} {
			if got := answer(t, way.to, digests(t, way.from)); len(got) > 0 {
				t.Errorf("%d epochs: asked again: %v", epochs, got)
			}
		}
		// Something new on either side is another pair.
		z := writes("alice", 3).say("news")
		z.entry.Author = log.Author
		x.Stored(z)
		if got := ranges(missing(y, answer(t, x, answer(t, y, digests(t, x))))); got != "3:1 " {
			t.Errorf("%d epochs: after news y lacks %s", epochs, got)
		}
	}
}

// Both deleted something else: neither wants it back, and after two comparisons nobody asks.
func TestRefusedOnBothSidesIsReconciled(t *testing.T) {
	x, y := crowd(1, 70, 1), crowd(1, 70, 1)
	logs := x.Logs(lobby)
	y.Refuse(logs[3], protocol.Range{First: 1, Last: 3})
	x.Refuse(logs[60], protocol.Range{First: 1, Last: 3})
	for range 2 {
		answer(t, x, answer(t, y, answer(t, x, digests(t, y))))
		answer(t, y, answer(t, x, answer(t, y, digests(t, x))))
	}
	for _, way := range []struct{ from, to *Index }{{x, y}, {y, x}} {
		if got := answer(t, way.to, digests(t, way.from)); len(got) > 0 {
			t.Errorf("asked again: %v", got)
		}
	}
}

// A newcomer who gets a shortened log asks for what it lacks all the same.
func TestSettledIsNothingToThoseWhoLack(t *testing.T) {
	x, y, newcomer := crowd(1, 1, 1), crowd(1, 1, 1), NewIndex(nil)
	y.Refuse(x.Logs(lobby)[0], protocol.Range{First: 1, Last: 3})
	answer(t, x, answer(t, y, digests(t, x)))
	if got := ranges(missing(newcomer, answer(t, y, digests(t, newcomer)))); got != "1:4-5,100001-100005 " {
		t.Errorf("the newcomer lacks %s", got)
	}
}

func TestVectorIsAReceipt(t *testing.T) {
	a := writes("alice", 5).says(9)
	x, y := indexOf(a...), indexOf(a[3:7]...)
	covered := func(x *Index, vs []frame.Vector) (all []LogRanges) {
		for _, v := range vs {
			all = append(all, x.Covered(v, who("alice").ID())...)
		}
		return all
	}
	if got := covered(x, digests(t, y)); len(got) > 0 {
		t.Errorf("a digest that differs covers %s", ranges(got))
	}
	if got := ranges(covered(x, answer(t, y, digests(t, x)))); got != "5:4-7 " {
		t.Errorf("logs cover %s", got)
	}
	if got := ranges(covered(x, digests(t, indexOf(a...)))); got != "5:1-9 " {
		t.Errorf("an equal digest covers %s", got)
	}
	if got := x.Covered(digests(t, x)[0], who("bob").ID()); len(got) > 0 {
		t.Errorf("bob is covered: %s", ranges(got))
	}
}

func TestOutputIsAlwaysTheSame(t *testing.T) {
	build := func() [][]frame.Vector {
		x, y := crowd(60, 3, 2), crowd(30, 4, 3)
		return [][]frame.Vector{x.DigestPages(lobby, budget), answer(t, y, x.DigestPages(lobby, budget))}
	}
	first := build()
	for range 5 {
		if !reflect.DeepEqual(first, build()) {
			t.Fatal("another time it came out otherwise")
		}
	}
}

// Whatever a peer says, the answer is bounded.
func TestHostileVectors(t *testing.T) {
	x := crowd(200, 60, 3)
	const most = protocol.MaxSafeInteger
	for name, v := range map[string]frame.Vector{
		"nothing":         {Room: lobby},
		"no authors":      {Room: lobby, Digests: &frame.Digests{To: lastPeer}},
		"no logs":         {Room: lobby, Logs: &frame.Logs{Ask: true}},
		"bounds only":     {Room: lobby, Logs: &frame.Logs{Ask: true, Logs: []frame.LogRanges{{Epoch: most}, {Author: lastPeer}, {Author: lastPeer, Epoch: most}}}},
		"everything":      {Room: lobby, Logs: &frame.Logs{Ask: true, Logs: []frame.LogRanges{{Epoch: 1, Ranges: set(t, fmt.Sprintf("1-%d", uint64(most)))}}}},
		"epoch 0":         {Room: lobby, Logs: &frame.Logs{Ask: true, Logs: []frame.LogRanges{{Epoch: 0, Ranges: set(t, "1-5")}}}},
		"an unknown room": {Room: other, Digests: &frame.Digests{To: lastPeer}},
	} {
		for _, size := range []int{0, budget} {
			got := wire(t, x.Answer(v, size, anyTurn()), max(size, minBudget))
			if len(got) > protocol.MaxVectors {
				t.Errorf("%s: %d Vectors", name, len(got))
			}
		}
		for _, l := range x.Missing(v) {
			if l.Log.Epoch == 0 {
				t.Errorf("%s: epoch 0 is missing", name)
			}
		}
	}
	if len(x.Logs(other)) > 0 || x.rooms[other] != nil {
		t.Error("a question made a room")
	}
}

// Somebody who says something from a script now and then, and has no daemon, begins an epoch each time.
func TestAllOfAnAuthorWithManyEpochsIsComparedInAFewTurns(t *testing.T) {
	const epochs, mask = 20_000, 1 << 38
	author := who("alice").ID()
	state := func(without func(e uint64) bool) (logs []LogState) {
		for e := uint64(1); e <= epochs; e++ {
			if !without(e) {
				logs = append(logs, LogState{Log: Log{lobby, author, e * mask}, Ranges: protocol.RangeSet{{First: 1, Last: 1}}})
			}
		}
		return logs
	}
	for _, start := range []uint64{1, 2, 3} {
		x := NewIndex(state(func(uint64) bool { return false }))
		y := NewIndex(state(func(e uint64) bool { return e%4999 == 0 }))
		turnX, turnY := NewTurn(rand.New(rand.NewPCG(start, 1))), NewTurn(rand.New(rand.NewPCG(start, 2)))
		learned := map[uint64]bool{}
		comparisons := 0
		for ; len(learned) < 4 && comparisons < 10; comparisons++ {
			for _, page := range x.DigestPages(lobby, budget) {
				asked := y.Answer(page, budget, turnY)
				if len(asked) > protocol.MaxVectors {
					t.Fatalf("%d pages at once", len(asked))
				}
				for _, q := range asked {
					x.Missing(q)
					for _, told := range x.Answer(q, budget, turnX) {
						for _, m := range y.Missing(told) {
							learned[m.Log.Epoch/mask] = true
						}
						y.Answer(told, budget, turnY)
					}
				}
			}
		}
		if comparisons > 5 {
			t.Errorf("start %d: after %d comparisons y has learned of %v", start, comparisons, learned)
		}
	}
}

func TestWhoHasNothingLearnsOfManyEpochsInTurns(t *testing.T) {
	const epochs = 20_000
	var logs []LogState
	for e := uint64(1); e <= epochs; e++ {
		logs = append(logs, LogState{Log: Log{lobby, who("alice").ID(), e << 38}, Ranges: protocol.RangeSet{{First: 1, Last: 1}}})
	}
	x, y, turn := NewIndex(logs), NewIndex(nil), anyTurn()
	learned := map[uint64]bool{}
	for range 5 {
		for _, told := range x.Answer(y.DigestPages(lobby, budget)[0], budget, turn) {
			for _, m := range y.Missing(told) {
				learned[m.Log.Epoch] = true
			}
		}
	}
	if len(learned) != epochs {
		t.Errorf("%d of %d epochs are learned of", len(learned), epochs)
	}
}
