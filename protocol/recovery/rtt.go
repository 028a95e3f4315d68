package recovery

import (
	"time"

	"earshot/protocol"
)

// RTT is the estimate of the round trip (RFC 9002 section 5). Min and Latest are 0 until there is a sample.
type RTT struct {
	Smoothed, Variance, Min, Latest time.Duration
}

// estimator makes an RTT of samples (SPEC section 6.4).
type estimator struct {
	RTT
	measured bool          // by a packet; until then by the handshake, or assumed
	delay    time.Duration // the peer's ack delay: the longest it told lately, at most protocol.AckDelay
}

func newEstimator(handshake time.Duration) estimator {
	e := estimator{RTT: RTT{Min: handshake, Latest: handshake}}
	if handshake <= 0 {
		handshake, e.RTT = protocol.InitialRTT, RTT{}
	}
	e.Smoothed, e.Variance = handshake, handshake/2
	return e
}

// sample takes the age of a packet when its Ack came, and how long the peer says that Ack has waited.
func (e *estimator) sample(latest, delay time.Duration) {
	latest = max(latest, 0)
	// A peer may claim any delay; none is believed that breaks its promise (RFC 9002 section 5.3).
	delay = min(max(delay, 0), protocol.AckDelay)
	// RFC 9002 adds the longest delay that the peer may take to every probe timeout. Here chat is acknowledged at once, so that
	// would be nearly all of it: what counts is what the peer told, and it is forgotten.
	e.delay = max(e.delay*7/8, delay)
	e.Latest = latest
	if !e.measured {
		// The handshake's sample holds key agreements and perhaps repetitions: the first packet's replaces it.
		e.measured = true
		e.Min, e.Smoothed, e.Variance = latest, latest, latest/2
		return
	}
	// Min is of packets as they were, so that a lying peer cannot push it down.
	e.Min = min(e.Min, latest)
	adjusted := latest
	if latest >= e.Min+delay {
		adjusted = latest - delay
	}
	e.Variance = (3*e.Variance + (e.Smoothed - adjusted).Abs()) / 4
	e.Smoothed = (7*e.Smoothed + adjusted) / 8
}

// probeTimeout is how long the answer to a packet may take (RFC 9002 section 6.2.1), before any back-off.
func (e *estimator) probeTimeout() time.Duration {
	return e.Smoothed + max(4*e.Variance, protocol.Granularity) + e.delay
}

// lossDelay is how much older than an acknowledged packet a missing one may be (RFC 9002 section 6.1.2).
func (e *estimator) lossDelay() time.Duration {
	return max(max(e.Smoothed, e.Latest)*9/8, protocol.Granularity)
}
