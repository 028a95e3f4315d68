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
	// Policy is what to do about loss.
	Policy Policy
}

// Sender follows the packets of one session that this side sends (SPEC section 6). What a packet carried is a T.
type Sender[T any] struct {
	datagram int
	strategy strategy
	began    time.Time // the first packet: packets and the controller count from here
	ledger   ledger
	history  history[T]
	rtt      estimator
	detector detector
	prober   prober
	window   controller
	pacer    pacer
	held     bool   // by the window, since the last packet
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
	// Dropped is given up like Lost and not owed again: the policy is None.
	Dropped []Lost[T]
	// Probes is how many eliciting packets must leave at once, whatever Allow says. They carry what is
	// Oldest, else what is owed, else a Ping. They are not asked for again before the next timeout.
	Probes int
}

// Stats count packets since the start of the session.
type Stats struct {
	Sent, Acked, Lost uint64 // eliciting ones
	Spurious          uint64 // declared lost, acknowledged after all
	Withdrawn         uint64 // owed again, or dropped, though nobody knows whether they were lost: by a policy
	Timeouts          uint64 // of the probe timer
}

// NewSender returns a Sender that has sent nothing.
func NewSender[T any](cfg SenderConfig) *Sender[T] {
	if cfg.MaxDatagram <= 0 {
		cfg.MaxDatagram = protocol.MaxDatagram
	}
	rtt := newEstimator(cfg.RTT)
	return &Sender[T]{
		datagram: cfg.MaxDatagram,
		strategy: cfg.Policy.strategy(),
		rtt:      rtt,
		window:   newPilot(cfg.MaxDatagram, rtt.Smoothed),
	}
}

// SetPolicy changes what is done about loss from now on.
func (s *Sender[T]) SetPolicy(p Policy) { s.strategy = p.strategy() }

// SetMaxDatagram tells that the path takes datagrams of up to n bytes, n > 0.
func (s *Sender[T]) SetMaxDatagram(n int) {
	s.datagram = n
	s.window.resize(n)
}

// Sent notes a packet that leaves now: its number, its size in bytes on the wire, and what it carried.
// Every packet of the session is noted, in ascending order of numbers; one that is not eliciting (only an Ack, or
// a Close) is not in flight and will not appear in any Result. It panics when numbers do not ascend.
func (s *Sender[T]) Sent(now time.Time, number uint64, size int, eliciting bool, carried T) {
	s.ledger.use(number)
	if eliciting {
		s.send(now, number, size, carried)
	}
}

// SentMTUProbe is Sent for an eliciting packet that asks whether the path takes datagrams of that size. Its loss
// is told like any other, but is no reason to send less (RFC 8899 section 3).
func (s *Sender[T]) SentMTUProbe(now time.Time, number uint64, size int, carried T) {
	s.ledger.use(number)
	s.send(now, number, size, carried).mtu = true
}

func (s *Sender[T]) send(now time.Time, number uint64, size int, carried T) *packet[T] {
	if s.began.IsZero() {
		s.began = now
	}
	at := now.Sub(s.began)
	b := s.bucket()
	inFlight, window := s.history.bytes, s.window.window()
	level := s.pacer.level(at, b)
	// There was nothing to send if neither pacer nor window were in the way, and they were not just about to be.
	idle := !s.held && 2*inFlight <= window && level >= b.most
	s.pacer.spend(at, b, level, size)
	if s.history.count == 0 && s.prober.count == 0 {
		s.life.waiting = now
	}
	s.detector.rate.age(at)
	p := s.history.add(number, size, s.prober.sent(now, size))
	p.sent, p.carried = at, carried
	s.window.sent(&p.stamp, at, size, inFlight, idle)
	s.held = s.history.bytes+s.datagram > window
	s.stats.Sent++
	return p
}

// Skipped notes a number that was left out on purpose. An Ack of it is an error.
func (s *Sender[T]) Skipped(number uint64) { s.ledger.skip(number) }

