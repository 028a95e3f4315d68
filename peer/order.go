package peer

import (
	"maps"
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// holdBack is how long a line waits to be shown until the lines before it, by the same author, have come.
// It is stored and acknowledged all the while.
const holdBack = 2 * time.Second

// lateAfter is how long a line must have been on the screen for one that belongs before it to be marked as late;
// what people say at the same moment is not.
const lateAfter = 5 * time.Second

// inOrder shows one log in the order in which it was written.
type inOrder struct {
	shown protocol.RangeSet
	held  map[uint64]arrival
	due   time.Time
}

// shownLine is a line on the screen and since when.
type shownLine struct {
	place Place
	at    time.Time
}

// show tells the view of a stored entry, once those before it in its log are shown.
func (c *Core) show(now time.Time, a arrival) {
	if a.reply != nil {
		m, _ := c.message(a.room, replica.Stored{Verified: a.v, Plain: a.plain})
		a.reply(m, nil)
	}
	if c.rooms.byID[a.room.ID] != a.room {
		return // parted meanwhile
	}
	e := a.v.Entry()
	o := a.room.order[e.Log]
	if o == nil {
		o = &inOrder{shown: a.room.before[e.Log].Clone(), held: map[uint64]arrival{}}
		a.room.order[e.Log] = o
	}
	waits := !a.own && e.Seq > 1 && !o.shown.Contains(e.Seq-1)
	if waits {
		c.gaps.watch(now)
	}
	if waits && !c.early(a) {
		if len(o.held) == 0 {
			o.due = now.Add(holdBack)
			c.logs.held = earliest(c.logs.held, o.due)
		}
		o.held[e.Seq] = a
		return
	}
	c.reveal(now, o, a)
	for seq := e.Seq + 1; len(o.held) > 0; seq++ {
		next, ok := o.held[seq]
		if !ok {
			o.due = now.Add(holdBack) // the next hole has its own time
			break
		}
		delete(o.held, seq)
		c.reveal(now, o, next)
	}
}

// early tells whether an entry was said in a public room before this node came there in this run. Vectors alone cannot
// tell: the first that somebody sends may come while they speak.
func (c *Core) early(a arrival) bool {
	e := a.v.Entry()
	return !a.own && !a.room.Direct() && a.room.old[e.Log].Contains(e.Seq) &&
		(e.Wall.Before(c.started) || e.Wall.Before(a.room.since))
}

func (c *Core) reveal(now time.Time, o *inOrder, a arrival) {
	e := a.v.Entry()
	o.shown.Add(protocol.Range{First: e.Seq, Last: e.Seq})
	c.topic(a.room, replica.Stored{Verified: a.v, Plain: a.plain})
	m, ok := c.message(a.room, replica.Stored{Verified: a.v, Plain: a.plain})
	if !ok {
		return
	}
	early := c.early(a)
	m.Old = early && e.Wall.Before(a.room.since)
	m.Missed, m.Unstored = early && !m.Old, a.unstored
	if skew := e.Wall.Sub(a.at); !m.Old && !a.own && !a.fetched && skew.Abs() > protocol.SkewMark {
		m.Skew = skew.Round(time.Second)
	}
	m.Late = !m.Old && !m.Own && (m.Place.Compare(a.room.readTo) < 0 || slices.ContainsFunc(a.room.recent, func(l shownLine) bool {
		return l.place.Compare(m.Place) > 0 && now.Sub(l.at) > lateAfter
	}))
	if len(a.room.recent) == 64 {
		a.room.recent = a.room.recent[1:]
	}
	a.room.recent = append(a.room.recent, shownLine{m.Place, now})
	c.emit(m)
}

// advance gives up waiting for predecessors: what is here is shown.
func (r *room) advance(c *Core, now time.Time) {
	for _, log := range slices.SortedFunc(maps.Keys(r.order), replica.Log.Compare) {
		o := r.order[log]
		switch {
		case len(o.held) == 0:
		case !due(now, o.due):
			c.logs.held = earliest(c.logs.held, o.due)
		default:
			held := o.held
			o.held = map[uint64]arrival{}
			for _, seq := range slices.Sorted(maps.Keys(held)) {
				c.reveal(now, o, held[seq])
			}
		}
	}
}
