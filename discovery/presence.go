package discovery

import (
	"time"

	"earshot/protocol"
)

// presence is what lets a live instance count as present (SPEC section 3.3): quiet while it gives signs of life,
// then pinged until it answers or the pings run out.
type presence struct {
	life  time.Time // last authenticated packet
	heard time.Time // last announcement from a proven path: forgeable
	next  time.Time // ping, or the end; zero while quiet
	pings int       // unanswered
	limit int       // of pings
	woken bool      // only an answer will do, no announcement
}

// alive takes an authenticated packet.
func (p *presence) alive(now time.Time) {
	*p = presence{life: now, heard: p.heard, limit: protocol.PingLimit}
}

// hear takes an announcement, which postpones the pings, or ends them, as long as something authenticated
// came within the last protocol.ForgeableIntervals.
func (p *presence) hear(now time.Time, interval time.Duration) {
	p.heard = now
	if !p.woken && p.quietUntil(interval).After(now) {
		p.next, p.pings = time.Time{}, 0
	}
}

func (p *presence) quietUntil(interval time.Duration) time.Time {
	t := later(p.life, p.heard).Add(silence(interval))
	if last := p.life.Add(protocol.ForgeableIntervals * interval); t.After(last) {
		return last
	}
	return t
}

// due is when advance has something to do.
func (p *presence) due(interval time.Duration) time.Time {
	if p.next.IsZero() {
		return p.quietUntil(interval)
	}
	return p.next
}

// advance tells what is due now: another ping, or to give up.
func (p *presence) advance(now time.Time, interval time.Duration) (ping, offline bool) {
	switch {
	case now.Before(p.due(interval)):
		return false, false
	case p.pings >= p.limit:
		return false, true
	}
	p.pings++
	p.next = now.Add(pingInterval(interval))
	return true, false
}

// widen gives the instance time for more pings before it counts as gone.
func (p *presence) widen(pings int) {
	p.limit = min(p.limit+pings, protocol.PingLimitLate)
}

// wake has it pinged at a time, with all the patience there is.
func (p *presence) wake(at time.Time) {
	p.next, p.pings, p.limit, p.woken = at, 0, protocol.PingLimitLate, true
}

func silence(interval time.Duration) time.Duration {
	return time.Duration(protocol.SilenceIntervals * float64(interval))
}

// pingInterval grows with the announce interval, so that a node that hears nobody any more does not flood a large LAN.
func pingInterval(interval time.Duration) time.Duration {
	return time.Duration(float64(protocol.PingInterval) * (float64(interval) / float64(protocol.AnnounceInterval)))
}