// Receive takes the other's Ack. An error (ErrMalformed, ErrUnsent, ErrSkipped) means that the other side
// does not tell the truth: nothing has changed, and the session must close. It costs as much as it has ranges and resolves packets.
func (s *Sender[T]) Receive(now time.Time, ack frame.Ack) (Result[T], error) {
	if err := s.ledger.check(ack.Ranges); err != nil {
		return Result[T]{}, err
	}
	s.begin()
	at := s.elapsed(now)
	largest := ack.Ranges[0].Last
	s.history.take(ack.Ranges, func(p *packet[T]) { s.acked(at, p) })
	s.detector.acked(largest)
	if len(s.detector.lately) > 0 {
		s.stats.Spurious += s.detector.spurious(ack.Ranges)
	}
	sample := time.Duration(0)
	if n := len(s.result.Acked); n > 0 {
		// Only the newest packet's age is a round trip, and only when this Ack is the first to hold it (RFC 9002 section 5.1).
		if newest := s.result.Acked[n-1]; newest.Number == largest && largest >= s.path {
			s.rtt.sample(newest.RTT, ack.Delay)
			sample = max(newest.RTT, 1)
		}
		s.prober.reset()
		s.life.acked, s.life.waiting = now, now
	}
	s.detect(at)
	if len(s.result.Acked)+len(s.result.Lost)+len(s.result.Dropped) > 0 {
		s.window.settle(at, sample, s.history.bytes)
	}
	return s.result, nil
}

// Advance tells what time has brought about: packets lost by time, or a probe timeout. Before Deadline it does nothing.
func (s *Sender[T]) Advance(now time.Time) Result[T] {
	s.begin()
	if deadline := s.Deadline(); deadline.IsZero() || now.Before(deadline) {
		return s.result
	}
	at := s.elapsed(now)
	if s.crowded() {
		for s.crowded() {
			s.lost(s.history.oldest())
		}
		s.window.settle(at, 0, s.history.bytes)
		return s.result
	}
	if s.detector.suspect(s.history.oldest().number) {
		s.detect(at)
		s.window.settle(at, 0, s.history.bytes)
		return s.result
	}
	s.stats.Timeouts++
	copies := 0
	if s.fresh() < protocol.ThinPackets {
		copies = s.advised()
	}
	s.result.Probes = s.strategy.probes(s.history.count, copies)
	s.prober.fire(now, s.result.Probes, protocol.MinWindow*s.datagram)
	if s.result.Probes == 0 {
		s.lost(s.history.oldest())
		s.withdraw()
		s.window.settle(at, 0, s.history.bytes)
	}
	return s.result
}

// crowded tells whether more is in flight than may be: what Allow does not bound, as probes, can bring that about.
func (s *Sender[T]) crowded() bool { return s.history.count > protocol.MaxTracked }

// Deadline is when Advance has something to do: the earliest packet becomes lost by time, or too many are in flight, or the probe timer runs out.
// It may be past. It is zero while nothing is in flight.
func (s *Sender[T]) Deadline() time.Time {
	oldest := s.history.oldest()
	switch {
	case oldest == nil:
		return time.Time{}
	case s.crowded():
		return s.began.Add(oldest.sent)
	case s.detector.suspect(oldest.number):
		return s.began.Add(oldest.sent + s.rtt.lossDelay())
	}
	return s.prober.start.Add(s.ProbeTimeout())
}

// Allow tells whether one more full datagram may leave now: the window has room for it, and the pacer too.
// After a probe timeout the least window is allowed anew, however full the window is, since what
// a dead path has swallowed must not hold back the next line.
func (s *Sender[T]) Allow(now time.Time) bool {
	at := s.elapsed(now)
	return s.room() && s.pacer.next(at, s.bucket()) == at
}

// NextSend is when Allow will be true if nothing else happens: now, or later if the pacer holds back;
// zero if the window is full, and only an Ack or a timeout can open it.
func (s *Sender[T]) NextSend(now time.Time) time.Time {
	if !s.room() {
		return time.Time{}
	}
	at := s.elapsed(now)
	return now.Add(s.pacer.next(at, s.bucket()) - at)
}

// room tells whether the window, and the policy, let one more packet leave.
func (s *Sender[T]) room() bool {
	return (s.history.bytes+s.datagram <= s.window.window() || s.prober.granted >= s.datagram) &&
		s.history.count < s.strategy.most()
}

