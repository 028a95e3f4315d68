package replica

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// node is a replica with a store, an own log, and a fetcher: what a peer makes of this package.
type node struct {
	n     int
	x     *Index
	f     *Fetcher
	store *MemStore
	own   *writer
	last  map[string]protocol.Instance // who was asked last for a number
}

// world is replicas that exchange frames, some of which are lost.
type world struct {
	*testing.T
	rand   *rand.Rand
	now    time.Time
	loss   float64
	nodes  []*node
	frames int // sent
	wants  int // of them
	fetch  int // entries sent on a Want
}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 7))
	w := &world{T: t, rand: r, now: noon, loss: 0.3}
	for i := range 3 + r.IntN(6) {
		w.nodes = append(w.nodes, &node{
			n: i + 1, x: NewIndex(nil), f: NewFetcher(rand.New(rand.NewPCG(seed, uint64(i)))), store: NewMemStore(),
			own: writes(fmt.Sprint("author ", i), r.Uint64N(1<<40)+1), last: map[string]protocol.Instance{},
		})
	}
	return w
}

func (w *world) lost() bool { return w.rand.Float64() < w.loss }

// take gives a node an entry, as raw bytes, to check, store and report.
func (w *world) take(n *node, raw []byte) {
	if seen, err := n.x.Seen(raw); seen || err != nil {
		if err != nil {
			w.Fatal(err)
		}
		return
	}
	v, err := Verify(raw)
	if err != nil {
		w.Fatal(err)
	}
	if n.x.Accept(v) != New {
		w.Fatalf("node %d: %s twice", n.n, v.entry.Log)
	}
	n.f.Got(v.entry.Log, v.entry.Seq)
	n.x.Stored(v)
	if err := n.store.Commit(Batch{Entries: []Verified{v}}); err != nil {
		w.Fatal(err)
	}
}

// say makes a node say something and cast it.
func (w *world) say(n *node) {
	if w.rand.IntN(20) == 0 { // it was started again
		n.own = writes(fmt.Sprint("author ", n.n-1), w.rand.Uint64N(1<<40)+1)
	}
	v := n.own.say("hello")
	w.take(n, v.raw)
	for _, m := range w.nodes {
		if m != n && !w.lost() {
			w.take(m, v.raw)
		}
	}
}

// vector brings a Vector from one node to another, and the answers back.
func (w *world) vector(from, to *node, v frame.Vector) {
	w.frames++
	if w.lost() {
		return
	}
	v = wire(w, []frame.Vector{v}, budget)[0]
	for _, l := range to.x.Missing(v) {
		to.f.Learn(w.now, instance(from.n), l.Log, l.Ranges)
	}
	for _, reply := range to.x.Answer(v, budget, anyTurn()) {
		w.vector(to, from, reply)
	}
}

func (w *world) meet(a, b *node) {
	for _, v := range a.x.DigestPages(lobby, budget) {
		w.vector(a, b, v)
	}
}

// run lets the fetchers work for so long.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for range 100000 {
		var next *node
		for _, n := range w.nodes {
			if at := n.f.Deadline(); !at.IsZero() && (next == nil || at.Before(next.f.Deadline())) {
				next = n
			}
		}
		if next == nil || next.f.Deadline().After(end) {
			w.now = end
			return
		}
		if at := next.f.Deadline(); at.After(w.now) {
			w.now = at
		}
		for _, r := range next.f.Advance(w.now) {
			w.want(next, r)
		}
	}
	w.Fatal("the fetchers never rest")
}

func (w *world) want(n *node, r Request) {
	w.frames++
	w.wants++
	from := w.nodes[r.To[0]-1]
	log := Log{r.Want.Room, r.Want.Author, r.Want.Epoch}
	have := from.x.Ranges(log)
	for _, numbers := range r.Want.Ranges {
		for seq := numbers.First; seq <= numbers.Last; seq++ {
			if n.x.Accepted(log, seq) {
				w.Fatalf("node %d wants %d of %s, which it has", n.n, seq, log)
			}
			if !have.Contains(seq) {
				w.Fatalf("node %d wants %d of %s from %d, who lacks it", n.n, seq, log, from.n)
			}
			w.notInARow(n, r.To, log, seq)
		}
	}
	if w.lost() {
		return
	}
	for _, numbers := range r.Want.Ranges {
		raws, err := from.store.Load(log, numbers.First, numbers.Last, protocol.WantWindow)
		if err != nil {
			w.Fatal(err)
		}
		for _, raw := range raws {
			w.frames++
			w.fetch++
			if !w.lost() {
				w.take(n, raw)
			}
		}
	}
}

