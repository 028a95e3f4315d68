package peer

import (
	"errors"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// History reads messages of a room that come before a place.
func (c *Core) History(now time.Time, id protocol.RoomID, before Place, n int, reply func([]Message, error)) {
	r := c.rooms.byID[id]
	if r == nil {
		reply(nil, ErrNotJoined)
		return
	}
	c.logs.ask(func(s replica.Store) func(time.Time) {
		page, err := s.Page(id, replica.Place(before), n)
		return func(time.Time) {
			out := make([]Message, 0, len(page))
			for _, e := range page {
				if m, ok := c.message(r, e); ok {
					m.Old = true
					out = append(out, m)
				}
			}
			if len(out) == 0 && len(page) > 0 && err == nil {
				// Nothing of this page can be shown: the one before it may have something.
				c.History(now, id, Place(page[0].Entry().Place()), n, reply)
				return
			}
			reply(out, err)
		}
	})
	c.turn(now)
}

// Search finds stored lines, newest first.
func (c *Core) Search(now time.Time, query string, older uint64, n int, reply func(Found, error)) {
	parsed, err := replica.ParseQuery(query, time.Local)
	if err != nil {
		reply(Found{}, err)
		return
	}
	q, err := c.query(parsed)
	if err != nil {
		reply(Found{}, err)
		return
	}
	q.Older, q.Limit = replica.Cursor(older), n
	c.logs.ask(func(s replica.Store) func(time.Time) {
		hits, err := s.Search(q)
		return func(time.Time) {
			found := Found{Messages: []Message{}}
			for _, h := range hits {
				if m, ok := c.message(c.roomFor(h.Entry()), h.Stored); ok {
					m.Old = true
					found.Messages = append(found.Messages, m)
				}
			}
			if len(hits) == n {
				found.Older = uint64(hits[len(hits)-1].Cursor)
			}
			reply(found, err)
		}
	})
	c.turn(now)
}

// query finds whom and what a parsed query names.
func (c *Core) query(p replica.ParsedQuery) (replica.Query, error) {
	q := p.Query
	if p.From != "" {
		switch who, err := c.find(p.From); {
		case err == nil:
			q.Author = who.id
		case errors.Is(err, ErrAmbiguous):
			return q, err
		default:
			q.Name = p.From // perhaps of somebody long gone
		}
		if p.From == "me" || p.From == c.people.me.Name {
			q.Author, q.Name = c.id, ""
		}
	}
	if p.In != "" {
		r, err := c.joined(p.In)
		if err != nil {
			return q, err
		}
		q.Room = r.ID
	}
	return q, nil
}

// roomFor is the room of a stored entry, also of one that was left.
func (c *Core) roomFor(e replica.Entry) *room {
	if r := c.rooms.byID[e.Room]; r != nil {
		return r
	}
	return &room{Room: Room{ID: e.Room, Name: "(left)"}}
}

// Forget leaves a room and deletes what is stored of it here. The lobby is begun anew: everybody is in it.
func (c *Core) Forget(now time.Time, name string, reply func(error)) {
	r, err := c.joined(name)
	if err != nil {
		reply(err)
		return
	}
	c.leave(now, r)
	if r.public == Lobby {
		c.keep.room(c.enter(Lobby), true)
		c.tellAll(now)
	}
	c.logs.ask(func(s replica.Store) func(time.Time) {
		newest, err := s.Page(r.ID, replica.Place{}, 1) // what comes later, should the room be joined again, stays
		var upTo replica.Place
		if err == nil && len(newest) == 1 {
			upTo = newest[0].Entry().Place()
		}
		return func(time.Time) { c.delete(r.ID, upTo, reply) }
	})
	c.turn(now)
}

// delete deletes what is stored of a room up to a place, a little at a time.
func (c *Core) delete(id protocol.RoomID, upTo replica.Place, reply func(error)) {
	c.logs.ask(func(s replica.Store) func(time.Time) {
		gone, err := s.Delete(id, upTo)
		return func(time.Time) {
			c.refuse(gone)
			if err == nil && len(gone) > 0 {
				c.delete(id, upTo, reply)
				return
			}
			reply(err)
		}
	})
}

func (c *Core) refuse(gone []replica.LogRanges) {
	for _, g := range gone {
		for _, x := range g.Ranges {
			c.logs.index.Refuse(g.Log, x)
		}
	}
}

// Retention: how much of a room is kept, and how often what is older goes.
const (
	keepNewest = 50_000
	keepFor    = 90 * 24 * time.Hour
	pruneEvery = time.Hour
	pruneFirst = time.Minute // after the start, which has better to do
)

// prune deletes what retention leaves of no room, a little at a time.
func (c *Core) prune(now time.Time, todo []protocol.RoomID) {
	if len(todo) == 0 {
		return
	}
	keep := replica.Keep{Newest: keepNewest, Since: now.Add(-keepFor), Until: now.Add(protocol.SkewMark)}
	c.logs.ask(func(s replica.Store) func(time.Time) {
		gone, err := s.Prune(todo[0], keep)
		return func(now time.Time) {
			c.refuse(gone)
			if err != nil || len(gone) == 0 {
				todo = todo[1:]
			}
			c.prune(now, todo)
		}
	})
}
