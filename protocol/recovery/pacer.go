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
	budget int           // bytes at time last
	last   time.Duration // since the first packet
	used   bool          // until then the bucket is full
	empty  bool          // it has run empty, and fills
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

// level is how many bytes the bucket holds.
func (p *pacer) level(now time.Duration, b bucket) int {
	switch {
	case !p.used:
		return b.most
	case now == p.last: // within a burst
		return min(b.most, p.budget)
	}
	// The first term bounds the sum: budget is at most a bucket, and so is what is added.
	return min(b.most, p.budget+min(b.most, b.pace.in(now-p.last)))
}

// spend takes size out of a bucket at that level.
func (p *pacer) spend(now time.Duration, b bucket, level, size int) {
	p.budget = max(0, level-size)
	p.last, p.used, p.empty = now, true, p.budget < b.datagram
}

// next is when a datagram may leave, not before now.
func (p *pacer) next(now time.Duration, b bucket) time.Duration {
	want := b.datagram
	if p.empty {
		want = b.burst()
	}
	if p.level(now, b) >= want {
		return now
	}
	return max(p.last+b.pace.until(want-p.budget), now+1)
}
