package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/replica"
)

// haves is what one instance is still to be told: which of its person's entries are stored here (SPEC section 8.2).
type haves struct {
	logs   []replica.Log // in the order in which they came
	ranges map[replica.Log]protocol.RangeSet
	due    time.Time
	last   time.Time
	told   []*item // Haves on their way

	answers answerTime // what its own Haves take, for the timeout of own lines
}

// answerTime is how long somebody takes to answer: a smoothed time and its variance, as RFC 6298 has it.
type answerTime struct {
	smoothed, variance time.Duration
	floor              time.Duration // the timeout is never less
	known              bool          // by a sample
	late               int           // answers in a row that came after the timeout
	least              time.Duration
}

func newHaves(rtt time.Duration) haves {
	if rtt == 0 {
		rtt = protocol.InitialRTT
	}
	return haves{
		ranges:  map[replica.Log]protocol.RangeSet{},
		answers: answerTime{smoothed: rtt + 5*time.Millisecond, variance: rtt/2 + 5*time.Millisecond, floor: protocol.HaveTimeoutMin},
	}
}

// sample takes the time from an entry's only sending to its Have. One above the timeout tells of loss, not of how long
// answers take: only so many in a row that they cannot all have been lost make the timeout longer.
func (a *answerTime) sample(d time.Duration) {
	if d > a.timeout() {
		if a.late++; a.late == 1 || d < a.least {
			a.least = d
		}
		if a.late < protocol.LateHaves {
			return
		}
		a.known, d = false, a.least
	}
	a.late = 0
	if !a.known || d < a.smoothed/8 { // one that took long before says little of how long they take now
		a.known, a.smoothed, a.variance = true, d, d/2
		return
	}
	a.variance += ((a.smoothed - d).Abs() - a.variance) / 4
	a.smoothed += (d - a.smoothed) / 8
}

func (a *answerTime) timeout() time.Duration {
	return min(max(a.smoothed+4*a.variance, a.floor), protocol.HaveTimeoutMax)
}

// typical is the middle one of some timeouts, which are put in order. The least of many would be too hasty, the greatest
// would let the slowest delay the others.
func typical(timeouts []time.Duration) time.Duration {
	if len(timeouts) == 0 {
		return protocol.HaveTimeoutMax
	}
	slices.Sort(timeouts)
	return timeouts[(len(timeouts)-1)/2]
}

// owesHave notes that an entry is stored, for every instance of its author.
func (c *Core) owesHave(now time.Time, v replica.Verified) {
	e := v.Entry()
	if e.Author != c.id {
		c.owe(now, e.Log, e.Seq)
	}
}

func (c *Core) owe(now time.Time, log replica.Log, seq uint64) {
	if p := c.people.byID[log.Author]; p != nil {
		for _, cn := range p.conns {
			c.oweTo(now, cn, log, seq)
		}
	}
}

// haveSpread is the time over which those who have stored the same entry spread their Haves, and the least between two of one.
func (c *Core) haveSpread() time.Duration {
	return max(protocol.HaveSpreadMin, time.Duration(len(c.conns))*protocol.HaveSpread)
}

// oweTo has one instance told that an entry is stored.
func (c *Core) oweTo(now time.Time, cn *conn, log replica.Log, seq uint64) {
	cn.stirred = true
	spread := c.haveSpread()
	h := &cn.haves
	if h.telling(log, seq) {
		return
	}
	set, known := h.ranges[log]
	if !known {
		h.logs = append(h.logs, log)
	}
	set.Add(protocol.Range{First: seq, Last: seq})
	h.ranges[log] = set
	if h.due.IsZero() {
		h.due = later(now.Add(c.jitter(0, spread)), h.last.Add(spread))
	}
}

// telling reports whether a Have for an entry is on its way: a second copy of the entry needs no second Have.
func (h *haves) telling(log replica.Log, seq uint64) bool {
	h.told = slices.DeleteFunc(h.told, func(it *item) bool { return it.done })
	return slices.ContainsFunc(h.told, func(it *item) bool {
		f := it.frame.(frame.Have)
		return replica.Log{Room: f.Room, Author: f.Author, Epoch: f.Epoch} == log && protocol.RangeSet(f.Ranges).Contains(seq)
	})
}

func (c *Core) sendHaves(now time.Time, cn *conn) {
	h := &cn.haves
	for _, log := range h.logs {
		for ranges := range slices.Chunk(h.ranges[log], protocol.MaxRanges) {
			h.told = append(h.told, cn.put(frame.Have{Room: log.Room, Author: log.Author, Epoch: log.Epoch, Ranges: ranges}, classControl))
		}
	}
	h.logs, h.due, h.last = nil, time.Time{}, now
	clear(h.ranges)
}

// lostOwn compares a room with somebody who has entries of this node's that it has not itself.
func (c *Core) lostOwn(cn *conn, id protocol.RoomID) {
	if c.rooms.byID[id] != nil || id == c.cfg.Network.DirectRoom(c.id, cn.person.id) {
		c.compareRoom(cn, id)
	}
}

// receiveHave takes somebody's word that they have stored entries of this node's.
func (c *Core) receiveHave(now time.Time, cn *conn, f frame.Have) {
	log := replica.Log{Room: f.Room, Author: f.Author, Epoch: f.Epoch}
	if f.Author == c.id { // it may have left the room since: what counts is the line's audience
		c.delivered(now, cn.person, log, f.Ranges)
		c.carries(now, cn, log, f.Ranges)
		if protocol.RangeSet(f.Ranges).Minus(c.logs.index.Ranges(log)).Len() > 0 {
			c.lostOwn(cn, f.Room) // said before an old copy of this profile was put back
		}
	} else {
		c.carried(cn.person, log, f.Ranges)
	}
}
