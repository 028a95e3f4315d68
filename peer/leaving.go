package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// leaving is the way out: the last lines are stored by those who are there, then everybody is told.
type leaving struct {
	by   time.Time // the latest time to go
	next time.Time
	left bool
}

func (l *leaving) deadline() time.Time {
	if l.left {
		return time.Time{}
	}
	return earliest(l.by, l.next)
}

// Leave begins to leave. Left tells when it is done.
func (c *Core) Leave(now time.Time) {
	if c.leaving.by.IsZero() {
		c.leaving.by = now.Add(protocol.LeaveTimeout)
		c.keepOnline()
		c.issueBatch() // which is waited for
		c.advanceLeaving(now)
		c.turn(now)
	}
}

// Left tells that this node has said goodbye; nothing more comes from it.
func (c *Core) Left() bool { return c.leaving.left }

func (c *Core) advanceLeaving(now time.Time) {
	l := &c.leaving
	if l.left || l.by.IsZero() {
		return
	}
	if now.Before(l.by) && (c.outbox.owed() > 0 || c.logs.busy != nil || c.owesAny()) {
		l.next = now.Add(5 * time.Millisecond)
		return
	}
	l.left = true
	for _, cn := range slices.Clone(c.conns) {
		for range protocol.CloseCopies {
			c.packet(now, cn.link, cn.path.to, []*item{cn.once(frame.Close{Code: frame.CloseLeaving, Reason: "leaving"})}, "leaving")
		}
	}
}

// owesAny tells whether somebody still waits for a Have.
func (c *Core) owesAny() bool {
	return slices.ContainsFunc(c.conns, func(cn *conn) bool {
		return !cn.haves.due.IsZero() || len(cn.queue[classControl]) > 0
	})
}

// Ping measures a round trip to somebody. reply does not come if the ping or its acknowledgement is lost.
func (c *Core) Ping(now time.Time, who string, reply func(time.Duration, error)) {
	p, err := c.find(who)
	if err == nil && len(p.conns) == 0 {
		err = wrap(ErrNoAnswer, "%s is not online", p.name)
	}
	if err != nil {
		reply(0, err)
		return
	}
	cn := p.best()
	it := cn.once(frame.Ping{})
	it.onDone = func(_ time.Time, rtt time.Duration) { reply(rtt, nil) }
	c.packet(now, cn.link, cn.path.to, []*item{it}, "asked for")
	c.turn(now)
}
