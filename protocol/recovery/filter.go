package recovery

import (
	"time"

	"earshot/protocol"
)

// peak is the greatest of the values of this period and the one before.
type peak[V ~int | ~int64] struct{ now, before V }

func (p *peak[V]) add(v V) { p.now = max(p.now, v) }
func (p *peak[V]) get() V  { return max(p.now, p.before) }

// turn begins another period. One without a value does not count.
func (p *peak[V]) turn() {
	if p.now > 0 {
		p.before, p.now = p.now, 0
	}
}

// trips are the shortest round trips.
type trips struct {
	least time.Duration // of protocol.MinTripAge
	at    time.Duration // when that was measured, or came close
	bare  time.Duration // of the last phase bare, 0 while there was none
	round time.Duration // of this round
	join  bool          // somebody has just emptied his share of the queue
}

// shorter is the shorter of two round trips of which 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func (t *trips) add(now, rtt time.Duration, bare bool) {
	rtt = max(rtt, time.Microsecond)
	t.round = shorter(t.round, rtt)
	if bare {
		t.bare = shorter(t.bare, rtt)
	}
	switch {
	case t.least == 0 || rtt <= t.least:
		t.join = t.join || rtt+protocol.QuietQueue/2 < t.least
		t.least, t.at = rtt, now
	case rtt <= t.least+t.least/16+protocol.QuietQueue/4:
		t.at = now // as good
	case now-t.at > protocol.MinTripAge:
		t.least, t.at = max(shorter(t.bare, rtt), t.least), now
	}
}

// look tells that it is time to empty our share of the queue: the shortest round trip has not been seen for long, or it has just
// become shorter, because somebody else looks, and together we see more.
func (t *trips) look(now time.Duration) bool {
	if t.join {
		return true
	}
	if t.crowded() { // it will not be seen, and each look costs our share of the queue
		return now-t.at > 4*protocol.BareInterval
	}
	return now-t.at > protocol.BareInterval
}

// crowded tells that a queue stands which is not ours: it remained when nearly nothing of ours was in flight.
func (t *trips) crowded() bool { return t.bare > t.least+protocol.CrowdedQueue }

// base is the round trip that is not of our making: the shortest, or with a queue of others the shortest with that.
func (t *trips) base() time.Duration {
	if t.crowded() {
		return t.bare
	}
	return t.least
}

// quiet tells that at least once in this round no queue stood.
func (t *trips) quiet() bool { return t.round <= t.least+t.least/64+protocol.QuietQueue }

// bunch is by how much Acks come in bunches: the bytes that are acknowledged at once beyond what the speed explains
// (extra_acked in draft-ietf-ccwg-bbr section 5.5.9). So much more must be in flight, or the sender runs dry between two.
type bunch struct {
	start  time.Duration
	acked  int
	most   peak[int]
	turned time.Duration
}

func (b *bunch) add(now time.Duration, acked int, v speed) {
	expected := v.in(now - b.start)
	if b.acked <= expected {
		b.start, b.acked, expected = now, 0, 0
	}
	b.acked += acked
	if now-b.turned > protocol.BunchAge {
		b.most.turn()
		b.turned = now
	}
	b.most.add(min(b.acked-expected, v.in(protocol.MaxBunch)))
}

func (b *bunch) get(v speed) int { return min(b.most.get(), v.in(protocol.MaxBunch)) }
