package discovery

import (
	"math/rand/v2"
	"time"

	"earshot/protocol"
)

// Interval is the mean time between two announcements of one instance where n instances share the LAN:
// protocol.AnnounceInterval, or as much more as keeps them all together within protocol.AnnounceBudget (SPEC section 3.1).
func Interval(n int) time.Duration {
	return max(protocol.AnnounceInterval, time.Duration(n)*time.Second/protocol.AnnounceBudget)
}

// burst is when the announcements after a start or a change of the network come. Three more follow the first,
// since each may be lost.
var burst = [...]time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second}

// Announcer says when to announce. It says nothing before its first Burst.
type Announcer struct {
	rand  *rand.Rand
	n     int       // instances on the LAN, as last told
	start time.Time // of the burst
	step  int       // announcements of the burst that have been made
	last  time.Time // announcement
	share float64   // of an interval until the next one, from 1-AnnounceJitter to 1+AnnounceJitter
}

// NewAnnouncer makes an announcer that draws from r.
func NewAnnouncer(r *rand.Rand) *Announcer { return &Announcer{rand: r} }

// Burst begins to announce, or begins anew: this instance has started, slept, or got another address. However often it is
// called, announcements keep protocol.BurstSpacing apart.
func (a *Announcer) Burst(now time.Time) {
	a.start, a.step = now, 0
	if earliest := a.last.Add(protocol.BurstSpacing); now.Before(earliest) {
		a.start = earliest
	}
}

// Advance tells whether to announce now, on every interface. n is the number of instances known on the LAN.
// Announcements that were missed are not made up for.
func (a *Announcer) Advance(now time.Time, n int) bool {
	a.n = n
	if due := a.Deadline(); due.IsZero() || now.Before(due) {
		return false
	}
	a.last = now
	for a.step < len(burst) && !now.Before(a.start.Add(burst[a.step])) {
		a.step++
	}
	a.share = 1 + protocol.AnnounceJitter*(2*a.rand.Float64()-1)
	return true
}

// Deadline is when the next announcement is due, for the number of instances that Advance was last told.
func (a *Announcer) Deadline() time.Time {
	switch {
	case a.start.IsZero():
		return time.Time{}
	case a.step < len(burst):
		return a.start.Add(burst[a.step])
	}
	return a.last.Add(time.Duration(a.share * float64(Interval(a.n))))
}
