package peer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"earshot/discovery/lan/sim"
	"earshot/peer"
)

// slow is the link of the QUIC interop runner's scenarios: 10 Mbit/s, 15 ms one way, 25 packets wait.
var slow = sim.Link{Rate: 1_250_000, Queue: 25, Delay: 15 * time.Millisecond}

// with is slow and something more.
func with(more func(*sim.Link)) sim.Link {
	l := slow
	more(&l)
	return l
}

// outcome is how a bench has ended, or not.
type outcome struct {
	peer.BenchReport
	err  error
	over bool
}

// bench begins a run; the outcome fills as time passes.
func (n *node) bench(who string, spec peer.BenchSpec) *outcome {
	o := &outcome{}
	n.core.Bench(n.clock(), who, spec, func(r peer.BenchReport, err error) { *o = outcome{r, err, true} })
	n.settle()
	return o
}

// serveBench serves benches from now on.
func (n *node) serveBench() { n.core.ServeBench() }

// until lets time pass in steps until something is so, at most for as long.
func (w *world) until(most time.Duration, so func() bool) bool {
	w.t.Helper()
	for end := w.now.Add(most); w.now.Before(end) && !so(); {
		w.run(min(100*time.Millisecond, end.Sub(w.now)))
	}
	return so()
}

// pair is two nodes that have met on a link, the second of which serves benches.
func pair(t *testing.T, seed uint64, link sim.Link) (w *world, alice, bob *node) {
	t.Helper()
	w = newWorld(t, seed)
	w.quiet = true
	w.lan.Set(link)
	nodes := everybody(w, "alice", "bob")
	if !w.until(time.Minute, func() bool { return nodes[0].online() == "bob" && nodes[1].online() == "alice" }) {
		t.Fatalf("seed %d: alice and bob do not meet", seed)
	}
	nodes[1].serveBench()
	return w, nodes[0], nodes[1]
}

// trial is a row of the acceptance table: a link, what happens to it as time passes, and what must hold.
type trial struct {
	name    string
	link    sim.Link
	every   []time.Duration // after these, in turn and again and again, something happens
	happens func(w *world, alice, bob *node, n int)

	bulk     time.Duration // 10 MB take no longer
	p50, p99 time.Duration // of 1,000 messages, 50 a second
}

const ms = time.Millisecond

// trials are the scenarios of the QUIC interop runner, and a few more. 10 MB take 8 s at the link's rate.
var trials = []trial{
	{name: "plain", link: slow, bulk: 10 * time.Second, p50: 32 * ms, p99: 32 * ms},
	{name: "long round trip", link: with(func(l *sim.Link) { l.Delay = 150 * ms }), bulk: 15 * time.Second, p50: 305 * ms, p99: 310 * ms},
	{name: "loss", link: with(func(l *sim.Link) { l.Loss = 0.02 }), bulk: lossyBulk, p50: 32 * ms, p99: 100 * ms},
	{name: "corruption", link: with(func(l *sim.Link) { l.Corrupt = 0.02 }), bulk: lossyBulk, p50: 32 * ms, p99: 100 * ms},
	{
		name: "blackhole", link: slow, every: []time.Duration{5 * time.Second, 2 * time.Second},
		happens: func(w *world, alice, bob *node, n int) {
			if n%2 == 0 {
				w.lan.Partition([]*sim.Host{alice.host}, []*sim.Host{bob.host})
			} else {
				w.lan.Heal()
			}
		},
		bulk: 15 * time.Second, p50: 32 * ms, p99: 2500 * ms,
	},
	{
		name: "rebinding of the sender", link: slow, every: []time.Duration{5 * time.Second},
		happens: func(_ *world, alice, _ *node, n int) { alice.rebind(n) },
		bulk:    11 * time.Second, p50: 32 * ms, p99: 100 * ms,
	},
	{
		name: "rebinding of the receiver", link: slow, every: []time.Duration{5 * time.Second},
		happens: func(_ *world, _, bob *node, n int) { bob.rebind(n) }, // whose next announcement tells where it is
		bulk:    14 * time.Second, p50: 32 * ms, p99: 150 * ms,
	},
	{
		name: "rebinding of the sender's port", link: slow, every: []time.Duration{5 * time.Second},
		happens: func(_ *world, alice, _ *node, _ int) { alice.rebindPort() },
		bulk:    11 * time.Second, p50: 32 * ms, p99: 100 * ms,
	},
	{
		name: "new leases for both at once", link: slow, every: []time.Duration{5 * time.Second},
		happens: func(_ *world, alice, bob *node, n int) {
			alice.rebind(2 * n)
			bob.rebind(2*n + 1)
			alice.network()
			bob.network()
		},
		bulk: 11 * time.Second, p50: 32 * ms, p99: 600 * ms,
	},
}

