package recovery

import (
	"time"

	"earshot/protocol"
)

// life is when the other side was last heard of (SPEC section 6.7).
type life struct {
	acked   time.Time // something newly acknowledged
	waiting time.Time // since when something is in flight with nothing acknowledged
	heard   time.Time // any authenticated packet
}

// LastAck is when something was last newly acknowledged, zero if never.
func (s *Sender[T]) LastAck() time.Time { return s.life.acked }

// Expired tells that packets have been in flight for protocol.SessionTimeout and none was acknowledged: the session is dead.
// To be asked after Advance.
func (s *Sender[T]) Expired(now time.Time) bool {
	return s.history.count > 0 && now.Sub(s.life.waiting) >= protocol.SessionTimeout
}

// Alive notes that an authenticated packet came. It returns true after protocol.SilenceReset of silence: the back-off is
// reset, so that Deadline may be now, and what is owed and vectors should leave at once.
func (s *Sender[T]) Alive(now time.Time) (reset bool) {
	reset = !s.life.heard.IsZero() && now.Sub(s.life.heard) >= protocol.SilenceReset
	s.life.heard = now
	if reset {
		s.prober.reset()
	}
	return reset
}
