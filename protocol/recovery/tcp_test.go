package recovery_test

import (
	"math"
	"time"
)

// tcp is a simulated TCP that takes every loss for congestion: Reno (RFC 5681) or CUBIC (RFC 9438), with selective
// acknowledgement of each packet, so that it is as good as its controller.
type tcp struct {
	counts
	road      *road
	cubic     bool
	window    float64 // packets
	threshold float64
	next      uint64
	open      map[uint64]time.Duration // sent and not known to have arrived or been lost
	first     uint64                   // all below are resolved
	recover   uint64                   // losses below are the same event
	rtt       time.Duration
	top       float64 // of CUBIC, when it lost last
	epoch     time.Duration
	acked     time.Duration
}

const segment = 1500

func (r *road) tcp(cubic bool) *tcp {
	t := &tcp{road: r, cubic: cubic, window: 10, threshold: math.Inf(1), open: map[uint64]time.Duration{}}
	r.flows = append(r.flows, t)
	return t
}

func (t *tcp) count() *counts { return &t.counts }

func (t *tcp) start() {
	t.acked = t.road.now
	t.send()
	t.watch()
}

func (t *tcp) send() {
	for float64(len(t.open)) < math.Floor(t.window) {
		t.open[t.next] = t.road.now
		p := &parcel{from: t, number: t.next, size: segment}
		t.next++
		t.road.enter(p)
	}
}

func (t *tcp) watch() {
	t.road.after(50*time.Millisecond, func() {
		if t.road.now-t.acked > max(200*time.Millisecond, 2*t.rtt) && len(t.open) > 0 {
			clear(t.open)
			t.first, t.recover = t.next, t.next
			t.threshold, t.window, t.acked = max(t.window/2, 2), 1, t.road.now
			t.epoch = 0
			t.send()
		}
		t.watch()
	})
}

func (t *tcp) arrive(p *parcel) {
	t.arrived(t.road.now, p.size)
	t.road.back(func() { t.ack(p.number) })
}

func (t *tcp) ack(n uint64) {
	sent, ok := t.open[n]
	if !ok {
		return
	}
	delete(t.open, n)
	t.acked = t.road.now
	sample := t.road.now - sent
	if t.rtt == 0 {
		t.rtt = sample
	}
	t.rtt += (sample - t.rtt) / 8
	for t.first+3 <= n { // three behind is lost
		if _, missing := t.open[t.first]; missing {
			delete(t.open, t.first)
			if t.first >= t.recover {
				t.cut()
			}
		}
		t.first++
	}
	if n >= t.recover {
		t.grow()
	}
	t.send()
}

func (t *tcp) cut() {
	t.recover = t.next
	if t.cubic {
		t.top = t.window
		t.window *= 0.7
		t.epoch = t.road.now
	} else {
		t.window /= 2
	}
	t.window = max(t.window, 2)
	t.threshold = t.window
}

func (t *tcp) grow() {
	switch {
	case t.window < t.threshold:
		t.window++
	case t.cubic && t.epoch > 0:
		k := math.Cbrt(t.top * 0.3 / 0.4)
		at := (t.road.now - t.epoch + t.rtt).Seconds() - k
		target := min(max(0.4*at*at*at+t.top, t.window), 1.5*t.window)
		reno := t.top*0.7 + 3*0.3/1.7*(t.road.now-t.epoch).Seconds()/t.rtt.Seconds()
		target = max(target, reno)
		t.window += max(target-t.window, 0.01) / t.window
	default:
		t.window += 1 / t.window
	}
}
