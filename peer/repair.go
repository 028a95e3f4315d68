package peer

import (
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/replica"
)

// vectorBudget is what one page of a vector may take: it travels whole in one packet. Bytes.
const vectorBudget = protocol.MaxDatagram - 160

// firstVectors is how long after the first vector of somebody about a room what they list still is history.
const firstVectors = 500 * time.Millisecond

// shared tells whether a room is one that both this node and the other side are in.
func (c *Core) shared(cn *conn, id protocol.RoomID) bool {
	if id == c.cfg.Network.DirectRoom(c.id, cn.person.id) {
		return true
	}
	r := c.rooms.publicByID(id)
	return r != nil && cn.in(r.public)
}

// compareLogs sends what is stored of every shared room, so that both sides find what they lack (SPEC section 8.3).
func (c *Core) compareLogs(cn *conn) {
	for _, r := range c.rooms.list {
		c.compareRoom(cn, r.ID)
	}
	c.compareLeft(cn)
}

// compareLeft compares the conversation with the other side even if it was left: something may have been said in it.
func (c *Core) compareLeft(cn *conn) {
	id := c.cfg.Network.DirectRoom(c.id, cn.person.id)
	if c.rooms.byID[id] == nil && len(c.logs.index.Logs(id)) > 0 {
		c.compareRoom(cn, id)
	}
}

// compareRoom is compareLogs for one room, if it is shared.
func (c *Core) compareRoom(cn *conn, id protocol.RoomID) {
	if !cn.self.met || !c.shared(cn, id) {
		return
	}
	for _, v := range c.logs.index.DigestPages(id, vectorBudget) {
		cn.put(v, classControl)
	}
}

// receiveVector answers what the other side has, and learns what to ask for and what has arrived there.
func (c *Core) receiveVector(now time.Time, cn *conn, v frame.Vector) error {
	if !c.shared(cn, v.Room) {
		if c.rooms.publicByID(v.Room) == nil {
			return errNotAllowed
		}
		cn.self.rooms = append(cn.self.rooms, c.rooms.byID[v.Room].public) // its Self is still on the way
		cn.person.rooms = cn.person.union()
	}
	if cn.queue.full() {
		return errBusy
	}
	for _, l := range c.logs.index.Covered(v, c.id) {
		c.delivered(now, cn.person, l.Log, l.Ranges)
	}
	if v.Logs != nil {
		c.learn(now, cn, v)
	}
	for _, reply := range c.logs.index.Answer(v, vectorBudget, cn.turn(c, v.Room)) {
		cn.put(reply, classControl)
	}
	return nil
}

// turn is which pages of a long answer about a room come next.
func (cn *conn) turn(c *Core, id protocol.RoomID) *replica.Turn {
	if cn.turns[id] == nil {
		cn.turns[id] = replica.NewTurn(c.rand)
	}
	return cn.turns[id]
}

// learn notes what the other side has and this one lacks.
func (c *Core) learn(now time.Time, cn *conn, v frame.Vector) {
	r := c.rooms.byID[v.Room]
	first := false
	if r != nil {
		met, known := r.met[cn.person.id]
		if !known {
			r.met[cn.person.id], met = now, now
		}
		first = now.Sub(met) < firstVectors
	}
	for _, l := range c.logs.index.Missing(v) {
		c.gaps.watch(now)
		c.logs.fetcher.Learn(now, cn.instance, l.Log, l.Ranges)
		if first {
			old := r.old[l.Log]
			for _, x := range l.Ranges {
				old.Add(x)
			}
			r.old[l.Log] = old
		}
	}
}

// receiveWant hands to the store what the other side lacks, without what is on its way there already.
func (c *Core) receiveWant(cn *conn, w frame.Want) error {
	if !c.shared(cn, w.Room) {
		return errNotAllowed
	}
	log := replica.Log{Room: w.Room, Author: w.Author, Epoch: w.Epoch}
	if len(w.Ranges) > protocol.MaxRanges || cn.queue.full() {
		return errBusy
	}
	have := c.logs.index.Ranges(log)
	left := uint64(protocol.WantWindow)
	for i := len(w.Ranges) - 1; i >= 0; i-- { // the newest first, should not all be served at once
		for j := len(have) - 1; j >= 0 && left > 0; j-- {
			x := protocol.Range{First: max(w.Ranges[i].First, have[j].First), Last: min(w.Ranges[i].Last, have[j].Last)}
			if x.First > x.Last {
				continue
			}
			x.First = max(x.First, x.Last-min(x.Last, left-1))
			left -= x.Len()
			c.serve(cn, log, x)
		}
	}
	return nil
}

// serve reads entries and queues them for somebody who asked for them.
func (c *Core) serve(cn *conn, log replica.Log, x protocol.Range) {
	c.logs.ask(func(s replica.Store) func(time.Time) {
		raws, err := s.Load(log, x.First, x.Last, int(x.Len()))
		intact := replica.Intact(raws) // others would think us the forger of what is not
		return func(time.Time) {
			if err != nil {
				c.emit(Note{Trouble: true, Text: "history cannot be read: " + err.Error()})
			}
			if c.conn(cn.instance) != cn {
				return // gone meanwhile
			}
			for _, raw := range intact {
				if _, seq, err := replica.Peek(raw); err == nil {
					cn.deliver(place{log, seq}, raw, classBulk)
				}
			}
		}
	})
}

// deliver queues an entry for one instance, unless it is on its way there. It reports whether it queued it.
func (cn *conn) deliver(p place, raw []byte, class int) bool {
	if cn.serving[p] || cn.queue.full() {
		return false // on its way, or asked for again later
	}
	cn.serving[p] = true
	frames := cn.pieces.cut(raw)
	left := len(frames)
	for _, f := range frames {
		cn.put(f, class).onDone = func(time.Time, time.Duration) {
			if left--; left == 0 {
				delete(cn.serving, p)
			}
		}
	}
	return true
}

// advanceLogs asks for what is missing, compares with somebody now and then, and shows what has waited long enough.
func (c *Core) advanceLogs(now time.Time) {
	if due(now, c.logs.fetcher.Deadline()) {
		for _, r := range c.logs.fetcher.Advance(now) {
			if cn := c.conn(r.To); cn != nil {
				cn.put(r.Want, classControl)
			}
		}
	}
	if due(now, c.logs.vectors) {
		spread := float64(protocol.VectorInterval) * protocol.VectorJitter
		c.logs.vectors = now.Add(protocol.VectorInterval + c.jitter(-time.Duration(spread), time.Duration(spread)))
		if len(c.conns) > 0 {
			c.compareLogs(c.conns[c.rand.IntN(len(c.conns))])
		}
	}
	if due(now, c.logs.pruned) {
		c.logs.pruned = now.Add(pruneEvery)
		c.prune(now, c.logs.index.Rooms()) // those that were left too
		c.keepOnline()
	}
	if due(now, c.logs.held) {
		c.logs.held = time.Time{}
		for _, r := range c.rooms.list {
			r.advance(c, now)
		}
	}
}
