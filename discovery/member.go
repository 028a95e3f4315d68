package discovery

import (
	"slices"
	"time"

	"earshot/protocol"
)

// member is a live instance: it has proven itself in a session.
type member struct {
	instance   protocol.Instance
	peer       protocol.PeerID
	presence   presence
	paths      paths
	elsewhere  candidatePaths
	challenges window
	reception  reception
}

// members are the live instances, in the order in which they proved themselves.
type members struct {
	list       []*member
	byInstance map[protocol.Instance]*member
}

func (ms *members) add(i protocol.Instance) *member {
	m := &member{
		instance:   i,
		challenges: window{limit: protocol.ChallengeBurst, per: protocol.ChallengeBurstTime},
	}
	ms.list = append(ms.list, m)
	ms.byInstance[i] = m
	return m
}

func (ms *members) remove(i protocol.Instance) bool {
	m := ms.byInstance[i]
	if m == nil {
		return false
	}
	delete(ms.byInstance, i)
	k := slices.Index(ms.list, m)
	ms.list = slices.Delete(ms.list, k, k+1)
	return true
}

// interval is what silence is measured in: only those who have proven themselves stretch it, so that invented
// announcements cannot keep the dead alive.
func (ms *members) interval() time.Duration { return Interval(len(ms.list) + 1) }

// pings asks one member whether it is there: by the best path at first, then by every one.
func (m *member) pings() []Action {
	actions := []Action{{Ping, m.instance, m.paths[0].Path}}
	if m.presence.pings > 1 {
		for _, p := range m.paths[1:] {
			actions = append(actions, Action{Ping, m.instance, p.Path})
		}
	}
	return actions
}

// due is when one of them has something to do.
func (ms *members) due() time.Time {
	interval := ms.interval()
	var due time.Time
	for _, m := range ms.list {
		due = earlier(due, m.presence.due(interval))
	}
	return due
}
