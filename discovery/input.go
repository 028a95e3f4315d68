package discovery

import (
	"time"

	"earshot/protocol"
)

// Announced takes an announcement from an on-link source. path is its source address with the unicast port that it
// names, and the interface that it came in by. The error is the reason why it was of no use.
func (r *Roster) Announced(now time.Time, a protocol.Announcement, path protocol.Path) error {
	if err := r.refuse(now, a.Instance, path); err != nil {
		return err
	}
	if m := r.members.byInstance[a.Instance]; m != nil {
		m.reception.count(a.Counter)
		if m.paths.hear(now, path) {
			m.presence.hear(now, r.members.interval())
			r.wakeAt(later(m.presence.due(r.members.interval()), now))
		} else if c := m.elsewhere.hear(now, path); !now.Before(c.next) {
			r.challenge(now, m, c)
		}
		return nil
	}
	c, err := r.candidate(now, a.Instance, path)
	if err == nil {
		c.reception.count(a.Counter)
	}
	return err
}

// Hint takes an address that a live peer has passed on. It makes a candidate, or refreshes one. Since that may happen
// once only, protocol.HintTries handshakes are tried whether or not it is heard of again.
func (r *Roster) Hint(now time.Time, i protocol.Instance, path protocol.Path) {
	if r.refuse(now, i, path) == nil && r.members.byInstance[i] == nil {
		if c, err := r.candidate(now, i, path); err == nil {
			c.hinted = true
		}
	}
}

func (r *Roster) refuse(now time.Time, i protocol.Instance, path protocol.Path) error {
	addr := path.Addr.Addr()
	switch {
	case i == r.self:
		return ErrOwn
	case !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() || path.Addr.Port() == 0:
		return ErrAddress
	case r.tombstones.has(now, i):
		return ErrLeft
	}
	return nil
}

// candidate finds or makes one. A new one is connected to after U[0, max(50 ms, N·20 ms)]: spread so that a newcomer
// is not met by everybody at once, and so that its own handshake may come first.
func (r *Roster) candidate(now time.Time, i protocol.Instance, path protocol.Path) (*candidate, error) {
	c := r.candidates.byInstance[i]
	if c == nil {
		spread := max(protocol.HandshakeSpreadMin, time.Duration(r.N()+1)*protocol.HandshakeSpread)
		c = &candidate{
			instance: i, home: path.Addr.Addr(),
			due: now.Add(time.Duration(r.rand.Int64N(int64(spread) + 1))),
		}
		if err := r.candidates.add(c); err != nil {
			return nil, err
		}
	}
	c.hear(now, path)
	switch {
	case c.state == waiting:
		r.wakeAt(later(c.due, now))
	case c.again():
		r.wakeAt(later(c.due, now))
	}
	return c, nil
}

// challenge asks for an answer from where an instance was announced, at once but not without limit: an announcement
// that somebody invented must not make this node send much to an address of his choice.
func (r *Roster) challenge(now time.Time, m *member, c *candidatePath) {
	if !m.challenges.open(now) || !r.challenges.open(now) {
		return
	}
	m.challenges.take(now)
	r.challenges.take(now)
	c.challenged(now)
	r.pending = append(r.pending, Action{Challenge, m.instance, c.Path})
	r.wakeAt(now)
}

// seek challenges every place that a silent instance was lately announced from: it may have moved.
func (r *Roster) seek(now time.Time, m *member, interval time.Duration) {
	for k := range m.elsewhere {
		if c := &m.elsewhere[k]; now.Sub(c.heard) <= protocol.CandidateIntervals*interval {
			r.challenge(now, m, c)
		}
	}
}

// Proven tells that a session with an instance came up, whoever began it, and by which path.
// The same instance may prove itself again.
func (r *Roster) Proven(now time.Time, i protocol.Instance, peer protocol.PeerID, path protocol.Path) {
	r.tombstones.remove(i)
	c := r.candidates.remove(i)
	m := r.members.byInstance[i]
	if m == nil {
		m = r.members.add(i)
	}
	if c != nil {
		m.reception = c.reception
	}
	m.peer = peer
	r.moved(now, m, path)
}

// Moved tells that a live instance is reached by path from now on: it answered a challenge there, or its
// packets come from there and validation succeeded (SPEC section 3.4).
func (r *Roster) Moved(now time.Time, i protocol.Instance, path protocol.Path) {
	if m := r.members.byInstance[i]; m != nil {
		r.moved(now, m, path)
	}
}

func (r *Roster) moved(now time.Time, m *member, path protocol.Path) {
	m.elsewhere.remove(path)
	m.paths.use(now, path)
	m.presence.alive(now)
	r.reschedule(now)
}

// Life tells that an authenticated packet of a live instance came, by its best path or by one that is not known.
func (r *Roster) Life(now time.Time, i protocol.Instance) {
	if m := r.members.byInstance[i]; m != nil {
		m.presence.alive(now)
		m.paths[0].answered = now
	}
}

// Answered is Life where the packet's path is validated: it answered a challenge there, or is proven already. A new path
// is kept behind the others; one that is kept becomes the best if the best has been silent.
func (r *Roster) Answered(now time.Time, i protocol.Instance, path protocol.Path) {
	m := r.members.byInstance[i]
	if m == nil {
		return
	}
	m.presence.alive(now)
	m.elsewhere.remove(path)
	m.paths.add(now, path)
	m.paths.answer(now, path, silence(r.members.interval()))
}

// Failed tells that a handshake with a candidate came to nothing. It is tried again after 5, 10, 20, 40 and then
// every 60 s, if the candidate is heard of meanwhile.
func (r *Roster) Failed(now time.Time, i protocol.Instance) {
	if c := r.candidates.byInstance[i]; c != nil && c.state == connecting {
		c.fail(now)
		r.reschedule(now)
	}
}

// Left tells that an instance said, authenticated, that it leaves. Its announcements that are still on their way
// are refused for protocol.TombstoneTime.
func (r *Roster) Left(now time.Time, i protocol.Instance) {
	r.Lost(now, i)
	r.tombstones.add(now, i)
}

// Lost tells that the session with an instance ended in another way. It may come back with its next announcement.
func (r *Roster) Lost(now time.Time, i protocol.Instance) {
	r.members.remove(i)
	r.candidates.remove(i)
	r.reschedule(now)
}

// Wake tells that this node slept or that its network has changed: everybody is pinged, only an answer counts, and
// there is more patience than usual.
func (r *Roster) Wake(now time.Time) {
	spread := int64(pingInterval(r.members.interval()))
	for _, m := range r.members.list {
		at := now.Add(time.Duration(r.rand.Int64N(spread + 1)))
		m.presence.wake(at)
		r.wakeAt(at)
	}
	r.candidates.wake(now)
}
