package peer_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol"
)

// done lets time pass until benches are over, and fails if one is not or has failed.
func (w *world) done(most time.Duration, all ...*outcome) {
	w.t.Helper()
	w.until(most, func() bool {
		for _, o := range all {
			if !o.over {
				return false
			}
		}
		return true
	})
	for i, o := range all {
		if !o.over || o.err != nil || !o.Done {
			w.t.Fatalf("seed %d: bench %d: over %v, %v: %+v", w.seed, i, o.over, o.err, o.BenchReport)
		}
	}
}

func TestBenchOfMessages(t *testing.T) {
	w, alice, _ := pair(t, 1, sim.Link{})
	o := alice.bench("bob", peer.BenchSpec{Messages: 100, Size: 100})
	w.done(time.Minute, o)
	if o.Messages != 100 || o.Bytes != 10000 || o.Latency.Max > 2*sim.Latency+time.Microsecond || o.Lost > 0 || o.Packets < 100 || o.Packets > 110 {
		t.Errorf("one at a time: %+v", o)
	}
	o = alice.bench("bob", peer.BenchSpec{Messages: 200, Size: 0, Rate: 200})
	w.done(time.Minute, o)
	if o.Messages != 200 || o.Bytes != 0 || o.Elapsed < 995*ms || o.Elapsed > 1005*ms {
		t.Errorf("paced: %+v", o)
	}
	o = alice.bench("bob", peer.BenchSpec{Messages: 20000, Size: 100, Rate: peer.BenchFlood})
	w.done(time.Minute, o)
	if o.Messages != 20000 || o.Packets > 20000/8 {
		t.Errorf("a flood: %+v", o)
	}
	o = alice.bench("bob", peer.BenchSpec{Duration: time.Second, Messages: 1e9, Rate: 1000})
	w.done(time.Minute, o)
	if o.Messages < 999 || o.Messages > 1001 || o.Elapsed > 1001*ms {
		t.Errorf("for a second: %+v", o)
	}
	o = alice.bench("bob", peer.BenchSpec{Messages: 10, Size: peer.MaxBenchMessage})
	w.done(time.Minute, o)
	if o.Messages != 10 || o.Packets > 12 {
		t.Errorf("the longest: %+v", o)
	}
}

func TestBenchOfStreams(t *testing.T) {
	w, alice, bob := pair(t, 1, lan100)
	for _, size := range []int64{1, 1000, protocol.StreamWindow, protocol.SessionWindow + 1, 30e6} {
		o := alice.bench("bob", peer.BenchSpec{Bytes: size})
		w.done(time.Minute, o)
		if o.Bytes != size || o.Wire < uint64(size) || o.Retransmitted > o.Wire/10+protocol.MaxDatagram { // a probe or so
			t.Errorf("%d bytes: %+v", size, o)
		}
	}
	o := alice.bench("bob", peer.BenchSpec{Duration: time.Second})
	w.done(time.Minute, o)
	if o.Elapsed < time.Second || o.Elapsed > 2*time.Second || o.Bytes < 10e6 || o.Bytes > 20e6 {
		t.Errorf("for a second: %+v", o)
	}
	if served, streams, frames := bob.core.Held(); served+streams+frames > 0 {
		t.Errorf("%d runs, %d streams, %d frames are left", served, streams, frames)
	}
}

// A rate beyond what the channel takes makes no more wait than a flood.
func TestBenchAtARateThatIsTooHigh(t *testing.T) {
	w, alice, bob := pair(t, 1, lan100)
	alice.bench("bob", peer.BenchSpec{Messages: 1e9, Size: 900, Rate: peer.MaxBenchRate})
	for range 100 {
		w.run(10 * ms)
		if _, _, frames := alice.core.Held(); frames > 5000 {
			t.Fatalf("%d frames wait", frames)
		}
	}
	w.lan.Cut(bob.host, alice.host)
	w.run(time.Second)
	if _, _, frames := alice.core.Held(); frames > 5000 {
		t.Errorf("%d frames wait", frames)
	}
}

