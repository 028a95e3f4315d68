package recovery_test

import (
	"fmt"
	"testing"
	"time"

	"earshot/protocol/recovery"
)

const (
	ms    = time.Millisecond
	mbit  = 1e6 / 8
	tbf   = 64 << 10 // bytes: what «tbf burst 64k latency 50ms» lets pass at once, and how long it lets wait
	depth = 50 * ms
)

func queueFor(rate float64) int { return int(rate * depth.Seconds()) }

// slow is a bottleneck with that token bucket.
func slow(rate float64, rtt time.Duration) road {
	return road{rate: rate * mbit, burst: tbf, queue: queueFor(rate * mbit), delay: rtt / 2}
}

// short is a bottleneck with a queue of ten packets.
func short(rate float64, rtt time.Duration) road {
	return road{rate: rate * mbit, queue: 10 * 1500, delay: rtt / 2}
}

// Random loss costs what is lost, and hardly more.
func TestRandomLossIsNotCongestion(t *testing.T) {
	for _, x := range []struct{ loss, least float64 }{{0, 0.97}, {0.01, 0.97}, {0.05, 0.95}, {0.10, 0.93}, {0.30, 0.55}} {
		for _, rate := range []float64{10, 100} {
			for _, rtt := range []time.Duration{ms / 10, ms} {
				r := slow(rate, rtt)
				r.loss = x.loss
				w := newRoad(r)
				o := w.ours(recovery.SelectiveRepeat)
				o.start()
				w.run(3 * time.Second)
				got := o.speed(ms*1000, 3000*ms) / rate / (1 - x.loss)
				t.Logf("%3.0f %% loss, %3.0f Mbit/s, round trip %v: %.2f of what can arrive", 100*x.loss, rate, rtt, got)
				if got < x.least {
					t.Errorf("less than %.2f", x.least)
				}
			}
		}
	}
}

// Two of us share, though one comes later.
func TestTwoShare(t *testing.T) {
	for _, x := range []road{slow(100, ms/10), slow(100, ms), slow(10, ms), short(100, ms), short(10, ms)} {
		for x.seed = range 2 {
			w := newRoad(x)
			a, b := w.ours(recovery.SelectiveRepeat), w.ours(recovery.SelectiveRepeat)
			a.start()
			w.after(500*ms, b.start)
			w.run(8 * time.Second)
			one, two := a.speed(5000*ms, 8000*ms), b.speed(5000*ms, 8000*ms)
			share := one / (one + two)
			t.Logf("%.0f Mbit/s, queue %d, round trip %v: %.0f:%.0f, together %.2f, %.1f and %.1f %% lost", x.rate/mbit, x.queue, 2*x.delay,
				100*share, 100-100*share, (one+two)*mbit/x.rate, 100*a.own(), 100*b.own())
			if share < 0.4 || share > 0.6 || (one+two)*mbit < 0.9*x.rate {
				t.Error("not shared")
			}
		}
	}
}

// Two of us in a short queue do not take each other's loss for the weather, which would make both send more and lose more without end.
func TestTwoDoNotFlood(t *testing.T) {
	for _, x := range []struct {
		road
		loss, most float64
	}{{short(100, ms), 0, 0.07}, {short(100, ms), 0.1, 0.06}, {short(100, 20*ms), 0, 0.25}, {short(10, ms), 0, 0.08}} {
		x.road.loss = x.loss
		w := newRoad(x.road)
		a, b := w.ours(recovery.SelectiveRepeat), w.ours(recovery.SelectiveRepeat)
		a.start()
		w.after(500*ms, b.start)
		w.run(8 * time.Second)
		t.Logf("%.0f Mbit/s, round trip %v, %2.0f %% loss: %.1f and %.1f %% lost by ourselves", x.rate/mbit, 2*x.delay, 100*x.loss, 100*a.own(), 100*b.own())
		if a.own() > x.most || b.own() > x.most {
			t.Errorf("more than %.0f %%", 100*x.most)
		}
	}
}

