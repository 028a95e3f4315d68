package discovery

import "math/bits"

// reception is the share of an instance's announcements that arrive, counted over its last 64.
// The counter is as forgeable as the rest of an announcement: it is a statistic and never a reason to refuse one.
type reception struct {
	greatest uint64
	heard    uint64 // bit i: number greatest-i has arrived
	span     uint   // how many of the last numbers are judged: none before the first that arrived
}

func (r *reception) count(counter uint64) {
	switch {
	case r.span == 0 || counter+64 <= r.greatest && counter+64 > counter:
		// The first one, or one so old that its instance must have begun to count anew.
		*r = reception{greatest: counter, heard: 1, span: 1}
	case counter > r.greatest:
		step := counter - r.greatest
		r.greatest = counter
		r.heard = r.heard<<step | 1 // a shift by 64 and more leaves nothing
		r.span = uint(min(64, uint64(r.span)+min(step, 64)))
	default:
		// A number from before the first one heard widens the span.
		r.heard |= 1 << (r.greatest - counter)
		r.span = max(r.span, uint(min(64, r.greatest-counter+1)))
	}
}

// share is 0 to 1; ok is false before the first announcement.
func (r *reception) share() (share float64, ok bool) {
	if r.span == 0 {
		return 0, false
	}
	return float64(bits.OnesCount64(r.heard)) / float64(r.span), true
}
