package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// gapAfter is how long a hole in a log must last before it is shown: most are filled before anybody could read of them.
const gapAfter = 400 * time.Millisecond

// gapAgain is how often a hole that stays is looked at, gapsMost how many logs and ranges a view is told of.
const (
	gapAgain = 2 * time.Second
	gapsMost = 16
)

// gapWatch looks at the holes in the logs of rooms, from when one may have opened until none is left.
type gapWatch struct {
	due time.Time
}

// watch has the rooms looked at, if they are not already.
func (g *gapWatch) watch(now time.Time) {
	g.due = earliest(g.due, now.Add(gapAfter))
}

// advanceGaps tells the view what is missing in each room, whenever that has changed.
func (c *Core) advanceGaps(now time.Time) {
	if !due(now, c.gaps.due) {
		return
	}
	c.gaps.due = time.Time{}
	for _, r := range c.rooms.list {
		found := c.missing(r)
		found = found[max(0, len(found)-gapsMost):]
		list := make([]Gap, 0, len(found))
		for _, g := range found {
			if g.Log.Author == c.id && g.Log.Epoch == c.rooms.epoch {
				continue // own lines are numbered before they are stored
			}
			last, _ := c.logs.index.Last(g.Log)
			list = append(list, Gap{
				Author: g.Log.Author, Name: c.nameOf(g.Log.Author), Epoch: g.Log.Epoch, Last: last,
				Missing: g.Missing[max(0, len(g.Missing)-gapsMost):], Asked: c.asked(g),
			})
		}
		if len(list) > 0 {
			c.gaps.due = earliest(c.gaps.due, now.Add(gapAgain))
		}
		if !slices.EqualFunc(list, r.gaps, Gap.equal) {
			r.gaps = list
			c.emit(Gaps{Room: r.Room, Gaps: list})
		}
	}
}

// missing is the holes in the logs of a room, and what somebody has of these logs beyond what is here.
func (c *Core) missing(r *room) []replica.Gap {
	gaps := c.logs.index.Gaps(r.ID, func(log replica.Log, first uint64) bool { return c.began(r, log, first) })
	for _, log := range c.logs.index.Logs(r.ID) {
		ahead := c.logs.fetcher.Missing(log)
		last, _ := c.logs.index.Last(log)
		ahead.Remove(protocol.Range{First: 1, Last: last})
		if len(ahead) == 0 {
			continue
		}
		i, found := slices.BinarySearchFunc(gaps, log, func(g replica.Gap, log replica.Log) int { return g.Log.Compare(log) })
		if !found {
			gaps = slices.Insert(gaps, i, replica.Gap{Log: log})
		}
		gaps[i].Missing = append(gaps[i].Missing, ahead...)
	}
	return gaps
}

// asked is the name of whoever was asked last for something of a gap.
func (c *Core) asked(g replica.Gap) string {
	if i, ok := c.logs.fetcher.Asked(g.Log, g.Missing[len(g.Missing)-1].Last); ok {
		if cn := c.conn(i); cn != nil {
			return cn.person.name
		}
	}
	return ""
}

func (g Gap) equal(h Gap) bool {
	return g.Author == h.Author && g.Name == h.Name && g.Epoch == h.Epoch && g.Last == h.Last && g.Asked == h.Asked && slices.Equal(g.Missing, h.Missing)
}

// firstLine is the lowest number that is here of a log, and when that was said: zero until the store has told.
type firstLine struct {
	seq uint64
	at  time.Time
}

// began tells whether a log began when this node was in the room, as far as the first entry tells that is here: all that
// two people say to each other is for both, and who says something in a public room has it from then on.
func (c *Core) began(r *room, log replica.Log, first uint64) bool {
	if r.Direct() {
		return true
	}
	if known := r.first[log]; known.seq == first {
		return !known.at.IsZero() && !known.at.Before(r.since)
	}
	r.first[log] = firstLine{seq: first}
	c.logs.ask(func(s replica.Store) func(time.Time) {
		raws, err := s.Load(log, first, first, 1)
		return func(now time.Time) {
			if err != nil || len(raws) == 0 {
				return // a number that was given up, or trouble that others tell of
			}
			if v, err := replica.Verify(raws[0]); err == nil && r.first[log].seq == first {
				r.first[log] = firstLine{first, v.Entry().Wall}
				c.gaps.watch(now)
			}
		}
	})
	return false
}