func TestBenchesThatCannotBe(t *testing.T) {
	w := newWorld(t, 1)
	w.quiet = true
	alice := everybody(w, "alice", "bob")[0]
	w.run(time.Second)
	for _, s := range []peer.BenchSpec{
		{},
		{Messages: -1},
		{Messages: 1, Bytes: 1},
		{Messages: 1, Size: peer.MaxBenchMessage + 1},
		{Messages: 1, Rate: -1},
		{Messages: 1, Rate: peer.MinBenchRate / 2},
		{Messages: 1, Rate: 2 * peer.MaxBenchRate},
		{Messages: 1, Rate: math.Inf(1)},
		{Duration: -1},
	} {
		if o := alice.bench("bob", s); !errors.Is(o.err, peer.ErrBench) {
			t.Errorf("%+v: %v", s, o.err)
		}
	}
	if o := alice.bench("nobody", peer.BenchSpec{Messages: 1}); !o.over || o.err == nil {
		t.Errorf("with nobody: %+v", o)
	}
	begin := w.now
	for _, s := range []peer.BenchSpec{{Messages: 1}, {Bytes: 1e6}} {
		o := alice.bench("bob", s)
		if w.until(10*time.Second, func() bool { return o.over }); !errors.Is(o.err, peer.ErrNoBench) {
			t.Errorf("with somebody who does not serve: %+v", o)
		}
	}
	if took := w.now.Sub(begin); took > 5*time.Second {
		t.Errorf("that takes %v", took)
	}
	if rest := alice.core.Leftovers(); len(rest) > 0 {
		t.Error(rest)
	}
}

func TestBenchWithWhoVanishes(t *testing.T) {
	for _, s := range []peer.BenchSpec{{Messages: 1e6}, {Messages: 1e6, Rate: peer.BenchFlood}, {Bytes: 1e9}} {
		w, alice, bob := pair(t, 1, lan100)
		o := alice.bench("bob", s)
		w.run(100 * ms)
		bob.kill()
		if w.until(20*time.Second, func() bool { return o.over }); !errors.Is(o.err, peer.ErrNoAnswer) {
			t.Errorf("%+v: %+v", s, o)
		}
		// Who asked may vanish as well.
		w, alice, bob = pair(t, 1, lan100)
		alice.bench("bob", s)
		w.run(100 * ms)
		alice.kill()
		w.run(20 * time.Second)
		if served, streams, frames := bob.core.Held(); served+streams+frames > 0 {
			t.Errorf("%+v: %d runs, %d streams, %d frames are left", s, served, streams, frames)
		}
	}
}

func TestBenchesAtOnce(t *testing.T) {
	w, alice, bob := pair(t, 1, lan100)
	alice.serveBench()
	all := []*outcome{
		alice.bench("bob", peer.BenchSpec{Bytes: 10e6}),
		alice.bench("bob", peer.BenchSpec{Bytes: 10e6}),
		alice.bench("bob", peer.BenchSpec{Messages: 500, Size: 100, Rate: 500}),
		alice.bench("bob", peer.BenchSpec{Messages: 100}),
		bob.bench("alice", peer.BenchSpec{Bytes: 10e6}),
		bob.bench("alice", peer.BenchSpec{Messages: 500, Size: 100, Rate: 500}),
	}
	w.done(time.Minute, all...)
	if a, b := all[0], all[1]; a.Bytes != 10e6 || b.Bytes != 10e6 || max(a.Elapsed, b.Elapsed) > min(a.Elapsed, b.Elapsed)*11/10 {
		t.Errorf("two streams share: %+v, %+v", a, b)
	}
	if all[2].Messages != 500 || all[3].Messages != 100 || all[4].Bytes != 10e6 || all[5].Messages != 500 {
		t.Errorf("%+v %+v %+v %+v", all[2], all[3], all[4], all[5])
	}
}

func TestBenchEndsBeforeItsTime(t *testing.T) {
	for _, s := range []peer.BenchSpec{{Messages: 1e6, Rate: 100}, {Messages: 1e6, Rate: peer.BenchFlood}, {Bytes: 1e9}} {
		w, alice, bob := pair(t, 1, lan100)
		o := &outcome{}
		stop := alice.core.Bench(alice.clock(), "bob", s, func(r peer.BenchReport, err error) { *o = outcome{r, err, true} })
		alice.settle()
		w.run(500 * ms)
		stop(alice.clock())
		alice.settle()
		w.done(time.Minute, o)
		if o.Elapsed > time.Second || o.Bytes == 0 && o.Messages == 0 {
			t.Errorf("%+v: %+v", s, o)
		}
		stop(alice.clock()) // again, to no effect
		if served, streams, frames := bob.core.Held(); served+streams+frames > 0 {
			t.Errorf("%+v: %d runs, %d streams, %d frames are left", s, served, streams, frames)
		}
	}
}

