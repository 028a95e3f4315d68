package peer

import (
	"slices"
	"strings"
	"time"

	"earshot/protocol"
)

// statusLine gathers changes of the status, so that it is told at most four times a second.
type statusLine struct {
	last  Status
	due   time.Time
	drops map[string]uint64
}

const statusPause = 250 * time.Millisecond

func (s *statusLine) touch(now time.Time) {
	if s.due.IsZero() {
		s.due = now.Add(statusPause)
	}
}

// maxReasons bounds how many reasons of drops are told apart: texts of errors may hold numbers of an attacker's choice.
const maxReasons = 64

// drop counts a dropped datagram by the fixed beginning of its reason.
func (s *statusLine) drop(reason string) {
	parts := strings.SplitN(reason, ": ", 3)
	if len(parts) > 2 {
		reason = parts[0] + ": " + parts[1]
	}
	if _, known := s.drops[reason]; !known && len(s.drops) >= maxReasons {
		reason = "other"
	}
	s.drops[reason]++
}

func (c *Core) advanceStatus(now time.Time) {
	if !due(now, c.status.due) {
		return
	}
	c.status.due = time.Time{}
	s := c.currentStatus()
	if !s.equal(c.status.last) {
		c.status.last = s
		c.emit(s)
	}
	if s.Loss > 0 { // which time changes too
		c.status.due = now.Add(protocol.LossHalfLife)
	}
}

func (c *Core) currentStatus() Status {
	s := Status{Interfaces: interfaceNames(c.air.interfaces), Port: c.air.port, Owed: c.outbox.owed(), ReadMarks: c.rooms.reads.on}
	var rtts []time.Duration
	for _, p := range c.people.list {
		if !p.online() {
			continue
		}
		s.Online++
		cn := p.best()
		if d := cn.link.rtt(); d > 0 {
			rtts = append(rtts, d)
		}
		s.Loss = max(s.Loss, cn.link.sender.LossRate(c.now))
	}
	if len(rtts) > 0 {
		slices.Sort(rtts)
		s.RTT = rtts[len(rtts)/2].Round(100 * time.Microsecond)
	}
	s.Loss = float64(int(s.Loss*100+0.5)) / 100
	return s
}

func (s Status) equal(t Status) bool {
	return slices.Equal(s.Interfaces, t.Interfaces) && s.Port == t.Port && s.Online == t.Online &&
		s.Owed == t.Owed && s.RTT == t.RTT && s.Loss == t.Loss && s.ReadMarks == t.ReadMarks
}
