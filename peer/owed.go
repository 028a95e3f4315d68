package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// owedStep is how many numbers of a log are read at once, to take up the lines that are owed: what is said meanwhile waits
// for no more than these.
const owedStep = 64

// owedRun is lines of one log that are read at once, ascending.
type owedRun []replica.LineState

// restoreLines takes up the own lines that somebody has not stored yet, the newest ones if there are too many.
// Their entries are read from the store, a few at a time.
func (c *Core) restoreLines(states []replica.LineState) {
	states = slices.DeleteFunc(slices.Clone(states), func(x replica.LineState) bool {
		return c.roomOrLeft(x.Room) == nil || x.Author != c.id
	})
	newestFirst := func(x, y replica.LineState) int { return y.At.Compare(x.At) }
	slices.SortStableFunc(states, newestFirst)
	states = states[:min(len(states), protocol.MaxOwed)]
	slices.SortFunc(states, func(x, y replica.LineState) int {
		if n := x.Log.Compare(y.Log); n != 0 {
			return n
		}
		return compare(x.Seq, y.Seq)
	})
	var runs []owedRun
	for _, x := range states {
		last := len(runs) - 1
		if last >= 0 && runs[last][0].Log == x.Log && x.Seq-runs[last][0].Seq < owedStep {
			runs[last] = append(runs[last], x)
		} else {
			runs = append(runs, owedRun{x})
		}
	}
	slices.SortStableFunc(runs, func(x, y owedRun) int { return newestFirst(x[0], y[0]) })
	c.loadOwed(runs)
}

// loadOwed reads the first of some runs, then the others, one batch each.
func (c *Core) loadOwed(runs []owedRun) {
	if len(runs) == 0 {
		return
	}
	run := runs[0]
	c.logs.ask(func(s replica.Store) func(time.Time) {
		raws, _ := s.Load(run[0].Log, run[0].Seq, run[len(run)-1].Seq, owedStep) // what cannot be read cannot be sent
		entries := map[uint64]replica.Verified{}
		for _, raw := range raws {
			if v, err := replica.Verify(raw); err == nil {
				entries[v.Entry().Seq] = v
			}
		}
		return func(now time.Time) {
			for _, x := range run {
				if v, ok := entries[x.Seq]; ok {
					c.restoreLine(now, x, v)
				}
			}
			c.outbox.arm()
			c.loadOwed(runs[1:])
		}
	})
}

// restoreLine takes up an own line, between those that were said before and after it.
func (c *Core) restoreLine(now time.Time, x replica.LineState, v replica.Verified) {
	r := c.roomOrLeft(x.Room)
	if r == nil {
		return // forgotten meanwhile
	}
	l := &line{place: place{x.Log, x.Seq}, room: r, at: x.At, sendings: 1, v: v, raw: v.Raw()}
	for _, id := range x.Audience {
		l.audience = append(l.audience, c.people.get(id, x.At))
	}
	for _, got := range x.Reached {
		p := c.people.get(got.Peer, x.At)
		l.reached = append(l.reached, p)
		l.receipts = append(l.receipts, Receipt{Peer: got.Peer, Name: p.name, At: got.At, Sendings: int(got.Sendings)})
	}
	at, _ := slices.BinarySearchFunc(c.outbox.list, l.at, func(x *line, at time.Time) int {
		if x.at.After(at) {
			return 1
		}
		return -1
	})
	c.outbox.list = slices.Insert(c.outbox.list, at, l)
	if len(l.missing()) > 0 { // they came before it
		l.last, l.next = now, now.Add(time.Second)
	}
	c.handOut(now, l)
}