// lossyBulk is what 10 MB may take while 2 % are lost by chance: as long as without, and 2 % more.
const lossyBulk = 10200 * ms

// rebind gives a node another address without telling it, as a router that forgets does.
func (n *node) rebind(i int) {
	n.host.Readdress(prefix(fmt.Sprintf("10.0.0.%d/24", 100+i%100)))
}

// rebindPort gives a node another port in the same way.
func (n *node) rebindPort() {
	n.private.Close()
	var err error
	if n.private, err = n.host.Open(0); err != nil {
		n.w.t.Fatal(err)
	}
	n.private.Tag = n
}

// during lets time pass, and happen what does, until a bench is over.
func (x trial) during(w *world, alice, bob *node, o *outcome) {
	w.t.Helper()
	over := func() bool { return o.over }
	for i, end := 0, w.now.Add(5*time.Minute); w.now.Before(end) && !o.over; i++ {
		if x.happens == nil {
			w.until(end.Sub(w.now), over)
		} else if w.until(x.every[i%len(x.every)], over); !o.over {
			x.happens(w, alice, bob, i)
		}
	}
	if !o.over || o.err != nil || !o.Done {
		w.t.Fatalf("seed %d: over %v, %v: %+v", w.seed, o.over, o.err, o.BenchReport)
	}
}

// TestAcceptance holds the whole node against the table. Time is virtual: no slow machine fails it.
func TestAcceptance(t *testing.T) {
	for _, x := range trials {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(3) {
				w, alice, bob := pair(t, seed, x.link)
				bulk := alice.bench("bob", peer.BenchSpec{Bytes: 10e6})
				x.during(w, alice, bob, bulk)
				if bulk.Bytes != 10e6 || bulk.Elapsed > x.bulk {
					t.Errorf("seed %d: %d bytes took %v, not %v", seed, bulk.Bytes, bulk.Elapsed, x.bulk)
				}
				if x.link == slow && x.happens == nil && 50*bulk.Lost > bulk.Packets {
					t.Errorf("seed %d: it lost %d of %d packets by its own fault", seed, bulk.Lost, bulk.Packets)
				}

				w, alice, bob = pair(t, seed, x.link)
				o := alice.bench("bob", peer.BenchSpec{Messages: 1000, Size: 100, Rate: 50})
				x.during(w, alice, bob, o)
				if l := o.Latency; o.Messages != 1000 || l.P50 > x.p50 || l.P99 > x.p99 {
					t.Errorf("seed %d: %d messages, half within %v, not %v; 99 of 100 within %v, not %v", seed, o.Messages, l.P50, x.p50, l.P99, x.p99)
				}
				t.Logf("seed %d: 10 MB in %v, %d of %d packets lost; messages %v, %v, %v", seed, bulk.Elapsed.Round(ms), bulk.Lost, bulk.Packets, o.Latency.P50, o.Latency.P99, o.Latency.Max)
			}
		})
	}
}

// TestHandshakes has 50 pairs meet, and each send 1 KiB.
func TestHandshakes(t *testing.T) {
	for name, link := range map[string]sim.Link{
		"loss":       with(func(l *sim.Link) { l.Loss = 0.3 }),
		"corruption": with(func(l *sim.Link) { l.Corrupt = 0.3 }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var worst time.Duration
			for seed := range uint64(50) {
				w, alice, _ := pair(t, seed, link)
				worst = max(worst, w.now.Sub(epoch))
				o := alice.bench("bob", peer.BenchSpec{Bytes: 1024})
				w.until(10*time.Second, func() bool { return o.over })
				for tries := 0; tries < 3 && errors.Is(o.err, peer.ErrNoBench); tries++ { // its answer did not come in time
					o = alice.bench("bob", peer.BenchSpec{Bytes: 1024})
					w.until(10*time.Second, func() bool { return o.over })
				}
				if !o.over || o.err != nil || o.Bytes != 1024 {
					t.Errorf("seed %d: %+v, %v", seed, o.BenchReport, o.err)
				}
			}
			if t.Logf("the last two have met after %v", worst); worst > 20*time.Second {
				t.Error("too late")
			}
		})
	}
}
