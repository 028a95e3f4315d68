package recovery

import (
	"time"

	"earshot/protocol"
)

// prober decides when silence after a packet has lasted too long (SPEC section 6.6, RFC 9002 section 6.2).
type prober struct {
	count   int       // timeouts since the last acknowledgement
	start   time.Time // of the waiting: the last eliciting packet, or the last timeout
	owed    int       // probes asked for and not yet sent
	granted int       // bytes that may go beyond the window since the last timeout
}

// sent rearms the timer and tells whether the packet is one of the probes.
func (p *prober) sent(now time.Time, size int) (probe bool) {
	p.start = now
	p.granted = max(p.granted-size, 0)
	if p.owed > 0 {
		p.owed--
		return true
	}
	return false
}

// reset follows an acknowledgement, or a sign of life after silence.
func (p *prober) reset() { p.count, p.owed, p.granted = 0, 0, 0 }

// fire is one timeout: the timer is rearmed whether or not the probes leave.
func (p *prober) fire(now time.Time, probes, grant int) {
	p.count++
	p.start, p.owed, p.granted = now, probes, grant
}

// wait is how long the timer runs. fresh is how many packets are in flight without the probes, which would otherwise
// make a thin stream look thick: the thin-stream rule is for lines that somebody waits for, and those are few.
func (p *prober) wait(base time.Duration, fresh int) time.Duration {
	doublings := p.count
	if fresh < protocol.ThinPackets {
		doublings = max(0, p.count-protocol.LinearTimeouts)
	}
	for ; doublings > 0 && base < protocol.MaxProbeTimeout; doublings-- {
		base *= 2
	}
	return min(base, protocol.MaxProbeTimeout)
}
