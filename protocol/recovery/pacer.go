package recovery

import (
	"math"
	"math/bits"
	"time"

	"earshot/protocol"
)

// pacer spreads packets over the round trip: a bucket that holds one initial window, or what leaves in a millisecond if
// that is more, and fills at the pace of the controller (SPEC section 6.9, RFC 9002 section 7.7). Chat never empties it.
// The bucket is full at first, and packets that must leave in any case may empty it, but not below zero.
type pacer struct {
	budget int       // bytes at time last
	last   time.Time // zero: the bucket is full
}

// flow is a pace: bytes in a time, both positive.
type flow struct {
	bytes int
	per   time.Duration
}

func newFlow(bytes int, rtt time.Duration) flow {
	// Below this the round trip says nothing about the network, and a loop cannot wait so short.
	return flow{bytes, max(rtt, 50*time.Microsecond)}
}

// in is how many bytes flow in d, bounded so that an int of any size holds it.
func (f flow) in(d time.Duration) int {
	hi, lo := bits.Mul64(uint64(f.bytes), uint64(max(d, 0)))
	if hi >= uint64(f.per) {
		return math.MaxInt32
	}
	q, _ := bits.Div64(hi, lo, uint64(f.per))
	return int(min(q, math.MaxInt32))
}

// until is the least time in which n bytes flow.
func (f flow) until(n int) time.Duration {
	hi, lo := bits.Mul64(uint64(n), uint64(f.per))
	q, r := bits.Div64(hi, lo, uint64(f.bytes))
	if r > 0 {
		q++
	}
	return time.Duration(q)
}

// bucket is how many bytes may leave at once.
func (f flow) bucket(datagram int) int {
	return max(protocol.InitialWindow*datagram, f.in(protocol.Granularity))
}

func (p *pacer) available(now time.Time, f flow, bucket int) int {
	if p.last.IsZero() {
		return bucket
	}
	// The first term bounds the sum: budget is at most a bucket, and so is what is added.
	return min(bucket, p.budget+min(bucket, f.in(now.Sub(p.last))))
}

func (p *pacer) spend(now time.Time, f flow, bucket, size int) {
	p.budget = max(0, p.available(now, f, bucket)-size)
	p.last = now
}

// next is when size bytes may leave, not before now.
func (p *pacer) next(now time.Time, f flow, bucket, size int) time.Time {
	if p.available(now, f, bucket) >= size {
		return now
	}
	return p.last.Add(f.until(size - p.budget))
}
