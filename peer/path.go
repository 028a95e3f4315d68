package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// path is where an instance is reached, and what has to be proven before more of it is believed (SPEC section 6).
type path struct {
	to     protocol.Path
	before protocol.Path // where it was reached, while to is not yet validated
	strict bool          // to is not validated: only AmplificationFactor times what came from there may go there
	credit int           // bytes that may still go there
	heard  time.Time     // of the last packet from to
	probed time.Time     // when the first probe left for to since
	follow time.Time     // when the other side may be followed to yet another address
	asked  []challenge
	due    time.Time // of the next challenge
}

// challenge is a question that only somebody at an address can answer.
type challenge struct {
	to    protocol.Path
	token frame.Token
	tries int
	due   time.Time
}

func (p *path) allows(size int) bool { return !p.strict || p.credit >= size }

// longest is how long a datagram may be on the way to the other side: what is known of the length is of validated paths. Bytes.
func (cn *conn) longest() int {
	if cn.path.strict {
		return protocol.MaxDatagram
	}
	return cn.mtu.size
}

func (p *path) spend(size int) {
	if p.strict {
		p.credit -= size
	}
}

// arrived notes a packet of a size from a path. moving: its number is the greatest so far, and it does not
// belong to a path challenge, so that its sender now speaks from there (RFC 9000 section 9.1).
func (c *Core) arrived(now time.Time, cn *conn, from protocol.Path, size int, moving bool) {
	p := &cn.path
	if from == p.to {
		p.heard, p.probed = now, time.Time{}
		if p.strict {
			p.credit += protocol.AmplificationFactor * size
		}
		return
	}
	if !moving || from.Addr == p.to.Addr && from.Interface == 0 {
		return
	}
	// Two hosts that share two networks must not chase each other from one to the other.
	if !due(now, p.follow) && !p.follow.IsZero() {
		return
	}
	p.follow = now.Add(c.jitter(protocol.PathTimeout, 2*protocol.PathTimeout))
	if slices.Contains(c.roster.Paths(cn.instance), from) {
		c.move(now, cn, from)
		return
	}
	if !p.strict {
		p.before = p.to
	}
	p.to, p.strict, p.credit, p.probed = from, true, protocol.AmplificationFactor*size, time.Time{}
	c.ask(now, cn, from)
	c.status.touch(now)
}

// quiet tells whether the other side seems to be gone from where it was reached.
func (p *path) quiet(now time.Time, rtt time.Duration) bool {
	return now.Sub(p.heard) >= protocol.QuietPath ||
		!p.probed.IsZero() && now.Sub(p.probed) >= max(protocol.PathTimeout, 2*rtt)
}

// seekPath notes that a probe leaves. When none is answered, the other addresses that were proven are asked.
func (c *Core) seekPath(now time.Time, cn *conn) {
	p := &cn.path
	if p.probed.IsZero() {
		p.probed = now
	}
	if p.quiet(now, cn.link.rtt()) {
		for _, to := range c.roster.Paths(cn.instance) {
			c.challenge(now, cn, to)
		}
	}
}

// challenge asks an address from an announcement whether the instance is there. Nothing changes before it answers.
func (c *Core) challenge(now time.Time, cn *conn, to protocol.Path) {
	if cn.path.strict || to == cn.path.to {
		return
	}
	c.ask(now, cn, to)
}

func (c *Core) ask(now time.Time, cn *conn, to protocol.Path) {
	cn.stirred = true
	p := &cn.path
	if slices.ContainsFunc(p.asked, func(x challenge) bool { return x.to == to }) {
		return
	}
	if len(p.asked) == protocol.MaxPaths {
		p.asked = p.asked[1:]
	}
	tries := 1 // who announces from there is challenged again with the next announcement
	if p.strict && to == p.to {
		tries = protocol.PathTries
	}
	p.asked = append(p.asked, challenge{to: to, token: c.random8(), tries: tries, due: now})
	p.due = now
	c.advancePath(now, cn)
}

// advancePath repeats challenges, and goes back to the address before if nobody answers at the new one.
func (c *Core) advancePath(now time.Time, cn *conn) {
	p := &cn.path
	if !due(now, p.due) {
		return
	}
	for i := 0; i < len(p.asked); i++ {
		x := &p.asked[i]
		switch {
		case !due(now, x.due):
		case x.tries > 0:
			x.tries--
			x.due = now.Add(protocol.PathTimeout)
			c.packet(now, cn.link, x.to, []*item{cn.once(frame.PathChallenge{Data: x.token})}, "path challenge")
		default:
			if p.strict && x.to == p.to {
				p.to, p.strict = p.before, false
			}
			p.asked = slices.Delete(p.asked, i, i+1)
			i--
		}
	}
	p.arm()
}

func (p *path) arm() {
	p.due = time.Time{}
	for _, x := range p.asked {
		p.due = earliest(p.due, x.due)
	}
}

// validated takes the answer to a challenge.
func (c *Core) validated(now time.Time, cn *conn, f frame.PathResponse) {
	p := &cn.path
	i := slices.IndexFunc(p.asked, func(x challenge) bool { return x.token == f.Data })
	if i < 0 {
		return
	}
	to := p.asked[i].to
	p.asked = slices.Delete(p.asked, i, i+1)
	p.arm()
	c.roster.Answered(now, cn.instance, to)
	// A second working address is kept as an alternative; only a silent first one is left for it.
	if to != p.to && !p.strict && !p.quiet(now, cn.link.rtt()) && c.air.onLink(p.to) {
		return
	}
	c.move(now, cn, to)
}

// move uses another validated path from now on.
func (c *Core) move(now time.Time, cn *conn, to protocol.Path) {
	cn.stirred = true
	cn.path.to, cn.path.strict, cn.path.heard, cn.path.probed = to, false, now, time.Time{}
	c.roster.Moved(now, cn.instance, to)
	cn.link.sender.Moved()
	cn.mtu = newMTU()
	cn.link.sender.SetMaxDatagram(cn.mtu.size)
	c.emitChanged(cn.person, "")
	c.status.touch(now)
}
