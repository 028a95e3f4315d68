package peer

import (
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/session"
)

// mtu finds out how long the packets may be that a path takes (SPEC section 6.15, RFC 8899): a padded packet that is acknowledged
// proves its length. Nothing is tried before there is bulk to send: lines are short.
type mtu struct {
	size    int       // proven. Bytes of datagram
	least   int       // known to be too long
	probe   int       // being tried, 0: none
	tries   int       // of probe
	due     time.Time // when the probe counts as lost
	settled bool
	again   time.Time // when the search begins anew
}

// Constants of the search.
const (
	// mtuTries is how often a length is tried before it is too long (RFC 8899 section 5.1.2, MAX_PROBES).
	mtuTries = 3
	// mtuStep ends the search: as close as this is close enough. Bytes.
	mtuStep = 16
	// mtuAgain is when a settled search begins anew, for the path may have changed (RFC 8899 section 5.1.1, PMTU_RAISE_TIMER).
	mtuAgain = 10 * time.Minute
	// mtuPatience is the least time that a probe is waited for.
	mtuPatience = 50 * time.Millisecond
)

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
	default:
		m.probe = (m.size + m.least) / 2
	}
	if m.probe < m.size+mtuStep {
		m.probe, m.settled, m.again = 0, true, now.Add(mtuAgain)
		return
	}
	m.tries = 0
	c.tryMTU(now, cn)
}

// tryMTU sends a packet of the length in question.
func (c *Core) tryMTU(now time.Time, cn *conn) {
	m, l := &cn.mtu, cn.link
	m.tries++
	m.due = now.Add(max(mtuPatience, 3*l.sender.ProbeTimeout()))
	length, to := m.probe, cn.path.to
	it := once(frame.Pad{Length: length - session.Overhead - frame.PadOverhead})
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
		if m.due = (time.Time{}); m.tries < mtuTries {
			c.tryMTU(now, cn)
		} else {
			m.least, m.probe = m.probe, 0
		}
	}
	c.searchMTU(now, cn)
}

// blackHole goes back to what every path takes, once nothing arrives any more: the path may have become narrower without a word.
func (m *mtu) blackHole(now time.Time) (changed bool) {
	if m.size == protocol.MaxDatagram {
		return false
	}
	*m = mtu{size: protocol.MaxDatagram, settled: true, again: now.Add(mtuAgain)}
	return true
}
