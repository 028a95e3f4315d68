package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/replica"
	"earshot/protocol/trace"
)

// outbox is one's own lines until everybody they are for has stored them.
type outbox struct {
	list []*line
	next time.Time
}

// line is one own entry and who has it. Its audience is fixed when it is said.
type line struct {
	place    place
	raw      []byte
	v        replica.Verified
	room     *room
	at       time.Time
	audience []*person
	reached  []*person
	receipts []Receipt // theirs, in the same order
	carriers []*person // who were asked to carry it for somebody who is away
	carried  []*person // who said that they do
	casts    int
	sendings int
	sent     time.Time // when it was sent first
	sentTo   []*person // and to whom only then
	last     time.Time // when it was sent last
	waits    int       // how often that was in vain
	next     time.Time
}

// push sends lines that have just been stored: by one broadcast where that is cheaper, else through the sessions.
func (c *Core) push(now time.Time, own []arrival) {
	var cast []*line
	for _, a := range own {
		l := a.line
		online := l.missing()
		l.sent, l.last, l.sentTo = now, now, online
		switch {
		case len(l.audience) == 0:
		case len(online) > protocol.CastAbove && a.room.public != "" && len(l.raw) <= castRoom:
			cast = append(cast, l)
			for _, p := range online {
				for _, cn := range p.conns {
					if cn.in(l.room.public) && !c.air.onLink(cn.path.to) {
						cn.deliver(l.place, l.raw, classChat)
					}
				}
			}
		default:
			c.pushTo(l, online)
		}
		if len(l.audience) > 0 {
			c.await(l, online)
			c.outbox.list = append(c.outbox.list, l)
		}
		c.handOut(now, l)
		c.show(now, a)
	}
	if n := len(c.outbox.list) - protocol.MaxOwed; n > 0 {
		c.outbox.list = slices.Delete(c.outbox.list, 0, n)
	}
	c.cast(now, cast, "new")
	c.outbox.arm()
	c.status.touch(now)
}

// pushTo queues a line for every instance of those people that is in its room; it reports whether any got it.
func (c *Core) pushTo(l *line, to []*person) bool {
	sent := false
	for _, p := range to {
		for _, cn := range p.conns {
			if l.room.public == "" || cn.in(l.room.public) {
				switch {
				case cn.deliver(l.place, l.raw, classChat):
					sent = true
				case cn.serving[l.place] && cn.hurry(cn.haves.answers.timeout()):
					sent = true
				}
			}
		}
	}
	return sent
}

// hurry has a session probe now for what it has in flight, if its own probe timeout is longer than answers are known to take:
// who casts to somebody hardly ever learns the round trip.
func (cn *conn) hurry(timeout time.Duration) bool {
	if cn.link.sender.InFlight() == 0 || cn.link.sender.ProbeTimeout() <= timeout {
		return false
	}
	cn.link.probes, cn.stirred = max(cn.link.probes, 1), true
	return true
}

// castRoom is how long an entry may be to fit a cast of its own. Bytes.
const castRoom = protocol.MaxDatagram - protocol.CastOverhead - protocol.CastEntryOverhead

// cast sends lines to everybody at once, as few datagrams as they fit in, on every interface.
func (c *Core) cast(now time.Time, lines []*line, why string) {
	for len(lines) > 0 {
		var d protocol.Cast
		var frames []frame.Frame
		size := protocol.CastOverhead
		for len(lines) > 0 && size+len(lines[0].raw)+protocol.CastEntryOverhead <= protocol.MaxDatagram {
			l := lines[0]
			lines = lines[1:]
			size += len(l.raw) + protocol.CastEntryOverhead
			l.casts++
			d.Entries = append(d.Entries, l.raw)
			frames = append(frames, frame.Entry{Raw: l.raw})
		}
		c.enc.Reset()
		d.Append(c.enc)
		data := slices.Clone(c.enc.Bytes())
		for _, p := range c.air.broadcasts(c.cfg.AnnouncePort) {
			c.trace(trace.Record{Time: now, Out: true, Kind: protocol.KindCast, Path: p, Size: len(data), Frames: frames, Why: why})
			c.send(p, data)
		}
	}
}

// missing is who of the audience is online, still in the room, and has not stored the line.
func (l *line) missing() []*person {
	var out []*person
	for _, p := range l.audience {
		if p.online() && (l.room.public == "" || p.in(l.room.public)) && !slices.Contains(l.reached, p) {
			out = append(out, p)
		}
	}
	return out
}

