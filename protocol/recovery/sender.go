package recovery

import (
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// SenderConfig is what a Sender starts with.
type SenderConfig struct {
	// RTT is the round trip of the handshake, used until a packet gives a sample. 0: unknown, protocol.InitialRTT.
	RTT time.Duration
	// MaxDatagram is the largest datagram sent, in bytes. 0: protocol.MaxDatagram.
	MaxDatagram int
}

// Sender follows the packets of one session that this side sends (SPEC section 6). What a packet carried is a T.
type Sender[T any] struct {
	datagram int
	ledger   ledger
	history  history[T]
	rtt      estimator
	detector detector
	prober   prober
	window   controller
	pacer    pacer
	path     uint64 // the first number that may have taken the present path
	life     life
	stats    Stats
	result   Result[T] // its slices are used again
}

// Acked is one packet that arrived.
type Acked[T any] struct {
	Number  uint64
	Carried T
	RTT     time.Duration // of this packet, the other's ack delay included
}

// Lost is one packet given up: what it carried is owed again.
type Lost[T any] struct {
	Number  uint64
	Carried T
}

// Result is what an Ack or the time has brought about. Its slices are valid until the next Receive or Advance.
type Result[T any] struct {
	Acked []Acked[T] // in the order of their numbers
	Lost  []Lost[T]  // likewise
	// Probes is how many eliciting packets must leave at once, whatever Allow says. They carry what is
	// Oldest, else what is owed, else a Ping. They are not asked for again before the next timeout.
	Probes int
}

// Stats count packets since the start of the session.
type Stats struct {
	Sent, Acked, Lost uint64 // eliciting ones
	Spurious          uint64 // declared lost, acknowledged after all
	Timeouts          uint64 // of the probe timer
}

// NewSender returns a Sender that has sent nothing.
func NewSender[T any](cfg SenderConfig) *Sender[T] {
	if cfg.MaxDatagram <= 0 {
		cfg.MaxDatagram = protocol.MaxDatagram
	}
	return &Sender[T]{
		datagram: cfg.MaxDatagram,
		rtt:      newEstimator(cfg.RTT),
		window:   newNewReno(cfg.MaxDatagram),
	}
}

// Sent notes a packet that leaves now: its number, its size in bytes on the wire, and what it carried.
// Every packet of the session is noted, in ascending order of numbers; one that is not eliciting (only an Ack, or
// a Close) is not in flight and will not appear in any Result. It panics when numbers do not ascend.
func (s *Sender[T]) Sent(now time.Time, number uint64, size int, eliciting bool, carried T) {
	s.ledger.use(number)
	if !eliciting {
		return
	}
	f, bucket := s.flow()
	s.pacer.spend(now, f, bucket, size)
	if s.history.count == 0 {
		s.life.waiting = now
	}
	probe := s.prober.sent(now, size)
	s.history.add(packet[T]{number: number, sent: now, size: size, probe: probe, carried: carried})
	s.stats.Sent++
}

// Skipped notes a number that was left out on purpose. An Ack of it is an error.
func (s *Sender[T]) Skipped(number uint64) { s.ledger.skip(number) }

// Receive takes the other's Ack. An error (ErrMalformed, ErrUnsent, ErrSkipped) means that the other side
// does not tell the truth: nothing has changed, and the session must close.
func (s *Sender[T]) Receive(now time.Time, ack frame.Ack) (Result[T], error) {
	if err := s.ledger.check(ack.Ranges); err != nil {
		return Result[T]{}, err
	}
	s.begin()
	largest := ack.Ranges[0].Last
	limited := s.limited()
	for i := len(ack.Ranges) - 1; i >= 0; i-- {
		s.history.take(ack.Ranges[i], func(p packet[T]) { s.acked(now, p, limited) })
	}
	s.detector.acked(largest)
	if len(s.detector.lately) > 0 {
		s.stats.Spurious += s.detector.spurious(ack.Ranges)
	}
	if n := len(s.result.Acked); n > 0 {
		// Only the newest packet's age is a round trip, and only when this Ack is the first to hold it (RFC 9002 section 5.1).
		if newest := s.result.Acked[n-1]; newest.Number == largest && largest >= s.path {
			s.rtt.sample(newest.RTT, ack.Delay)
		}
		s.prober.reset()
		s.life.acked, s.life.waiting = now, now
	}
	s.detect(now)
	return s.result, nil
}

// Advance tells what time has brought about: packets lost by time, or a probe timeout. Before Deadline it does nothing.
func (s *Sender[T]) Advance(now time.Time) Result[T] {
	s.begin()
	if deadline := s.Deadline(); deadline.IsZero() || now.Before(deadline) {
		return s.result
	}
	if s.detector.suspect(s.history.oldest().number) {
		s.detect(now)
		return s.result
	}
	s.result.Probes = min(s.history.count, 2)
	s.prober.fire(now, s.result.Probes, protocol.MinWindow*s.datagram)
	s.stats.Timeouts++
	// Probes are not bounded by Allow, so this is where memory is.
	for s.history.count > protocol.MaxTracked {
		s.lost(now, s.history.remove(s.history.head))
	}
	return s.result
}

// Deadline is when Advance has something to do: the earliest packet becomes lost by time, or the probe timer runs out.
// It may be past. It is zero while nothing is in flight.
func (s *Sender[T]) Deadline() time.Time {
	oldest := s.history.oldest()
	switch {
	case oldest == nil:
		return time.Time{}
	case s.detector.suspect(oldest.number):
		return oldest.sent.Add(s.rtt.lossDelay())
	}
	return s.prober.start.Add(s.ProbeTimeout())
}

// Allow tells whether one more full datagram may leave now: the window has room for it, and the pacer too.
// After a probe timeout the least window is allowed anew, however full the window is, since what
// a dead path has swallowed must not hold back the next line.
func (s *Sender[T]) Allow(now time.Time) bool { return s.NextSend(now).Equal(now) }

// NextSend is when Allow will be true if nothing else happens: now, or later if the pacer holds back;
// zero if the window is full, and only an Ack or a timeout can open it.
func (s *Sender[T]) NextSend(now time.Time) time.Time {
	room := s.history.bytes+s.datagram <= s.window.window() || s.prober.granted >= s.datagram
	if !room || s.history.count >= protocol.MaxTracked {
		return time.Time{}
	}
	f, bucket := s.flow()
	return s.pacer.next(now, f, bucket, s.datagram)
}

// Oldest is what is in flight, oldest first: probes carry what comes first here.
func (s *Sender[T]) Oldest() []T { return s.history.all() }

// Drain takes everything out of flight and returns it, oldest first: the session is over, and all of it is owed by the next.
func (s *Sender[T]) Drain() []T {
	all := s.history.all()
	s.history = history[T]{}
	s.prober.reset()
	return all
}

// Moved tells that packets take another path from now on. Round trip, window and pacer start anew
// (RFC 9000 section 9.4); what is in flight stays so.
func (s *Sender[T]) Moved() {
	s.path = s.ledger.next
	s.rtt = newEstimator(0)
	window := newNewReno(s.datagram)
	window.recovery = s.path // losses on the old path say nothing about the new one
	s.window, s.pacer = window, pacer{}
	s.prober.reset()
}

// RTT is the present estimate of the round trip.
func (s *Sender[T]) RTT() RTT { return s.rtt.RTT }

// ProbeTimeout is how long the probe timer runs now, back-off included.
func (s *Sender[T]) ProbeTimeout() time.Duration {
	return s.prober.wait(s.rtt.probeTimeout(), s.history.count-s.history.probes)
}

// LossRate is the share of the last packets (about thirty count) that were lost, 0 to 1. It falls with time as well.
func (s *Sender[T]) LossRate(now time.Time) float64 { return s.detector.rate.float(now) }

// Window is how many bytes may be in flight.
func (s *Sender[T]) Window() int { return s.window.window() }

// BytesInFlight is how many bytes are.
func (s *Sender[T]) BytesInFlight() int { return s.history.bytes }

// InFlight is how many packets are.
func (s *Sender[T]) InFlight() int { return s.history.count }

// Stats are the counters.
func (s *Sender[T]) Stats() Stats { return s.stats }

func (s *Sender[T]) begin() {
	clear(s.result.Acked)
	clear(s.result.Lost)
	s.result = Result[T]{Acked: s.result.Acked[:0], Lost: s.result.Lost[:0]}
}

func (s *Sender[T]) acked(now time.Time, p packet[T], limited bool) {
	s.detector.rate.add(now, false)
	s.window.acked(p.number, p.size, limited)
	s.result.Acked = append(s.result.Acked, Acked[T]{p.number, p.carried, max(0, now.Sub(p.sent))})
	s.stats.Acked++
}

func (s *Sender[T]) lost(now time.Time, p packet[T]) {
	s.detector.lost(now, p.number, p.sent)
	s.result.Lost = append(s.result.Lost, Lost[T]{p.number, p.carried})
	s.stats.Lost++
}

// detect gives up packets that are too far behind an acknowledged one, in number or in time. Older packets are further behind
// in both, so that the lost ones always come first.
func (s *Sender[T]) detect(now time.Time) {
	delay := s.rtt.lossDelay()
	var newest uint64
	for p := s.history.oldest(); p != nil && s.detector.suspect(p.number); p = s.history.oldest() {
		if !s.detector.beyond(p.number) && now.Before(p.sent.Add(delay)) {
			break
		}
		newest = p.number
		s.lost(now, s.history.remove(s.history.head))
	}
	if len(s.result.Lost) == 0 {
		return
	}
	persistent := max(3*s.rtt.probeTimeout(), protocol.PersistentCongestion)
	s.window.lost(newest, s.ledger.next, s.rtt.measured && s.detector.run.span() >= persistent)
}

// limited tells whether the window, not the lack of data, is what holds the sender back.
// Slow start doubles, so half a window is enough (as in RFC 9002 section 7.8, with room for the pacer's bursts).
func (s *Sender[T]) limited() bool {
	return 2*s.history.bytes >= s.window.window()
}

func (s *Sender[T]) flow() (flow, int) {
	f := newFlow(s.window.pace(), s.rtt.Smoothed)
	return f, f.bucket(s.datagram)
}
