package peer

import (
	"fmt"

	"earshot/protocol/session"
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
