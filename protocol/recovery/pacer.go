package recovery

import (
	"time"

	"earshot/protocol"
)

// pacer spreads packets over time: a bucket of bytes that fills at the pace of the controller (SPEC section 6.9, RFC 9002
// section 7.7). Loops wake up about each millisecond, so it holds what leaves in that; and when it has run empty it fills
// to half before anything leaves, so that what leaves leaves in bursts that an operating system sends at the cost of one.
// At low speeds both are a few datagrams. Packets that must leave in any case may empty it, but not below zero.
type pacer struct {
	budget int       // bytes at time last
	last   time.Time // zero: the bucket is full
	empty  bool      // it has run empty, and fills
}

// bucket is how many bytes may leave at once.
type bucket struct {
	pace     speed
	most     int
	datagram int
}

// newBucket is the bucket for a pace: at least so many datagrams, at most half a window, so that a burst is no flood for a short queue.
func newBucket(pace speed, datagram, least, window int) bucket {
	return bucket{pace, max(least*datagram, min(pace.in(protocol.Granularity), window/2)), datagram}
}

// burst is how much an empty bucket waits for.
func (b bucket) burst() int {
	return max(b.datagram, min(b.most/2, b.pace.in(protocol.Granularity)/2, protocol.MaxBurst*b.datagram))
}

func (p *pacer) available(now time.Time, b bucket) int {
	if p.last.IsZero() {
		return b.most
	}
	// The first term bounds the sum: budget is at most a bucket, and so is what is added.
	return min(b.most, p.budget+min(b.most, b.pace.in(now.Sub(p.last))))
}

// full tells that the pacer has not held anything back for long.
func (p *pacer) full(now time.Time, b bucket) bool { return p.available(now, b) >= b.most }

func (p *pacer) spend(now time.Time, b bucket, size int) {
	p.budget = max(0, p.available(now, b)-size)
	p.last, p.empty = now, p.budget < b.datagram
}

// next is when a datagram may leave, not before now.
func (p *pacer) next(now time.Time, b bucket) time.Time {
	want := b.datagram
	if p.empty {
		want = b.burst()
	}
	if p.available(now, b) >= want {
		return now
	}
	return p.last.Add(b.pace.until(want - p.budget))
}
