package recovery

import (
	"errors"
	"fmt"
	"slices"
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
	skipped []uint64 // the newest protocol.MaxSkipped, ascending
}

func (l *ledger) use(number uint64) {
	if number < l.next {
		panic("recovery: packet numbers must ascend")
	}
	l.next = number + 1
}

func (l *ledger) skip(number uint64) {
	l.use(number)
	if len(l.skipped) == protocol.MaxSkipped {
		l.skipped = append(l.skipped[:0], l.skipped[1:]...)
	}
	l.skipped = append(l.skipped, number)
}

// check refuses ranges that are not descending, or hold a number that was not sent.
func (l *ledger) check(ranges []protocol.Range) error {
	if len(ranges) == 0 {
		return fmt.Errorf("%w: no ranges", ErrMalformed)
	}
	for i, r := range ranges {
		if r.First > r.Last || i > 0 && r.Last >= ranges[i-1].First {
			return fmt.Errorf("%w: range %d is %d-%d", ErrMalformed, i, r.First, r.Last)
		}
	}
	if largest := ranges[0].Last; largest >= l.next {
		return fmt.Errorf("%w: %d", ErrUnsent, largest)
	}
	for _, r := range ranges {
		if i, _ := slices.BinarySearch(l.skipped, r.First); i < len(l.skipped) && l.skipped[i] <= r.Last {
			return fmt.Errorf("%w: %d", ErrSkipped, l.skipped[i])
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
func (d *detector) lost(now time.Time, number uint64, sent time.Time) {
	d.rate.add(now, true)
	d.run.add(number, sent)
	d.lately.Add(protocol.Range{First: number, Last: number})
	if len(d.lately) > protocol.MaxAckRanges {
		d.lately = append(d.lately[:0], d.lately[1:]...)
	}
}

// spurious counts which packets of an Ack had been declared lost, each once.
func (d *detector) spurious(ranges []protocol.Range) (n uint64) {
	for _, r := range ranges {
		for i := 0; i < len(d.lately); i++ {
			x := d.lately[i]
			x.First, x.Last = max(x.First, r.First), min(x.Last, r.Last)
			if x.First > x.Last {
				continue
			}
			n += x.Len()
			d.lately.Remove(x)
			i = -1 // the set has changed
		}
	}
	return n
}

// run is packets with successive numbers that were all lost. A number in between that was acknowledged, skipped or only
// an Ack begins a new one: the pessimist may err, he only keeps the window open.
type run struct {
	next       uint64
	begin, end time.Time
}

func (r *run) add(number uint64, sent time.Time) {
	if number != r.next || r.begin.IsZero() {
		r.begin = sent
	}
	r.next, r.end = number+1, sent
}

// span is the time over which everything was lost.
func (r *run) span() time.Duration { return r.end.Sub(r.begin) }

// share is a smoothed proportion in units of 1/65536; integers keep it the same on every machine. Each protocol.LossAge
// without a packet counts as one that arrived, so that what was lost long ago is forgotten without traffic too.
type share struct {
	value int32
	at    time.Time
}

func (s *share) add(now time.Time, yes bool) {
	target := int32(0)
	if yes {
		target = 1 << 16
	}
	was := s.now(now)
	s.value, s.at = was+(target-was)/32, now
}

// now is the value after the time since the last packet.
func (s share) now(now time.Time) int32 {
	for n := now.Sub(s.at) / protocol.LossAge; n > 0 && s.value >= 32; n-- {
		s.value -= s.value / 32
	}
	return s.value
}

func (s share) float(now time.Time) float64 { return float64(s.now(now)) / (1 << 16) }
