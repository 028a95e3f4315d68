package recovery

import (
	"time"

	"earshot/protocol"
)

// point is one moment of the delivery: how much had arrived, when that was known, and when the newest of it had left.
type point struct {
	delivered int64
	at, sent  time.Duration
}

// stamp is what a packet remembers of the moment in which it left.
type stamp struct {
	from     point // where the rate that its arrival tells is measured from
	inFlight int   // bytes, itself included
	limited  bool  // there was too little to send
	trial    trial // what its loss tells
}

// sampler measures how fast packets arrive, as draft-ietf-ccwg-bbr section 4.1 does: over the longer of the times in which
// the same bytes left and were acknowledged, so that neither a burst of packets nor of Acks looks like a fast network.
//
// One thing differs. A packet is measured not from the last Ack before it left but from an earlier one: at least
// protocol.RateSpan is between. On a LAN a round trip is shorter than the bursts in which a program sends and reads.
type sampler struct {
	delivered int64 // bytes
	now, last point // the newest two points, RateSpan apart
	limited   int64 // samples say too little until so much is delivered
	best      stamp // of the newest packet in this Ack, in the order of sending
	bestSent  time.Duration
	some      bool
}

// leave stamps a packet.
func (s *sampler) leave(p *stamp, now time.Duration, size, inFlight int, idle bool) {
	if idle {
		s.limited = max(s.delivered+int64(inFlight), 1)
		if inFlight == 0 { // what was not sent meanwhile says nothing
			s.now = point{s.delivered, now, now}
			s.last = s.now
		}
	}
	p.from, p.inFlight, p.limited, p.trial = s.last, inFlight+size, s.limited > 0, normal
}

// arrived notes one acknowledged packet.
func (s *sampler) arrived(p *stamp, sent time.Duration, size int) {
	s.delivered += int64(size)
	if !s.some || sent >= s.bestSent {
		s.best, s.bestSent, s.some = *p, sent, true
	}
}

// sample is the speed that the packets of one Ack tell, and whether too little was sent to tell more. It is 0 if they tell nothing.
func (s *sampler) sample(now time.Duration) (v speed, limited bool) {
	if !s.some {
		return 0, false
	}
	s.some = false
	from := s.best.from
	if s.limited > 0 && s.delivered > s.limited {
		s.limited = 0
	}
	if span := max(s.bestSent-from.sent, now-from.at); span >= protocol.RateSpan {
		v = speedOf(s.delivered-from.delivered, span)
	}
	if now-s.now.at >= protocol.RateSpan {
		s.last = s.now
		s.now = point{s.delivered, now, s.bestSent}
	}
	return v, s.best.limited
}
