package replica

import (
	"slices"

	"earshot/protocol"
)

// Clock is the Lamport clocks of rooms. A room's clock is the greatest value that its entries reach in steps of at most
// protocol.LamportLeap: an entry beyond that is a leap, which moves nothing. SPEC section 7.5.
//
// A newcomer does not know where the room stands, and the first entry it sees may be somebody's leap. Therefore a node
// that knows fewer than protocol.FirstPage entries near its clock goes with the majority of those it has seen.
type Clock struct {
	rooms map[protocol.RoomID]*roomClock
}

// roomClock sorts the values seen into groups: between two groups there is a leap.
type roomClock struct {
	groups []group // ascending
	own    uint64  // the last value given out
}

type group struct {
	low, high, entries uint64
	followed           bool // by the clock: true for one group
}

// maxGroups bounds the memory that leaping entries take.
const maxGroups = 8

// NewClock returns clocks that know nothing yet.
func NewClock() *Clock { return &Clock{map[protocol.RoomID]*roomClock{}} }

// Now is the room's clock, 0 if nothing is known.
func (c *Clock) Now(room protocol.RoomID) uint64 {
	if r := c.rooms[room]; r != nil {
		return r.now()
	}
	return 0
}

// Next is the value for the next own entry in a room. Values given out only grow.
func (c *Clock) Next(room protocol.RoomID) uint64 {
	r := c.room(room)
	r.own = min(r.now()+1, protocol.MaxSafeInteger)
	return r.own
}

// Seen takes note of the value of an entry, own or not. It returns true for a leap, which is to be marked.
func (c *Clock) Seen(room protocol.RoomID, lamport uint64) (leap bool) {
	return c.Restore(room, lamport, 1)
}

// Restore is Seen for a log from the store: so many entries, of which lamport is the greatest value.
func (c *Clock) Restore(room protocol.RoomID, lamport, entries uint64) (leap bool) {
	r := c.room(room)
	r.add(group{low: lamport, high: lamport, entries: entries})
	r.follow()
	return lamport > r.now()
}

func (c *Clock) room(id protocol.RoomID) *roomClock {
	r := c.rooms[id]
	if r == nil {
		r = &roomClock{}
		c.rooms[id] = r
	}
	return r
}

func (r *roomClock) now() uint64 {
	for _, g := range r.groups {
		if g.followed {
			return max(r.own, g.high)
		}
	}
	return r.own
}

// add joins g with the groups within its reach.
func (r *roomClock) add(g group) {
	groups := r.groups[:0]
	for _, h := range r.groups {
		if h.beyond(g) || g.beyond(h) {
			groups = append(groups, h)
			continue
		}
		g = group{min(g.low, h.low), max(g.high, h.high), g.entries + h.entries, g.followed || h.followed}
	}
	at := slices.IndexFunc(groups, func(h group) bool { return h.low > g.low })
	if at < 0 {
		at = len(groups)
	}
	r.groups = slices.Insert(groups, at, g)
}

// beyond tells whether g lies a leap above h.
func (g group) beyond(h group) bool { return g.low > h.high && g.low-h.high > protocol.LamportLeap }

// follow chooses the group that the clock goes with, and forgets the smallest of too many.
func (r *roomClock) follow() {
	now := slices.IndexFunc(r.groups, func(g group) bool { return g.followed })
	if now < 0 || r.groups[now].entries < protocol.FirstPage {
		best := max(now, 0)
		for i, g := range r.groups {
			if g.entries > r.groups[best].entries {
				best = i
			}
		}
		for i := range r.groups {
			r.groups[i].followed = i == best
		}
	}
	if len(r.groups) <= maxGroups {
		return
	}
	least := -1
	for i, g := range r.groups {
		if !g.followed && (least < 0 || g.entries <= r.groups[least].entries) {
			least = i
		}
	}
	r.groups = slices.Delete(r.groups, least, least+1)
}
