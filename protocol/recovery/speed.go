package recovery

import (
	"math"
	"math/bits"
	"time"
)

// speed is bytes in a second. Integers keep it the same on every machine.
type speed int64

// speedOf is n bytes in d.
func speedOf(n int64, d time.Duration) speed {
	if n <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(n), uint64(time.Second))
	per := uint64(max(d, 1))
	if hi >= per {
		return math.MaxInt32 << 8
	}
	q, _ := bits.Div64(hi, lo, per)
	return speed(min(q, math.MaxInt32<<8))
}

// mostIn bounds what speed.in says, so that an int of any size holds a few of it.
const mostIn = 1 << 28

// in is how many bytes that makes in d, at most mostIn.
func (v speed) in(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	if v < 1<<31 && d < 1<<32 { // the hot path: the product fits
		return int(min(uint64(v)*uint64(d)/uint64(time.Second), mostIn))
	}
	hi, lo := bits.Mul64(uint64(v), uint64(d))
	if hi >= uint64(time.Second) {
		return mostIn
	}
	q, _ := bits.Div64(hi, lo, uint64(time.Second))
	return int(min(q, mostIn))
}

// until is the least time in which n bytes pass.
func (v speed) until(n int) time.Duration {
	w := max(int64(v), 1)
	return time.Duration((int64(n)*int64(time.Second) + w - 1) / w)
}

// times is v · num / den.
func (v speed) times(num, den int64) speed { return speed(int64(v) * num / den) }