// notInARow wants nobody asked twice in a row for a number that the node knows others to have.
func (w *world) notInARow(n *node, to protocol.Instance, log Log, seq uint64) {
	key := fmt.Sprint(log, seq)
	if n.last[key] == to {
		for _, s := range n.f.sources {
			if s.id != to && s.claims[log].Contains(seq) {
				w.Fatalf("node %d asks %d again for %d of %s, which %d has", n.n, to[0], seq, log, s.id[0])
			}
		}
	}
	n.last[key] = to
}

func (w *world) pair() (a, b *node) {
	i := w.rand.IntN(len(w.nodes))
	j := (i + 1 + w.rand.IntN(len(w.nodes)-1)) % len(w.nodes)
	return w.nodes[i], w.nodes[j]
}

func (w *world) equal() bool {
	room := []protocol.RoomID{lobby}
	for _, n := range w.nodes[1:] {
		if n.x.Heads(room) != w.nodes[0].x.Heads(room) {
			return false
		}
	}
	return true
}

func TestReplicasConverge(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { converge(t, seed) })
	}
}

func converge(t *testing.T, seed uint64) {
	w := newWorld(t, seed)
	said := 0
	for range 30 {
		for range w.rand.IntN(6) {
			n := w.nodes[w.rand.IntN(len(w.nodes))]
			w.say(n)
			said++
		}
		if w.rand.IntN(3) == 0 {
			w.meet(w.pair())
			w.run(time.Duration(w.rand.IntN(200)) * time.Millisecond)
		}
	}
	// Nobody says anything any more. Random pairs meet until all are equal.
	meetings := 0
	for ; !w.equal() && meetings < 400; meetings++ {
		w.meet(w.pair())
		w.run(500 * time.Millisecond)
	}
	if !w.equal() {
		t.Fatalf("%d nodes differ after %d meetings", len(w.nodes), meetings)
	}
	first := w.room(w.nodes[0])
	if len(first) != said {
		t.Errorf("%d lines were said, %d are stored", said, len(first))
	}
	for _, n := range w.nodes[1:] {
		if !slices.EqualFunc(first, w.room(n), bytes.Equal) {
			t.Errorf("node %d reads another room than node 1", n.n)
		}
		if len(n.x.Conflicts()) > 0 {
			t.Error("somebody honest is said to have forked")
		}
	}
	// A cast carries 7 of 10 lines to each; the rest is fetched, and a third of what is sent for it is lost.
	lacked := 0.3 * float64(said*(len(w.nodes)-1))
	if limit := int(lacked/0.7) + 40; w.fetch > 2*limit {
		t.Errorf("%d entries were sent again for about %.0f that lacked", w.fetch, lacked)
	}
	if limit := 12*(meetings+30) + 4*w.fetch + 100; w.frames > limit {
		t.Errorf("%d frames for %d meetings and %d entries, at most %d", w.frames, meetings, w.fetch, limit)
	}

	// Now everybody is quiet: one page each way, no answer, no Want.
	w.run(10 * time.Minute)
	w.frames, w.wants, w.loss = 0, 0, 0
	for range 10 {
		w.meet(w.pair())
		w.run(time.Minute)
	}
	if w.frames != 10 || w.wants != 0 {
		t.Errorf("equal replicas sent %d frames in 10 meetings, %d of them Wants", w.frames, w.wants)
	}
	for _, n := range w.nodes {
		if !n.f.Deadline().IsZero() {
			t.Errorf("node %d still waits for %v", n.n, n.f.logs[0].log)
		}
	}
}

// room is all entries of a node's room in the order in which they are read.
func (w *world) room(n *node) (raws [][]byte) {
	page, err := n.store.Page(lobby, Place{}, 1<<20)
	if err != nil {
		w.Fatal(err)
	}
	for _, v := range page {
		raws = append(raws, v.raw)
	}
	return raws
}

// One seed gives one world, whatever the maps do.
func TestWorldIsReproducible(t *testing.T) {
	run := func() string {
		w := newWorld(t, 3)
		for range 40 {
			n := w.nodes[w.rand.IntN(len(w.nodes))]
			w.say(n)
			w.meet(w.pair())
			w.run(100 * time.Millisecond)
		}
		return fmt.Sprint(w.frames, w.wants, w.fetch, w.now, w.nodes[0].x.Heads([]protocol.RoomID{lobby}))
	}
	first := run()
	for range 4 {
		if got := run(); got != first {
			t.Fatalf("%s, then %s", first, got)
		}
	}
}
