package recovery

import (
	"errors"
	"fmt"
	"time"

	"earshot/protocol"
)

// Errors of an Ack that no honest peer sends. The session must close with frame.CloseProtocol.
var (
	// ErrMalformed is an Ack whose ranges are missing, not descending, or overlap.
	ErrMalformed = errors.New("recovery: malformed ack")
	// ErrUnsent acknowledges a packet that has not been sent.
	ErrUnsent = errors.New("recovery: acknowledges a packet never sent")
	// ErrSkipped acknowledges a number that was left out to catch those who acknowledge what they have not seen
	// (RFC 9000 section 21.4).
	ErrSkipped = errors.New("recovery: acknowledges a skipped packet")
)

// ledger knows which numbers were used, to refuse an Ack of others (SPEC section 6.2).
type ledger struct {
	next    uint64
	skipped [protocol.MaxSkipped]uint64 // the newest, a ring
	skips   int                         // all of them
}

func (l *ledger) use(number uint64) {
	if number < l.next {
		panic("recovery: packet numbers must ascend")
	}
	l.next = number + 1
}

func (l *ledger) skip(number uint64) {
	l.use(number)
	l.skipped[l.skips%protocol.MaxSkipped] = number
	l.skips++
}

// check refuses ranges that are not descending, or hold a number that was not sent.
func (l *ledger) check(ranges []protocol.Range) error {
	if len(ranges) == 0 {
		return fmt.Errorf("%w: no ranges", ErrMalformed)
	}
	if len(ranges) > protocol.MaxAckRanges {
		return fmt.Errorf("%w: %d ranges", ErrMalformed, len(ranges))
	}
	for i, r := range ranges {
		if r.First > r.Last || i > 0 && r.Last >= ranges[i-1].First {
			return fmt.Errorf("%w: range %d is %d-%d", ErrMalformed, i, r.First, r.Last)
		}
	}
	if largest := ranges[0].Last; largest >= l.next {
		return fmt.Errorf("%w: %d", ErrUnsent, largest)
	}
	// Both descend: one walk down finds what they share.
	for i, r := l.skips-1, 0; i >= max(0, l.skips-protocol.MaxSkipped) && r < len(ranges); {
		switch n := l.skipped[i%protocol.MaxSkipped]; {
		case n > ranges[r].Last:
			i--
		case n < ranges[r].First:
			r++
		default:
			return fmt.Errorf("%w: %d", ErrSkipped, n)
		}
	}
	return nil
}

// detector tells lost packets from late ones (SPEC section 6.5, RFC 9002 section 6.1).
type detector struct {
	any     bool   // something has been acknowledged
	largest uint64 // the greatest number acknowledged
	rate    share
	run     run
	lately  protocol.RangeSet // declared lost lately, to notice that they were not
}

// acked notes the greatest number of an Ack.
func (d *detector) acked(largest uint64) {
	d.largest = max(d.largest, largest)
	d.any = true
}

// suspect tells whether a packet in flight is older than an acknowledged one. Such a packet is late or lost,
// and the time threshold will tell; the others wait for an Ack, or for the probe timer.
func (d *detector) suspect(number uint64) bool { return d.any && number < d.largest }

// beyond tells whether a suspect is lost by the packet threshold.
func (d *detector) beyond(number uint64) bool { return d.largest-number >= protocol.PacketThreshold }

// lost notes a packet declared lost.
func (d *detector) lost(number uint64, sent time.Duration) {
	d.rate.add(true)
	d.run.add(number, sent)
	d.lately.Add(protocol.Range{First: number, Last: number})
	if len(d.lately) > protocol.MaxAckRanges {
		d.lately = append(d.lately[:0], d.lately[1:]...)
	}
}

// spurious counts which packets of an Ack had been declared lost, each once.
func (d *detector) spurious(ranges []protocol.Range) (n uint64) {
	// The ranges descend, what was lost ascends: one walk finds what they share.
	for i, r := len(d.lately)-1, 0; i >= 0 && r < len(ranges); {
		x := d.lately[i]
		x.First, x.Last = max(x.First, ranges[r].First), min(x.Last, ranges[r].Last)
		switch {
		case x.First <= x.Last:
			n += x.Len()
			d.lately.Remove(x)
			i = min(i+1, len(d.lately)-1) // what is left of it may be two
		case d.lately[i].First > ranges[r].Last:
			i--
		default:
			r++
		}
	}
	return n
}

// run is packets with successive numbers that were all lost. A number in between that was acknowledged, skipped or only
// an Ack begins a new one: the pessimist may err, he only keeps the window open.
type run struct {
	next       uint64
	begin, end time.Duration
}

func (r *run) add(number uint64, sent time.Duration) {
	if number != r.next {
		r.begin = sent
	}
	r.next, r.end = number+1, sent
}

// span is the time over which everything was lost.
func (r *run) span() time.Duration { return r.end - r.begin }

// share is a smoothed proportion. The first packets count an eighth each, so that a thin stream learns quickly, later ones
// about a thirtieth; what is old is halved every protocol.LossHalfLife, because nothing is known about now.
type share struct {
	value int32 // in 1/65536; integers keep it the same on every machine
	seen  int32
	at    time.Duration
}

func (s *share) add(yes bool) {
	target := int32(0)
	if yes {
		target = 1 << 16
	}
	s.value += (target - s.value) / (8 + s.seen)
	s.seen = min(s.seen+1, 24)
}

// age tells the time, of which only what passes without packets counts.
func (s *share) age(now time.Duration) {
	if halves := (now - s.at) / protocol.LossHalfLife; halves > 0 {
		s.value >>= min(halves, 31)
		s.seen = 0
	}
	s.at = now
}

func (s *share) float() float64 { return float64(s.value) / (1 << 16) }