// Whoever ends a run need not wait for the other side.
func TestBenchEndsAlthoughTheOtherSideStalls(t *testing.T) {
	for _, s := range []peer.BenchSpec{{Messages: 1e6, Rate: 100}, {Bytes: 1e9}, {All: true, Messages: 1e6}} {
		for _, before := range []time.Duration{0, 500 * ms} { // it is ready
			w, alice, bob := pair(t, 1, lan100)
			if before == 0 {
				w.lan.Cut(alice.host, bob.host)
			}
			s.Mark = 7
			o := &outcome{}
			stop := alice.core.Bench(alice.clock(), "bob", s, func(r peer.BenchReport, err error) { *o = outcome{r, err, true} })
			alice.settle()
			w.run(before)
			if p := alice.core.BenchProgress(alice.clock()); len(p) != 1 || p[0].Mark != 7 {
				t.Errorf("%+v: progress %+v", s, p)
			}
			w.lan.Cut(alice.host, bob.host)
			w.run(100 * ms)
			stop(alice.clock())
			alice.settle()
			w.run(1001 * ms)
			if !o.over || o.err != nil || o.Done || o.PeerTold || o.Mark != 7 || (o.Elapsed > 0) != (before > 0) {
				t.Errorf("%+v: %+v", s, o)
			}
			w.lan.Heal()
			w.run(10 * time.Second)
			if served, streams, frames := bob.core.Held(); served+streams+frames > 0 {
				t.Errorf("%+v, begun for %v: %d runs, %d streams, %d frames are left", s, before, served, streams, frames)
			}
		}
	}
}

func TestServingEnds(t *testing.T) {
	for _, s := range []peer.BenchSpec{{Messages: 1e6}, {Messages: 1e6, Rate: 100}, {Messages: 1e6, Rate: peer.BenchFlood}, {Bytes: 1e9}} {
		w := newWorld(t, 1)
		w.quiet = true
		nodes := everybody(w, "alice", "bob")
		alice, bob := nodes[0], nodes[1]
		first, second := bob.core.ServeBench(), bob.core.ServeBench()
		w.run(time.Second)
		w.lan.Set(lan100)
		o := alice.bench("bob", s)
		w.run(100 * ms)
		first()
		w.run(100 * ms)
		if o.over {
			t.Fatalf("%+v: over although it is still served: %+v", s, o)
		}
		second()
		bob.settle()
		if w.until(10*time.Second, func() bool { return o.over }); !errors.Is(o.err, peer.ErrNoBench) {
			t.Errorf("%+v: over %v, %v", s, o.over, o.err)
		}
		w.run(time.Second)
		if served, streams, frames := bob.core.Held(); served+streams+frames > 0 {
			t.Errorf("%+v: %d runs, %d streams, %d frames are left", s, served, streams, frames)
		}
	}
}

// A session that is replaced takes its streams along.
func TestStreamsOutliveTheirSession(t *testing.T) {
	w, alice, bob := pair(t, 1, sim.Link{Rate: 50_000, Queue: 25, Delay: ms, Loss: 0.01})
	alice.serveBench()
	o := alice.bench("bob", peer.BenchSpec{Bytes: 30e6})
	m := bob.bench("alice", peer.BenchSpec{Messages: 800, Size: 100, Rate: 1})
	w.done(30*time.Minute, o, m)
	if o.Elapsed < protocol.RekeyAfter || o.Bytes != 30e6 || m.Messages != 800 {
		t.Errorf("%+v, %+v", o, m)
	}
	if o.Packets < 20_000 || o.Packets > 30_000 || o.Lost > o.Packets/10 {
		t.Errorf("%d packets, %d lost", o.Packets, o.Lost)
	}
	for _, n := range []*node{alice, bob} {
		for _, e := range n.events {
			if l, ok := e.(peer.Left); ok {
				t.Errorf("%s thinks that %s left: %s", n.name, l.Person.Name, l.Reason)
			}
		}
	}
}

// forgets lets bob take alice for gone, who goes on hearing him; then they may meet again. It tells whether she took him for present all along.
func forgets(w *world, alice, bob *node) bool {
	w.t.Helper()
	n := len(alice.events)
	w.lan.Cut(alice.host, bob.host)
	if !w.until(time.Minute, func() bool { return bob.online() == "" }) {
		w.t.Fatalf("seed %d: bob still sees alice", w.seed)
	}
	w.lan.Heal()
	return !slices.ContainsFunc(alice.events[n:], func(e peer.Event) bool { _, left := e.(peer.Left); return left })
}

// What the other side has thrown away is not delivered, although it has acknowledged it.
func TestStreamCutShortOfItsEnd(t *testing.T) {
	for _, size := range []int64{3e6, 5e6, 8e6, 10e6, 12e6} {
		for _, before := range []time.Duration{20 * ms, 50 * ms, 200 * ms} {
			w, alice, bob := pair(t, 1, lan100)
			o := alice.bench("bob", peer.BenchSpec{Bytes: size})
			w.run(time.Duration(size)*80*time.Nanosecond - before)
			if !forgets(w, alice, bob) {
				t.Errorf("%d bytes, cut %v before the end: alice has lost bob too", size, before)
			}
			begin := w.now
			if w.until(time.Minute, func() bool { return o.over }); !o.over || o.err == nil || o.Done {
				t.Errorf("%d bytes, cut %v before the end: %+v", size, before, o)
			} else if took := w.now.Sub(begin); took > 5*time.Second {
				t.Errorf("%d bytes, cut %v before the end: known after %v", size, before, took)
			}
			w.done(time.Minute, alice.bench("bob", peer.BenchSpec{Bytes: size}))
			if served, streams, frames := bob.core.Held(); served+streams+frames > 0 {
				t.Errorf("%d runs, %d streams, %d frames are left", served, streams, frames)
			}
		}
	}
}