// A TCP that takes loss for congestion keeps its part beside us, and we ours.
func TestBesideTCP(t *testing.T) {
	for _, x := range []road{slow(100, ms/10), slow(100, ms), slow(10, ms), short(100, ms/10), short(100, ms), short(10, ms)} {
		for _, cubic := range []bool{false, true} {
			t.Run(fmt.Sprintf("%.0f Mbit/s, queue %d, round trip %v, cubic %v", x.rate/mbit, x.queue, 2*x.delay, cubic), func(t *testing.T) {
				w := newRoad(x)
				a, b := w.tcp(cubic), w.ours(recovery.SelectiveRepeat)
				a.start()
				w.after(500*ms, b.start)
				w.run(12 * time.Second)
				theirs, ours := a.speed(4000*ms, 12000*ms)*mbit/x.rate, b.speed(4000*ms, 12000*ms)*mbit/x.rate
				t.Logf("TCP %.2f, ours %.2f", theirs, ours)
				if theirs < 0.39 || ours < 0.2 {
					t.Error("starved")
				}
			})
		}
	}
}

// A queue of ten packets is not flooded, not even at the start.
func TestShortQueueIsNotFlooded(t *testing.T) {
	for _, rtt := range []time.Duration{ms / 10, ms, 5 * ms} {
		w := newRoad(short(10, rtt))
		o := w.ours(recovery.SelectiveRepeat)
		o.start()
		w.run(5 * time.Second)
		got, lost := o.speed(ms*1000, 5000*ms), o.own()
		t.Logf("round trip %v: %.2f Mbit/s, %.2f %% lost by ourselves", rtt, got, 100*lost)
		if got < 9.5 || lost > 0.02 {
			t.Error("flooded, or not filled")
		}
	}
}

// When the bottleneck changes we follow.
func TestFollowsTheRate(t *testing.T) {
	for _, rtt := range []time.Duration{ms / 10, ms, 10 * ms} {
		w := newRoad(slow(1, rtt))
		o := w.ours(recovery.SelectiveRepeat)
		o.start()
		for i, rate := range []float64{1, 10, 100, 10, 1} {
			w.rate, w.queue = rate*mbit, max(queueFor(rate*mbit), 10*1500)
			from := time.Duration(i) * 3 * time.Second
			w.run(from + 3*time.Second)
			got := o.speed(from+2000*ms, from+3000*ms) / rate
			t.Logf("round trip %v, %3.0f Mbit/s: %.2f in the first second, %.2f in the third", rtt, rate, o.speed(from, from+1000*ms)/rate, got)
			if got < 0.9 {
				t.Error("does not follow")
			}
		}
	}
}

// A line beside bulk finds a short queue.
func TestStandingQueue(t *testing.T) {
	for _, rtt := range []time.Duration{ms / 10, ms} {
		for _, loss := range []float64{0, 0.01, 0.1} {
			x := slow(100, rtt)
			x.loss, x.since = loss, time.Second
			w := newRoad(x)
			o := w.ours(recovery.SelectiveRepeat)
			o.start()
			w.run(4 * time.Second)
			t.Logf("round trip %v, %2.0f %% loss: queue %v, %v, %v (median, 99 %%, longest)", rtt, 100*loss, w.stood(0.5), w.stood(0.99), w.stood(1))
			if w.stood(0.5) > 4*ms || w.stood(0.99) > 5*ms {
				t.Error("a line would wait")
			}
		}
	}
}

// Without a bottleneck the program is what limits, though it is stalled for milliseconds now and then.
func TestFast(t *testing.T) {
	for _, x := range []struct {
		loss, least, stalled float64 // MB/s without stalls, and with
	}{{0, 360, 240}, {0.01, 350, 230}, {0.05, 330, 180}, {0.10, 300, 150}} {
		for _, rtt := range []time.Duration{ms / 20, ms} {
			for _, every := range []time.Duration{0, 10 * ms} {
				w := newRoad(road{delay: rtt / 2, loss: x.loss})
				o := w.ours(recovery.SelectiveRepeat)
				o.cost, o.stall, o.every = 3*time.Microsecond, 5*ms, every
				o.start()
				w.run(300 * ms)
				got, least := o.speed(100*ms, 300*ms)/8, x.least
				if every > 0 {
					least = x.stalled
				}
				t.Logf("%2.0f %% loss, round trip %v, stalls each %v: %.0f MB/s", 100*x.loss, rtt, every, got)
				if got < least {
					t.Errorf("less than %.0f", least)
				}
			}
		}
	}
}
