package discovery

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"earshot/protocol"
)

// Reasons not to take an announcement.
var (
	// ErrOwn is an announcement of this very instance: a broadcast comes back to its sender.
	ErrOwn = errors.New("discovery: own announcement")
	// ErrLeft is one of an instance that left a moment ago.
	ErrLeft = errors.New("discovery: announcement of an instance that left")
	// ErrAddress is one from an address that nothing can be sent to.
	ErrAddress = errors.New("discovery: address cannot be answered")
	// ErrFull is one candidate too many from one address, or in all.
	ErrFull = errors.New("discovery: too many candidates")
)

// ActionKind is what a Roster wants done.
type ActionKind uint8

const (
	// Connect wants a handshake with Instance at Path. Proven or Failed answers it.
	Connect ActionKind = iota + 1
	// Ping wants a Ping frame sent to Instance by Path. Life or Answered answers it.
	Ping
	// Challenge wants a PathChallenge sent to Instance by Path, from where it is announced though it never answered
	// there. Moved or Answered answers it; silence is an answer too.
	Challenge
	// Offline says that Instance no longer answers and is forgotten.
	Offline
)

func (k ActionKind) String() string {
	switch k {
	case Connect:
		return "connect"
	case Ping:
		return "ping"
	case Challenge:
		return "challenge"
	case Offline:
		return "offline"
	}
	return fmt.Sprintf("action %d", uint8(k))
}

// Action is one thing to do. Offline has no Path.
type Action struct {
	Kind     ActionKind
	Instance protocol.Instance
	Path     protocol.Path
}

// RosterConfig is what a Roster is made of. Both fields are needed.
type RosterConfig struct {
	Self protocol.Instance // this instance, which is never on its own roster
	Rand *rand.Rand        // spreads handshakes and pings over time
}

// Roster is who is there. It is not safe for use from several goroutines at once.
type Roster struct {
	self       protocol.Instance
	rand       *rand.Rand
	candidates candidates
	members    members
	tombstones tombstones
	challenges window    // of all
	pending    []Action  // challenges that the next Advance returns
	due        time.Time // nothing is due before; may be too early, as a sign of life does not recompute it
}

// NewRoster makes an empty roster.
func NewRoster(cfg RosterConfig) *Roster {
	return &Roster{
		self:       cfg.Self,
		rand:       cfg.Rand,
		candidates: newCandidates(),
		members:    members{byInstance: map[protocol.Instance]*member{}},
		challenges: window{limit: protocol.ChallengeRate, per: time.Second},
	}
}

// N is how many other instances there are, live ones and candidates.
func (r *Roster) N() int { return len(r.members.list) + len(r.candidates.list) }

// Live is the live instances, in the order in which they proved themselves.
func (r *Roster) Live() []protocol.Instance {
	out := make([]protocol.Instance, len(r.members.list))
	for i, m := range r.members.list {
		out[i] = m.instance
	}
	return out
}

// Peer is whose instance a live one is.
func (r *Roster) Peer(i protocol.Instance) (protocol.PeerID, bool) {
	if m := r.members.byInstance[i]; m != nil {
		return m.peer, true
	}
	return protocol.PeerID{}, false
}

// Paths is the proven paths to a live instance, the best one first.
func (r *Roster) Paths(i protocol.Instance) []protocol.Path {
	if m := r.members.byInstance[i]; m != nil {
		return m.paths.list()
	}
	return nil
}

// Reception is the share, 0 to 1, of the last 64 announcements of an instance that arrived by broadcast.
// ok is false if none has.
func (r *Roster) Reception(i protocol.Instance) (share float64, ok bool) {
	if m := r.members.byInstance[i]; m != nil {
		return m.reception.share()
	}
	if c := r.candidates.byInstance[i]; c != nil {
		return c.reception.share()
	}
	return 0, false
}

// Deadline is when Advance must be called at the latest; zero if nothing is due.
func (r *Roster) Deadline() time.Time { return r.due }

// wakeAt brings the deadline forward.
func (r *Roster) wakeAt(t time.Time) { r.due = earlier(r.due, t) }

// Advance does what is due by now. The caller does what is returned, in its order.
func (r *Roster) Advance(now time.Time) []Action {
	if r.due.IsZero() || now.Before(r.due) {
		return nil
	}
	if late := now.Sub(r.due); late > protocol.LateAfter {
		// What others sent meanwhile may have been lost here, or wait unread.
		pings := int(min(late/pingInterval(r.members.interval())+1, protocol.PingLimitLate))
		for _, m := range r.members.list {
			m.presence.widen(pings)
		}
	}
	actions := r.pending
	r.pending = nil
	actions = append(actions, r.candidates.advance(now, Interval(r.N()+1))...)
	actions = append(actions, r.advanceMembers(now)...)
	r.due = time.Time{}
	r.reschedule(now)
	return actions
}

// reschedule brings the deadline forward to what is due first. It is never in the past, for what becomes due
// because somebody went and the intervals shrank is no lateness of this node's.
func (r *Roster) reschedule(now time.Time) {
	due := earlier(r.candidates.due(now, Interval(r.N()+1)), r.members.due())
	if len(r.pending) > 0 {
		due = now
	}
	if !due.IsZero() {
		r.wakeAt(later(due, now))
	}
}

func (r *Roster) advanceMembers(now time.Time) []Action {
	var actions []Action
	var gone []protocol.Instance
	interval := r.members.interval()
	for _, m := range r.members.list {
		m.paths.prune(now, protocol.ForgeableIntervals*interval)
		ping, offline := m.presence.advance(now, interval)
		switch {
		case ping:
			actions = append(actions, m.pings()...)
			if m.presence.pings == 2 {
				r.seek(now, m, interval)
			}
		case offline:
			actions = append(actions, Action{Kind: Offline, Instance: m.instance})
			gone = append(gone, m.instance)
		}
	}
	for _, i := range gone {
		r.members.remove(i)
	}
	return actions
}
