package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// holdBack is how long a line waits to be shown until the lines before it, by the same author, have come.
// It is stored and acknowledged all the while.
const holdBack = 2 * time.Second

// inOrder shows one log in the order in which it was written.
type inOrder struct {
	shown protocol.RangeSet
	held  []arrival
	due   time.Time
}

// show tells the view of a stored entry, once those before it in its log are shown.
func (c *Core) show(now time.Time, a arrival) {
	if c.rooms.byID[a.room.ID] != a.room {
		return // parted meanwhile
	}
	e := a.v.Entry()
	o := a.room.order[e.Log]
	if o == nil {
		o = &inOrder{shown: c.logs.before[e.Log].Clone()}
		a.room.order[e.Log] = o
	}
	if !a.own && e.Seq > 1 && !o.shown.Contains(e.Seq-1) && !c.history(a) {
		if len(o.held) == 0 {
			o.due = now.Add(holdBack)
			c.logs.held = earliest(c.logs.held, o.due)
		}
		o.held = append(o.held, a)
		return
	}
	c.reveal(now, o, a)
	for len(o.held) > 0 {
		i := slices.IndexFunc(o.held, func(h arrival) bool {
			return o.shown.Contains(h.v.Entry().Seq - 1)
		})
		if i < 0 {
			break
		}
		next := o.held[i]
		o.held = slices.Delete(o.held, i, i+1)
		c.reveal(now, o, next)
		o.due = now.Add(holdBack) // the next hole has its own time
	}
}

// history tells whether an entry was said before this node started. Vectors alone cannot tell:
// the first that somebody sends may come while they speak.
func (c *Core) history(a arrival) bool {
	e := a.v.Entry()
	return !a.own && a.room.old[e.Log].Contains(e.Seq) && e.Wall.Before(c.started)
}

func (c *Core) reveal(now time.Time, o *inOrder, a arrival) {
	e := a.v.Entry()
	o.shown.Add(protocol.Range{First: e.Seq, Last: e.Seq})
	m, ok := c.message(now, a.room, a.v)
	if !ok {
		return
	}
	m.Old = c.history(a)
	if skew := e.Wall.Sub(a.at); !m.Old && !a.own && !a.fetched && skew.Abs() > protocol.SkewMark {
		m.Skew = skew.Round(time.Second)
	}
	c.emit(m)
	if a.reply != nil {
		a.reply(m, nil)
	}
}

// advance gives up waiting for predecessors: what is here is shown.
func (r *room) advance(c *Core, now time.Time) {
	logs := make([]replica.Log, 0, len(r.order))
	for log, o := range r.order {
		if len(o.held) > 0 {
			logs = append(logs, log)
		}
	}
	slices.SortFunc(logs, func(a, b replica.Log) int { return a.Compare(b) })
	for _, log := range logs {
		o := r.order[log]
		if !due(now, o.due) {
			c.logs.held = earliest(c.logs.held, o.due)
			continue
		}
		held := o.held
		o.held = nil
		slices.SortFunc(held, func(a, b arrival) int { return compare(a.v.Entry().Seq, b.v.Entry().Seq) })
		for _, a := range held {
			c.reveal(now, o, a)
		}
	}
}
