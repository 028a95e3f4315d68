package peer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"earshot/discovery/lan"
	"earshot/protocol/frame"
	"earshot/protocol/session"
	"earshot/protocol/stream"
)

// Ciphers are what the sessions in use are sealed with, in the order in which their peers became known.
func (c *Core) Ciphers() []session.Cipher {
	var out []session.Cipher
	for _, cn := range c.conns {
		if cn.link != nil {
			out = append(out, cn.link.session.Cipher())
		}
	}
	return out
}

// Leftovers names what a core keeps beyond what a LAN that is well and silent needs: nothing, unless something leaks.
func (c *Core) Leftovers() []string {
	var out []string
	most := func(what string, got, limit int) {
		if got > limit {
			out = append(out, fmt.Sprintf("%s: %d, not %d", what, got, limit))
		}
	}
	most("sessions", len(c.links), len(c.conns)+len(c.conns)/2+1) // an old one is kept for a moment
	most("instances on the roster", c.roster.N(), len(c.conns))
	most("handshakes", c.endpoint.Connecting()+c.endpoint.HalfOpen(), len(c.conns))
	most("lines in the outbox", len(c.outbox.list), 0)
	most("entries waiting for the store", len(c.logs.pending.Write.Entries)+len(c.logs.pending.reads), 0)
	most("sources", len(c.gate.sources), maxSources)
	for _, p := range c.people.list {
		most("connections to "+p.name, len(p.conns), 1)
	}
	for _, cn := range c.conns {
		most("frames queued for "+cn.person.name, len(cn.queue[0])+len(cn.queue[1])+len(cn.queue[2]), 0)
		most("entries on their way to "+cn.person.name, len(cn.serving), 0)
		most("unfinished entries of "+cn.person.name, len(cn.pieces.open), 0)
		most("haves for "+cn.person.name, len(cn.haves.logs), 0)
		most("frames in flight to "+cn.person.name, cn.link.sender.InFlight(), 2)
	}
	for _, r := range c.rooms.list {
		for _, o := range r.order {
			most("lines held back", len(o.held), 0)
			most("ranges shown", len(o.shown), 4)
		}
	}
	return out
}

// WriteAll writes datagrams to a socket as the loop does, and tells the errors of those that did not go out.
func WriteAll(c lan.Conn, ds []lan.Datagram) (failed map[string]error) {
	s, _ := openSocket(c, 0, nil)
	failed = map[string]error{}
	s.write(ds, func(d lan.Datagram, err error) { failed[string(d.Data)] = err })
	return failed
}

// ReadAll gives each batch that comes to a socket to take, a while after the reader goes on with others, until it closes.
func ReadAll(ctx context.Context, c lan.Conn, take func([]lan.Datagram)) {
	s, _ := openSocket(c, 0, nil)
	arriving := make(chan *arrived, batches)
	go func() {
		defer close(arriving)
		s.read(ctx, slog.New(slog.DiscardHandler), arriving, func() {})
	}()
	for a := range arriving {
		take(a.Datagrams)
		a.release()
	}
}

// Mail counts own lines that somebody has not stored yet, and how many peers in all have said that they carry one of them.
func (c *Core) Mail() (owed, carriers int) {
	for _, l := range c.outbox.list {
		carriers += len(l.carried)
	}
	return len(c.outbox.list), carriers
}

// Inject queues a frame for somebody as no honest node would.
func (c *Core) Inject(now time.Time, who string, f frame.Frame) {
	p, err := c.find(who)
	if err != nil || len(p.conns) == 0 {
		return
	}
	p.best().put(f, classControl)
	c.turn(now)
}

// Held is what a core holds of benches and streams: runs served, streams in either direction, frames that wait.
func (c *Core) Held() (served, streams, frames int) {
	for _, cn := range c.conns {
		out, in := cn.streams.Count()
		streams += out + in
		for _, q := range cn.queue {
			frames += len(q)
		}
	}
	return len(c.bench.served), streams, frames
}

// Miscount takes one byte or message of every run that is served for missing.
func (c *Core) Miscount() {
	for _, s := range c.bench.served {
		s.bytes--
		s.messages--
	}
}

// LoseBenches forgets the runs that are served and the streams of everybody, as if the other side had been dropped and met again.
func (c *Core) LoseBenches() {
	c.bench.served = nil
	for _, cn := range c.conns {
		cn.streams, cn.state, cn.theirs = stream.Set{}, c.nextState(), 0
	}
}

// Gaps sends n Pings to somebody, each after a hole in the numbers.
func (c *Core) Gaps(now time.Time, who string, n int) {
	if l := c.linkTo(who); l != nil {
		for range n {
			l.session.Skip()
			c.packet(now, l, l.conn.path.to, []*item{l.conn.once(frame.Ping{})}, "")
		}
	}
}

// Numbers lets n numbers pass unused.
func (c *Core) Numbers(who string, n int) {
	if l := c.linkTo(who); l != nil {
		for range n {
			l.session.Skip()
		}
	}
}

// RideDone lets something ride that has arrived by now.
func (c *Core) RideDone(who string) {
	cn := c.linkTo(who).conn
	it := cn.item(frame.Bench{}, classChat)
	it.done = true
	cn.riding = append(cn.riding, rider{it, 1})
}

// Queue lets a frame wait for the next packet.
func (c *Core) Queue(who string, f frame.Frame) { c.linkTo(who).conn.put(f, classChat) }

// Now sends frames to somebody in a packet, whatever window and pacer say.
func (c *Core) Now(now time.Time, who string, frames ...frame.Frame) {
	l := c.linkTo(who)
	var items []*item
	for _, f := range frames {
		items = append(items, l.conn.once(f))
	}
	c.packet(now, l, l.conn.path.to, items, "")
}

// SkipNumber leaves a number out towards somebody and tells it.
func (c *Core) SkipNumber(who string) uint64 {
	l := c.linkTo(who)
	n := l.session.Skip()
	l.sender.Skipped(n)
	c.Now(c.now, who, frame.Ping{}) // and goes on behind it
	return n
}

// Timeouts is how many probe timeouts there were in the present session with somebody.
func (c *Core) Timeouts(who string) uint64 { return c.linkTo(who).sender.Stats().Timeouts }

// InFlight is how many packets are under way to somebody.
func (c *Core) InFlight(who string) int { return c.linkTo(who).sender.InFlight() }

func (c *Core) linkTo(who string) *link {
	p, err := c.find(who)
	if err != nil || len(p.conns) == 0 {
		return nil
	}
	return p.best().link
}
