package recovery

import (
	"time"

	"earshot/protocol"
)

// phase is what a pilot is trying to find out.
type phase uint8

const (
	climbing phase = iota // start-up: how fast at most? Doubles each round until what arrives no longer does
	low                   // what is there without us? Sends less than arrives, until our share of the queue is gone
	cruising              // nothing: sends what arrives
	up                    // is there more now? Sends a quarter more than arrives
	bare                  // how long is a round trip without any queue? Has next to nothing in flight
)

// gain is what a phase sends, in 1/100 of what arrives.
func (p phase) gain() int64 { return [...]int64{277, 80, 99, 125, 80}[p] }

// cycle is where in its phases a pilot is. Rounds last a round trip, but at least protocol.RateSpan.
type cycle struct {
	phase  phase
	began  time.Duration // this phase
	rounds int           // of it that are over
	round  time.Duration // when this round began
	length int           // of this cruise, in rounds
	dice   uint32
	before speed // when the phase began; when climbing, the greatest so far that grew by a quarter
	flat   int   // rounds without growth
}

// ends tells whether an Ack of a packet sent then ends a round, and begins the next.
func (c *cycle) ends(now, sent time.Duration) bool {
	if sent < c.round || now-c.round < protocol.RateSpan {
		return false
	}
	c.round = now
	c.rounds++
	return true
}

func (c *cycle) enter(p phase, now time.Duration, v speed) {
	c.phase, c.began, c.rounds, c.round, c.before, c.flat = p, now, 0, now, v, 0
	if p == cruising {
		// Of different lengths, so that two senders do not go in step: 6 to 11 rounds.
		c.dice = c.dice*1664525 + 1013904223 + uint32(v)
		c.length = 6 + int(c.dice>>16)%6
	}
}
