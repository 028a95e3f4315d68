package peer

import (
	"time"

	"earshot/discovery/lan"
	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/session"
)

// mtu finds out how long the packets may be that a path takes (SPEC section 6.17, RFC 8899): a padded packet that is acknowledged
// proves its length. Nothing is tried before there is bulk to send: lines are short.
type mtu struct {
	size    int       // proven. Bytes of datagram
	least   int       // known to be too long
	probe   int       // being tried, 0: none
	tries   int       // of probe
	due     time.Time // when the probe counts as lost
	settled bool
	again   time.Time // when the search begins anew
	missing int       // signs in a row that long packets do not arrive any more
	missed  time.Time // of the last one
}

// newMTU is what every path takes.
func newMTU() mtu { return mtu{size: protocol.MaxDatagram} }

// searchMTU tries a longer packet if there is bulk that would gain by it.
func (c *Core) searchMTU(now time.Time, cn *conn) {
	m := &cn.mtu
	if m.settled && due(now, m.again) {
		m.settled, m.least = false, 0
	}
	if m.settled || m.probe > 0 || cn.path.strict || !cn.streams.Pending() {
		return
	}
	ceiling := c.air.mtu(cn.path.to)
	switch {
	case m.least == 0: // the whole length first: most LANs take it
		m.probe = ceiling
	case m.size < protocol.MTUEthernet && m.least > protocol.MTUEthernet: // then what all others take
		m.probe = protocol.MTUEthernet
	default:
		m.probe = (m.size + m.least) / 2
	}
	if m.probe < m.size+protocol.MTUStep {
		m.probe, m.settled, m.again = 0, true, now.Add(protocol.MTUAgain)
		return
	}
	m.tries = 0
	c.tryMTU(now, cn)
}

// tryMTU sends a packet of the length in question.
func (c *Core) tryMTU(now time.Time, cn *conn) {
	m, l := &cn.mtu, cn.link
	m.tries++
	m.due = now.Add(max(protocol.MTUPatience, 3*l.sender.ProbeTimeout()))
	length, to := m.probe, cn.path.to
	it := cn.once(frame.Pad{Length: length - session.Overhead - frame.PadOverhead})
	it.onDone = func(now time.Time, _ time.Duration) {
		if cn.path.to == to && length > m.size {
			m.size = length
			cn.link.sender.SetMaxDatagram(length)
			if m.probe == length {
				m.probe, m.due = 0, time.Time{}
			}
		}
	}
	c.enc.Reset()
	c.seal(now, l, to, draft{items: []*item{it}, mtuProbe: true}, "path MTU")
}

// advanceMTU takes a probe without answer for lost, and a length that is lost again and again for too long.
func (c *Core) advanceMTU(now time.Time, cn *conn) {
	m := &cn.mtu
	if due(now, m.due) {
		if m.due = (time.Time{}); m.tries < protocol.MTUTries {
			c.tryMTU(now, cn)
		} else {
			m.least, m.probe = m.probe, 0
		}
	}
	c.searchMTU(now, cn)
}

// long tells whether a datagram of a size needs more than what every path takes.
func long(size int) bool { return size > protocol.MaxDatagram }

// miss notes that long packets were lost, or are not heard of.
func (c *Core) miss(now time.Time, cn *conn, n int) {
	m := &cn.mtu
	if n == 0 || !long(m.size) || n < protocol.MTUTimeout && now.Sub(m.missed) < cn.link.sender.ProbeTimeout() {
		return // they were sent before, or belong to the same loss as others
	}
	m.missed = now
	if m.missing += n; m.missing >= protocol.MTUMissing {
		c.blackHole(now, cn)
	}
}

// blackHole goes back to what every path takes: the path seems to have become narrower without a word.
func (c *Core) blackHole(now time.Time, cn *conn) {
	cn.stirred = true
	if long(cn.mtu.size) {
		cn.mtu = mtu{size: protocol.MaxDatagram, settled: true, again: now.Add(protocol.MTURest)}
		cn.link.sender.SetMaxDatagram(cn.mtu.size)
	}
}

// tooLong takes the system's word that a datagram is longer than the interface takes by now.
func (c *Core) tooLong(now time.Time, d lan.Datagram) {
	for _, cn := range c.conns {
		switch m := &cn.mtu; {
		case cn.path.to.Addr != d.Addr:
		case len(d.Data) == m.probe:
			m.tries, m.due = protocol.MTUTries, now
		case long(len(d.Data)):
			c.blackHole(now, cn)
		}
	}
}
