package peer_test

import (
	"errors"
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
		if o.Bytes != size || o.Wire < uint64(size) || o.Retransmitted > o.Wire/10 {
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

// Somebody may be there and yet answer a run no more.
func TestRunThatIsLostOnTheOtherSide(t *testing.T) {
	for _, s := range []peer.BenchSpec{{Messages: 1e6}, {Messages: 1e6, Rate: 10}, {Bytes: 1e9}} {
		w, alice, bob := pair(t, 1, lan100)
		o := alice.bench("bob", s)
		w.run(100 * ms)
		bob.core.LoseBenches()
		if w.until(time.Minute, func() bool { return o.over }); !errors.Is(o.err, peer.ErrNoAnswer) {
			t.Errorf("%+v: over %v, %v", s, o.over, o.err)
		}
	}
}