// Who has dropped the other side and meets it again shares nothing old with it: streams go on in both directions.
func TestStreamsAfterOneSideHasForgotten(t *testing.T) {
	for _, first := range []int64{1, 30e6} {
		w, alice, bob := pair(t, 1, lan100)
		alice.serveBench()
		w.done(time.Minute, alice.bench("bob", peer.BenchSpec{Bytes: first}), bob.bench("alice", peer.BenchSpec{Bytes: first}))
		for round := range 3 {
			if alone := forgets(w, alice, bob); round == 0 && !alone {
				t.Error("alice has lost bob too")
			}
			w.until(time.Minute, func() bool { return bob.online() == "alice" })
			a, b := alice.bench("bob", peer.BenchSpec{Bytes: 20e6}), bob.bench("alice", peer.BenchSpec{Bytes: 20e6})
			w.done(time.Minute, a, b)
			forgets(w, bob, alice)
			w.until(time.Minute, func() bool { return alice.online() == "bob" })
			b = bob.bench("alice", peer.BenchSpec{Bytes: 20e6})
			w.done(time.Minute, b)
			w.done(time.Minute, alice.bench("bob", peer.BenchSpec{Bytes: 20e6}))
		}
	}
}

// Who measures and forgets the other side in the midst of it leaves nothing behind there that its next run does not clear away.
func TestWhoMeasuresForgets(t *testing.T) {
	w, alice, bob := pair(t, 1, lan100)
	for range protocol.MaxStreams + 2 {
		o := alice.bench("bob", peer.BenchSpec{Bytes: 1e9})
		w.run(100 * ms)
		forgets(w, bob, alice)
		if w.until(time.Minute, func() bool { return o.over && alice.online() == "bob" }); o.err == nil {
			t.Fatalf("%+v", o)
		}
	}
	w.done(time.Minute, alice.bench("bob", peer.BenchSpec{Bytes: 20e6}))
	if served, streams, frames := bob.core.Held(); served+streams+frames > 0 {
		t.Errorf("%d runs, %d streams, %d frames are left", served, streams, frames)
	}
}

// Somebody may be there and yet answer a run no more.
func TestRunThatIsLostOnTheOtherSide(t *testing.T) {
	for _, x := range []struct {
		spec peer.BenchSpec
		want error
	}{
		{peer.BenchSpec{Messages: 1e6}, peer.ErrNoAnswer},
		{peer.BenchSpec{Messages: 1e6, Rate: 10}, peer.ErrNoAnswer},
		{peer.BenchSpec{Bytes: 1e9}, peer.ErrNoBench},
	} {
		w, alice, bob := pair(t, 1, lan100)
		o := alice.bench("bob", x.spec)
		w.run(100 * ms)
		bob.core.LoseBenches()
		if w.until(time.Minute, func() bool { return o.over }); !errors.Is(o.err, x.want) {
			t.Errorf("%+v: over %v, %v", x.spec, o.over, o.err)
		}
	}
}

// What was acknowledged counts only if the other side's application has it as well.
func TestResultThatFallsShort(t *testing.T) {
	for _, s := range []peer.BenchSpec{{Messages: 1000, Rate: 1000}, {Bytes: 5e6}} {
		w, alice, bob := pair(t, 1, lan100)
		o := alice.bench("bob", s)
		w.run(200 * ms)
		bob.core.Miscount()
		if w.until(5*time.Second, func() bool { return o.over }); !errors.Is(o.err, peer.ErrNoAnswer) || o.Done {
			t.Errorf("%+v: over %v, %v", s, o.over, o.err)
		}
	}
}

// A probe that copies a piece counts as sent again.
func TestCopiesOfPiecesAreCounted(t *testing.T) {
	w, alice, bob := pair(t, 1, lan100)
	o := alice.bench("bob", peer.BenchSpec{Bytes: 1e9})
	w.run(500 * ms)
	before := alice.core.BenchProgress(alice.clock())[0]
	w.lan.Cut(bob.host, alice.host)
	w.run(500 * ms)
	after := alice.core.BenchProgress(alice.clock())[0]
	if alice.core.Timeouts("bob") == 0 || o.over {
		t.Fatal("no probes are sent here")
	}
	if after.Retransmitted-before.Retransmitted < 1000 {
		t.Errorf("%d bytes of %d are sent again", after.Retransmitted-before.Retransmitted, after.Wire-before.Wire)
	}
}