// haveTimeout is when the Have of somebody for this line should have come, from when it was sent last.
func (c *Core) haveTimeout(l *line, p *person) time.Duration {
	d := protocol.HaveTimeoutMax
	if cn := p.best(); cn != nil {
		d = max(cn.haves.answers.timeout(), 2*c.haveSpread())
	}
	for n := 2; n < l.waits && d < protocol.ResendMax; n++ {
		d *= 2
	}
	return min(d, protocol.ResendMax)
}

// await sets the timer of a line for those who miss it.
func (c *Core) await(l *line, missing []*person) {
	l.next = time.Time{}
	if len(missing) > 0 {
		var timeouts []time.Duration
		for _, p := range missing {
			timeouts = append(timeouts, c.haveTimeout(l, p))
		}
		l.next = l.last.Add(typical(timeouts))
	}
}

// advanceOutbox sends again what should have been stored by now.
func (c *Core) advanceOutbox(now time.Time) {
	if !due(now, c.outbox.next) {
		return
	}
	var again []*line
	for _, l := range c.outbox.list {
		if !due(now, l.next) {
			continue
		}
		missing := l.missing()
		var late []*person // and those whose time comes soon: to have them all at once may spare datagrams
		for _, p := range missing {
			if 2*c.haveTimeout(l, p) <= 3*now.Sub(l.last) {
				late = append(late, p)
			}
		}
		if len(late) > 0 {
			if l.casts == 1 && len(late) > 3 && len(late)*10 > len(l.audience) {
				again = append(again, l)
				l.sendings++
				l.sentTo = nil
			} else if c.pushTo(l, late) {
				l.sendings++
				l.sentTo = slices.DeleteFunc(l.sentTo, func(p *person) bool { return slices.Contains(late, p) })
			}
			l.last, l.waits = now, l.waits+1
		}
		c.await(l, missing)
	}
	c.cast(now, again, "owed again")
	c.outbox.arm()
}

func (o *outbox) arm() {
	o.next = time.Time{}
	for _, l := range o.list {
		o.next = earliest(o.next, l.next)
	}
}

// delivered notes that somebody has stored own entries.
func (c *Core) delivered(now time.Time, p *person, log replica.Log, ranges protocol.RangeSet) {
	done := false
	for _, l := range c.outbox.list {
		if !ranges.Contains(l.place.seq) || l.place.log != log || slices.Contains(l.reached, p) || !slices.Contains(l.audience, p) {
			continue
		}
		if slices.Contains(l.sentTo, p) {
			if cn := p.best(); cn != nil {
				cn.haves.answers.sample(now.Sub(l.sent))
			}
		}
		l.reached = append(l.reached, p)
		l.receipts = append(l.receipts, Receipt{Peer: p.id, Name: p.name, At: now, Sendings: l.sendings})
		c.keep.line(l)
		c.relieve(now, l)
		done = done || len(l.reached) == len(l.audience)
		c.emit(Delivered{
			ID: l.v.ID(), Room: l.room.name(), Peer: p.id, Name: p.name, After: now.Sub(l.at),
			Sendings: l.sendings, Audience: len(l.audience), Reached: len(l.reached),
		})
	}
	if done {
		c.outbox.list = slices.DeleteFunc(c.outbox.list, func(l *line) bool { return len(l.reached) == len(l.audience) })
		c.outbox.arm()
	}
	c.status.touch(now)
}

// returned has the lines that somebody back online still lacks sent to them, should the vectors not do it first.
func (o *outbox) returned(now time.Time, p *person) {
	for _, l := range o.list {
		if l.next.IsZero() && slices.Contains(l.audience, p) && !slices.Contains(l.reached, p) {
			l.waits, l.next = 0, now.Add(time.Second)
		}
	}
	o.arm()
}

// forget drops the lines of a room of which nothing is stored any more.
func (o *outbox) forget(id protocol.RoomID) {
	o.list = slices.DeleteFunc(o.list, func(l *line) bool { return l.room.ID == id })
	o.arm()
}

func (o *outbox) find(log replica.Log, seq uint64) *line {
	for _, l := range slices.Backward(o.list) { // who asks means the newest ones
		if l.place.seq == seq && l.place.log == log {
			return l
		}
	}
	return nil
}

// owed counts the lines that somebody online has not stored.
func (o *outbox) owed() int {
	n := 0
	for _, l := range o.list {
		if len(l.missing()) > 0 {
			n++
		}
	}
	return n
}
