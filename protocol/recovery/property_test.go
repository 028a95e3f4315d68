package recovery_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"earshot/protocol"
)

// Whatever the link does, both ends come to rest with everything delivered; what the model checks on the way
// (each packet told once, no busy loop, bounded memory) holds at every step.
func TestAlwaysFinishes(t *testing.T) {
	seeds := uint64(3000)
	if testing.Short() {
		seeds = 200
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 2))
		w := newWorld(seed, anyLink(r), anyLink(r), []time.Duration{0, time.Millisecond, 300 * time.Millisecond}[r.IntN(3)])
		if r.IntN(4) == 0 {
			w.late = 0.05
		}
		for _, e := range w.ends {
			e.bulk = r.IntN(2) == 0
			for range r.IntN(120) {
				e.say(20 + r.IntN(1100))
			}
		}
		if err := w.run(30 * time.Minute); err != nil {
			t.Fatalf("seed %d: %v\n%+v\n%+v", seed, err, w.ends[0].out, w.ends[1].out)
		}
	}
}

func anyLink(r *rand.Rand) link {
	l := link{delay: time.Duration(r.Int64N(int64(20 * time.Millisecond)))}
	if r.IntN(8) == 0 {
		l.delay = 0
	}
	if r.IntN(3) > 0 {
		l.loss = r.Float64() * 0.6
	}
	if r.IntN(2) == 0 {
		l.duplicate = r.Float64() * 0.3
	}
	if r.IntN(2) == 0 {
		l.reorder = r.Float64() * 0.3
	}
	if r.IntN(3) == 0 {
		l.jitter = time.Duration(1 + r.Int64N(int64(300*time.Millisecond)))
	}
	if r.IntN(4) == 0 {
		l.rate, l.queue = 50_000+r.IntN(1_000_000), 5_000+r.IntN(50_000)
	}
	if r.IntN(4) == 0 {
		from := uint64(r.IntN(200))
		l.dark = append(l.dark, protocol.Range{First: from, Last: from + uint64(r.IntN(20_000))})
	}
	return l
}

// lossy is 1 ms each way with 30 % lost each way: half of all questions find no answer.
func lossy() link { return link{loss: 0.3, delay: time.Millisecond} }

// 200 lines said at once pass a link that loses a third, though by then the window is at its least.
func TestLinesUnderLoss(t *testing.T) {
	var took []time.Duration
	packets := 0
	for seed := range uint64(300) {
		w := newWorld(seed, lossy(), lossy(), 2*time.Millisecond)
		var lines []*item
		for range 200 {
			lines = append(lines, w.ends[0].say(200))
		}
		if err := w.run(time.Minute); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var last time.Time
		for _, line := range lines {
			if line.reachedAt.After(last) {
				last = line.reachedAt
			}
		}
		took = append(took, last.Sub(w.start))
		packets += w.ends[0].packets
	}
	slices.Sort(took)
	t.Logf("all 200 there after %v, %v, %v (median, 99 %%, worst); %d packets on average",
		took[len(took)/2], took[len(took)*99/100], took[len(took)-1], packets/300)
	if worst := took[len(took)-1]; worst > 2*time.Second {
		t.Errorf("worst %v", worst)
	}
}

// One line now and then, as people write, feels instant under the same loss.
func TestThinLinesUnderLoss(t *testing.T) {
	var took []time.Duration
	for seed := range uint64(200) {
		w := newWorld(seed, lossy(), lossy(), 2*time.Millisecond)
		var lines []*item
		for range 50 {
			lines = append(lines, w.ends[0].say(200))
			for until := w.now.Add(200 * time.Millisecond); ; {
				more, err := w.step(until)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if !more {
					break
				}
			}
		}
		if err := w.run(time.Minute); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, line := range lines {
			took = append(took, line.reachedAt.Sub(line.said))
		}
	}
	slices.Sort(took)
	p := func(share float64) time.Duration { return took[int(float64(len(took)-1)*share)] }
	t.Logf("a line is there after %v, %v, %v, %v (median, 90 %%, 99 %%, worst)", p(0.5), p(0.9), p(0.99), p(1))
	if p(0.5) > 2*time.Millisecond || p(0.99) > 100*time.Millisecond || p(1) > 2*time.Second {
		t.Error("chat does not feel instant")
	}
}

// A full pipe: NewReno fills most of 10 Mbit/s at 15 ms one way, and a queue of one bandwidth-delay product.
func TestFillsThePipe(t *testing.T) {
	pipe := link{delay: 15 * time.Millisecond, rate: 1_250_000, queue: 37_500}
	w := newWorld(1, pipe, pipe, 30*time.Millisecond)
	w.ends[1].bulk = true
	var last *item
	for range 4000 {
		last = w.ends[0].say(1100)
	}
	if err := w.run(time.Minute); err != nil {
		t.Fatal(err)
	}
	took := last.reachedAt.Sub(w.start)
	ideal := 4000 * 1132 * time.Second / 1_250_000
	stats := w.ends[0].sender.Stats()
	t.Logf("%v, %v would be ideal; %+v", took, ideal, stats)
	if took > ideal*3/2 {
		t.Errorf("took %v, ideal is %v", took, ideal)
	}
	if stats.Lost > stats.Sent/20 {
		t.Errorf("floods the queue: %+v", stats)
	}
}