// elapsed is the time since the first packet.
func (s *Sender[T]) elapsed(now time.Time) time.Duration {
	if s.began.IsZero() {
		return 0
	}
	return now.Sub(s.began)
}

// Oldest is what the n packets longest in flight carry, oldest first: probes carry what comes first here.
func (s *Sender[T]) Oldest(n int) []T { return s.history.first(n) }

// Drain takes everything out of flight and returns it, oldest first: the session is over, and all of it is owed by the next.
func (s *Sender[T]) Drain() []T {
	all := s.history.first(s.history.count)
	s.history = history[T]{}
	s.prober.reset()
	return all
}

// Moved tells that packets take another path from now on. Round trip, window and pacer start anew
// (RFC 9000 section 9.4); what is in flight stays so.
func (s *Sender[T]) Moved() {
	s.path = s.ledger.next
	s.rtt = newEstimator(0)
	s.window, s.pacer = newPilot(s.datagram, s.rtt.Smoothed), pacer{}
	s.prober.reset()
}

// RTT is the present estimate of the round trip.
func (s *Sender[T]) RTT() RTT { return s.rtt.RTT }

// ProbeTimeout is how long the probe timer runs now, back-off included.
func (s *Sender[T]) ProbeTimeout() time.Duration {
	return s.prober.wait(s.rtt.probeTimeout(), s.fresh())
}

// fresh is how many packets are in flight that are not probes.
func (s *Sender[T]) fresh() int { return s.history.count - s.history.probes }

// LossRate is the share of the last packets (about thirty count) that were lost, 0 to 1. It falls with time as well.
func (s *Sender[T]) LossRate(now time.Time) float64 {
	rate := s.detector.rate
	rate.age(s.elapsed(now))
	return rate.float()
}

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
	clear(s.result.Dropped)
	s.result = Result[T]{Acked: s.result.Acked[:0], Lost: s.result.Lost[:0], Dropped: s.result.Dropped[:0]}
}

func (s *Sender[T]) acked(now time.Duration, p *packet[T]) {
	carried := s.history.remove(p)
	if p.number >= s.path {
		s.detector.rate.add(false)
		s.window.acked(now, p.sent, &p.stamp, int(p.size))
	}
	s.result.Acked = append(s.result.Acked, Acked[T]{p.number, carried, max(0, now-p.sent)})
	s.stats.Acked++
}

// lost gives up a packet. One that took the path before, or asked for the size, says nothing about this path.
func (s *Sender[T]) lost(p *packet[T]) {
	if p.number >= s.path && !p.mtu {
		s.detector.lost(p.number, p.sent)
		s.window.lost(&p.stamp, int(p.size))
	}
	s.stats.Lost++
	s.giveUp(p)
}

// withdraw gives up everything in flight, lost or not.
func (s *Sender[T]) withdraw() {
	for p := s.history.oldest(); p != nil; p = s.history.oldest() {
		s.stats.Withdrawn++
		s.giveUp(p)
	}
}

func (s *Sender[T]) giveUp(p *packet[T]) {
	l := Lost[T]{p.number, s.history.remove(p)}
	if s.strategy.again() {
		s.result.Lost = append(s.result.Lost, l)
	} else {
		s.result.Dropped = append(s.result.Dropped, l)
	}
}

// detect gives up packets that are too far behind an acknowledged one, in number or in time. Older packets are further behind
// in both, so that the lost ones always come first.
func (s *Sender[T]) detect(now time.Duration) {
	delay := s.rtt.lossDelay()
	found := false
	for p := s.history.oldest(); p != nil && s.detector.suspect(p.number); p = s.history.oldest() {
		if !s.detector.beyond(p.number) && now < p.sent+delay {
			break
		}
		found = true
		s.lost(p)
	}
	if !found {
		return
	}
	if s.strategy.rest() {
		s.withdraw()
	}
	persistent := max(3*s.rtt.probeTimeout(), protocol.PersistentCongestion)
	if s.rtt.measured && s.detector.run.span() >= persistent {
		s.window.collapse(now)
	}
}

func (s *Sender[T]) bucket() bucket {
	least := protocol.MinWindow
	if s.window.starting() {
		least = protocol.InitialWindow
	}
	return newBucket(s.window.pace(), s.datagram, least, s.window.window())
}
