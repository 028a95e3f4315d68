package discovery

import (
	"net/netip"
	"slices"
	"time"

	"earshot/protocol"
)

// candidate is an instance that was heard of and has proven nothing yet.
type candidate struct {
	instance  protocol.Instance
	state     candidateState
	home      netip.Addr      // where it was heard of first: whose limit it counts against
	paths     []protocol.Path // where it was heard of, up to protocol.MaxPaths
	heard     time.Time       // of it last
	due       time.Time       // waiting: connect; connecting: give up; pausing: try again, at the earliest
	hinted    bool            // a live peer has passed it on, perhaps once only
	failures  int             // in a row
	failed    time.Time       // last
	reception reception
}

type candidateState uint8

const (
	waiting    candidateState = iota // to be connected to
	connecting                       // a handshake runs
	pausing                          // a handshake failed
)

func (c *candidate) hear(now time.Time, path protocol.Path) {
	c.heard = now
	if slices.Contains(c.paths, path) {
		return
	}
	if len(c.paths) == protocol.MaxPaths {
		c.paths = slices.Delete(c.paths, 1, 2)
	}
	c.paths = append(c.paths, path)
}

// fail pauses for 5, 10, 20, 40, 60 s.
func (c *candidate) fail(now time.Time) {
	c.due = now.Add(min(protocol.RetryMin<<min(c.failures, 10), protocol.RetryMax))
	c.state, c.failed = pausing, now
	c.failures++
}

// again tells whether a pausing one may try again: it was heard of since it failed, or need not be.
func (c *candidate) again() bool {
	return c.state == pausing && (c.heard.After(c.failed) || c.trusted())
}

// trusted tells whether a hint is still followed, though nothing more was heard.
func (c *candidate) trusted() bool { return c.hinted && c.failures < protocol.HintTries }

// candidates are bounded, in all and per address (SPEC section 3.2).
type candidates struct {
	list       []*candidate // in the order in which they were first heard of
	byInstance map[protocol.Instance]*candidate
	rate       window
}

func newCandidates() candidates {
	return candidates{
		byInstance: map[protocol.Instance]*candidate{},
		rate:       window{limit: protocol.ConnectRate, per: time.Second},
	}
}

// add makes room for a new candidate if it must. ErrFull: a handshake runs with everybody who would have to go.
func (cs *candidates) add(c *candidate) error {
	limit := protocol.MaxCandidatesPerAddr
	if c.home.IsLoopback() {
		limit = protocol.MaxCandidatesLoopback
	}
	count := 0
	for _, x := range cs.list {
		if x.home == c.home {
			count++
		}
	}
	switch {
	case count >= limit:
		if !cs.evict(func(x *candidate) bool { return x.home == c.home }) {
			return ErrFull
		}
	case len(cs.list) >= protocol.MaxCandidates:
		if !cs.evict(func(*candidate) bool { return true }) {
			return ErrFull
		}
	}
	cs.list = append(cs.list, c)
	cs.byInstance[c.instance] = c
	return nil
}

// evict forgets the oldest of those that match. One with a handshake running stays, or there would be no limit on those.
func (cs *candidates) evict(match func(*candidate) bool) bool {
	i := slices.IndexFunc(cs.list, func(x *candidate) bool { return x.state != connecting && match(x) })
	if i < 0 {
		return false
	}
	cs.remove(cs.list[i].instance)
	return true
}

func (cs *candidates) remove(i protocol.Instance) *candidate {
	c := cs.byInstance[i]
	if c == nil {
		return nil
	}
	delete(cs.byInstance, i)
	k := slices.Index(cs.list, c)
	cs.list = slices.Delete(cs.list, k, k+1)
	return c
}

// wake lets those that failed try again when they are next heard of: the network may be another one.
func (cs *candidates) wake(now time.Time) {
	for _, c := range cs.list {
		if c.state == pausing {
			c.due, c.failures = now, 0
		}
	}
}

// advance forgets who has gone silent, and connects to those whose time has come, the longest due first.
func (cs *candidates) advance(now time.Time, interval time.Duration) []Action {
	quiet := now.Add(-protocol.CandidateIntervals * interval)
	cs.list = slices.DeleteFunc(cs.list, func(c *candidate) bool {
		gone := c.state != connecting && !c.trusted() && !c.heard.After(quiet)
		if gone {
			delete(cs.byInstance, c.instance)
		}
		return gone
	})
	running := 0
	var ready []*candidate
	for _, c := range cs.list {
		if c.state == connecting && !now.Before(c.due) {
			c.fail(now)
		}
		if c.again() && !now.Before(c.due) {
			c.state = waiting
		}
		switch {
		case c.state == connecting:
			running++
		case c.state == waiting && !now.Before(c.due):
			ready = append(ready, c)
		}
	}
	slices.SortStableFunc(ready, func(a, b *candidate) int { return a.due.Compare(b.due) })
	var actions []Action
	for _, c := range ready {
		if running >= protocol.ConnectLimit || !cs.rate.open(now) {
			break
		}
		cs.rate.take(now)
		running++
		c.state, c.due = connecting, now.Add(protocol.ConnectTimeout)
		actions = append(actions, Action{Connect, c.instance, c.paths[c.failures%len(c.paths)]})
	}
	return actions
}

// due is when advance has something to do next.
func (cs *candidates) due(now time.Time, interval time.Duration) time.Time {
	var due time.Time
	running := 0
	for _, c := range cs.list {
		if c.state == connecting {
			running++
		}
	}
	for _, c := range cs.list {
		switch {
		case c.state == connecting:
			due = earlier(due, c.due)
			continue // does not expire
		case c.again():
			due = earlier(due, c.due)
		case c.state == waiting && running < protocol.ConnectLimit:
			due = earlier(due, later(c.due, cs.rate.next(now)))
		}
		if !c.trusted() {
			due = earlier(due, c.heard.Add(protocol.CandidateIntervals*interval))
		}
	}
	return due
}
