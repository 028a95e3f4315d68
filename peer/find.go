package peer

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// History reads the n messages of a room that come before a place: fewer only if there are no more. Other entries, like
// topics, do not count.
func (c *Core) History(now time.Time, id protocol.RoomID, before Place, n int, reply func([]Message, error)) {
	r := c.rooms.byID[id]
	if r == nil {
		reply(nil, ErrNotJoined)
		return
	}
	c.readBack(r, before, max(0, n), []Message{}, nil, reply)
	c.turn(now)
}

// readBack puts pages in front of what was found until that is n messages. trouble is what of it could not be read.
func (c *Core) readBack(r *room, before Place, n int, found []Message, trouble error, reply func([]Message, error)) {
	c.logs.ask(func(s replica.Store) func(time.Time) {
		page, err := s.Page(r.ID, replica.Place(before), n)
		return func(time.Time) {
			out := make([]Message, 0, len(page)+len(found))
			for _, e := range page {
				if m, ok := c.message(r, e); ok {
					m.Old = true
					out = append(out, m)
				}
			}
			out = append(out, found...)
			trouble = cmp.Or(trouble, err)
			if more := len(page) == n || errors.Is(err, replica.ErrCorrupt); more && len(page) > 0 && len(out) < n {
				c.readBack(r, Place(page[0].Entry().Place()), n, out, trouble, reply)
				return
			}
			reply(out[max(0, len(out)-n):], trouble)
		}
	})
}

// Search finds stored lines, newest first. What takes long comes in parts, so that the store can do other things between.
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
		hits, more, err := s.Search(q)
		return func(time.Time) {
			found := Found{Messages: []Message{}, Older: uint64(more)}
			for _, h := range hits {
				if m, ok := c.message(c.roomFor(h.Entry()), h.Stored); ok {
					m.Old = true
					found.Messages = append(found.Messages, m)
				}
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
		var err error
		if q.Room, err = c.known(p.In); err != nil {
			return q, err
		}
	}
	return q, nil
}

// known is the room that a person means, if something may be stored of it: also one that was left.
func (c *Core) known(name string) (protocol.RoomID, error) {
	r, err := c.joined(name)
	if err == nil {
		return r.ID, nil
	}
	var id protocol.RoomID
	if room, bad := CleanRoom(name); strings.HasPrefix(name, "#") && bad == nil {
		id = c.cfg.Network.PublicRoom(room)
	} else if p, bad := c.find(name); bad == nil {
		id = c.cfg.Network.DirectRoom(c.id, p.id)
	}
	if _, left := c.rooms.left[id]; left || len(c.logs.index.Logs(id)) > 0 {
		return id, nil
	}
	return id, err
}

// roomFor is the room of a stored entry, also of one that was left.
func (c *Core) roomFor(e replica.Entry) *room {
	if r := c.rooms.byID[e.Room]; r != nil {
		return r
	}
	if r, left := c.rooms.left[e.Room]; left {
		return &room{Room: r}
	}
	return &room{Room: Room{ID: e.Room, Name: "(unknown)"}}
}

// Forget leaves a room and deletes what is stored of it here. The lobby is begun anew: everybody is in it.
func (c *Core) Forget(now time.Time, name string, reply func(error)) {
	r, err := c.joined(name)
	if err != nil {
		reply(err)
		return
	}
	r.Topic = ""
	c.rooms.topics[r.ID] = subject{at: c.rooms.topics[r.ID].at}
	c.leave(now, r)
	c.outbox.forget(r.ID)
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

// How often goes what retention does not keep.
const (
	pruneEvery = time.Hour
	pruneFirst = time.Minute // after the start, which has better to do
)

// prune deletes what retention does not keep of these rooms, a little at a time.
func (c *Core) prune(now time.Time, todo []protocol.RoomID) {
	if len(todo) == 0 {
		return
	}
	keep := c.cfg.Retention.Keep(now)
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
