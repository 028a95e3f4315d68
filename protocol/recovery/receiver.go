package recovery

import (
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// Receiver keeps which packets of a session have come, and says when to acknowledge them (SPEC section 6.3).
// The zero value is ready.
type Receiver struct {
	ranges  protocol.RangeSet // what is acknowledged, at most protocol.MaxAckRanges
	floor   uint64            // below, nothing is told apart any more
	largest uint64
	at      time.Time // when largest came
	some    bool      // anything has come
	due     time.Time // when an Ack must leave, zero if none is owed
	waiting int       // eliciting packets not yet acknowledged
	out     [protocol.MaxAckRanges]protocol.Range
}

// Receive notes a packet that has been authenticated. Eliciting is what its frames are (frame.Eliciting for any of them);
// bulk tells that nobody waits for them, so that two packets or more, or what comes in protocol.AckDelay, may share an Ack.
// Whoever reads several packets at once gives them all before asking Due, and so sends one Ack for them.
// A duplicate changes nothing, and its frames must not be looked at. So does a number so old that
// the sender has given it up and owes again what it carried.
func (r *Receiver) Receive(now time.Time, number uint64, eliciting, bulk bool) (duplicate bool) {
	if number < r.floor || number <= r.largest && r.ranges.Contains(number) {
		return true
	}
	// A number that does not follow the greatest begins a gap, or fills one: the sender waits to hear (RFC 9000 section 13.2.1).
	// What follows behind the gap has nothing new to say about it.
	orderly := !r.some && number == 0 || r.some && number == r.largest+1
	if !r.some || number > r.largest {
		r.largest, r.at, r.some = number, now, true
	}
	r.ranges.Add(protocol.Range{First: number, Last: number})
	if n := len(r.ranges) - protocol.MaxAckRanges; n > 0 {
		r.prune(r.ranges[n].First)
	}
	if !eliciting {
		return false
	}
	r.waiting++
	switch {
	case !bulk || !orderly || r.waiting >= 2:
		r.due = now
	case r.due.IsZero():
		r.due = now.Add(protocol.AckDelay)
	}
	return false
}

// Pending tells whether an Ack is owed, now or later. It should ride in any packet that leaves anyway.
func (r *Receiver) Pending() bool { return !r.due.IsZero() }

// Due tells whether an Ack must leave now, in a packet of its own if need be.
func (r *Receiver) Due(now time.Time) bool { return r.Pending() && !now.Before(r.due) }

// Deadline is when an Ack must leave, zero if none is owed.
func (r *Receiver) Deadline() time.Time { return r.due }

// Ack is what has come, newest first; nothing is owed after it. It is false if nothing has come at all.
// Its ranges are valid until the next Ack.
func (r *Receiver) Ack(now time.Time) (frame.Ack, bool) {
	if !r.some {
		return frame.Ack{}, false
	}
	r.due, r.waiting = time.Time{}, 0
	ranges := r.out[:len(r.ranges)]
	for i, x := range r.ranges {
		ranges[len(ranges)-1-i] = x
	}
	return frame.Ack{Delay: max(0, now.Sub(r.at)), Ranges: ranges}, true
}

// Acked forgets what the other side is known to have heard: it has acknowledged a packet that held
// an Ack with this greatest number (RFC 9000 section 13.2.4).
func (r *Receiver) Acked(largest uint64) {
	// What is within the packet threshold the sender may still hope for.
	if largest >= protocol.PacketThreshold {
		r.prune(largest - protocol.PacketThreshold + 1)
	}
}

// prune forgets what is below floor.
func (r *Receiver) prune(floor uint64) {
	if floor <= r.floor || !r.some {
		return
	}
	floor = min(floor, r.largest) // the greatest stays: an Ack is never empty
	i := 0
	for i < len(r.ranges) && r.ranges[i].Last < floor {
		i++
	}
	r.ranges = append(r.ranges[:0], r.ranges[i:]...)
	r.ranges[0].First = max(r.ranges[0].First, floor)
	r.floor = floor
}
