package mail

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// Item is an entry that is carried for somebody.
type Item struct {
	Entry    replica.Verified
	Accepted time.Time // when it was taken: it is kept for protocol.MailAge from then
}

// Ref names a carried entry.
type Ref struct {
	replica.Log
	Seq uint64
}

func (it Item) ref() Ref {
	e := it.Entry.Entry()
	return Ref{e.Log, e.Seq}
}

// compare orders items by room, then as the room is read.
func (it Item) compare(o Item) int {
	e, f := it.Entry.Entry(), o.Entry.Entry()
	return cmp.Or(bytes.Compare(e.Room[:], f.Room[:]), e.Place().Compare(f.Place()))
}

// Carrier holds what a node carries for people who are away: sealed entries of conversations that it has no part in
// (SPEC section 8.5). It remembers nothing of what it has dropped.
type Carrier struct {
	self    protocol.PeerID
	network *protocol.Network
	items   []Item // by compare
}

// NewCarrier is a carrier of self that holds nothing.
func NewCarrier(self protocol.PeerID, network *protocol.Network) *Carrier {
	return &Carrier{self: self, network: network}
}

// Errors of Offer and Restore. Each is wrapped with what it is about.
var (
	// ErrCarried is an entry that is carried already: its giver may be told so again.
	ErrCarried = errors.New("mail: carried already")
	// ErrNotMail is an entry that nobody carries: not sealed, not from its author, or of an own conversation.
	ErrNotMail = errors.New("mail: not to be carried")
	// ErrQuota is an entry beyond a quota.
	ErrQuota = errors.New("mail: quota exceeded")
)

// Offer takes an entry that from, who is known by a session, wants carried, or says why not: ErrCarried, ErrNotMail
// or ErrQuota. What it takes is to be stored before from is told.
func (c *Carrier) Offer(now time.Time, v replica.Verified, from protocol.PeerID) error {
	if author := v.Entry().Author; from != author {
		return fmt.Errorf("%w: an entry of %s from %s", ErrNotMail, author.Short(), from.Short())
	}
	return c.take(Item{v, now.Round(0)}) // the wall clock alone: a night of suspension counts too
}

// Restore takes an item from the store, after a start, under the same rules but that nobody offers it: what is refused
// may be deleted there. An item from the future, as after a clock was set back, counts as taken now.
func (c *Carrier) Restore(now time.Time, it Item) error {
	if now = now.Round(0); it.Accepted.After(now) {
		it.Accepted = now
	}
	return c.take(it)
}

func (c *Carrier) take(it Item) error {
	e := it.Entry.Entry()
	switch {
	case e.Kind != replica.KindSealed:
		return fmt.Errorf("%w: kind %s", ErrNotMail, e.Kind)
	case e.Author == c.self || e.Room == c.network.DirectRoom(e.Author, c.self):
		return fmt.Errorf("%w: a conversation of our own", ErrNotMail)
	}
	log, room, author, all := c.quotas(e.Log)
	for i := range c.items {
		held := &c.items[i]
		if held.ref() == it.ref() {
			if held.Entry.Hash() != it.Entry.Hash() {
				return fmt.Errorf("%w: another entry has number %d", ErrNotMail, e.Seq)
			}
			return ErrCarried
		}
		h, size := held.Entry.Entry(), len(held.Entry.Raw())
		all.count(size)
		if h.Author == e.Author {
			author.count(size)
		}
		if h.Room == e.Room {
			room.count(size)
			if h.Author == e.Author {
				log.count(size)
			}
		}
	}
	for _, q := range []*quota{log, room, author, all} {
		if q.count(len(it.Entry.Raw())); q.entries < 0 || q.bytes < 0 {
			return fmt.Errorf("%w: %s", ErrQuota, q.of)
		}
	}
	at, _ := slices.BinarySearchFunc(c.items, it, Item.compare)
	c.items = slices.Insert(c.items, at, it)
	return nil
}

// quota is what is left of one.
type quota struct {
	of             string
	entries, bytes int
}

func (q *quota) count(size int) {
	q.entries--
	q.bytes -= size
}

func (c *Carrier) quotas(log replica.Log) (inLog, inRoom, ofAuthor, inAll *quota) {
	author := log.Author.Short()
	return &quota{"of " + author + " in one room", protocol.MailPerLog, protocol.MailLogBytes},
		&quota{"of one room", protocol.MailPerRoom, protocol.MailRoomBytes},
		&quota{"of " + author, protocol.MailPerAuthor, protocol.MailAuthorBytes},
		&quota{"in all", protocol.MailTotal, protocol.MailTotalBytes}
}

// For is what is carried of one room, in the order in which the room is read.
func (c *Carrier) For(room protocol.RoomID) []Item {
	from, _ := slices.BinarySearchFunc(c.items, room, func(it Item, room protocol.RoomID) int {
		r := it.Entry.Entry().Room
		return cmp.Or(bytes.Compare(r[:], room[:]), 1) // before the first of the room
	})
	to := from
	for to < len(c.items) && c.items[to].Entry.Entry().Room == room {
		to++
	}
	return slices.Clone(c.items[from:to])
}

// To is what is carried for somebody, room by room: of each author the entries whose room is the direct conversation
// of the two.
func (c *Carrier) To(recipient protocol.PeerID) []Item {
	rooms := map[protocol.PeerID]protocol.RoomID{} // of each author
	var out []Item
	for _, it := range c.items {
		e := it.Entry.Entry()
		room, known := rooms[e.Author]
		if !known {
			room = c.network.DirectRoom(e.Author, recipient)
			rooms[e.Author] = room
		}
		if e.Room == room {
			out = append(out, it)
		}
	}
	return out
}

// Done drops what somebody says to have: the recipient, who has it now, or the author, who needs it carried no longer.
// Of anybody else nothing is believed. It returns what was dropped.
func (c *Carrier) Done(by protocol.PeerID, log replica.Log, ranges []protocol.Range) []Ref {
	if by != log.Author && log.Room != c.network.DirectRoom(log.Author, by) {
		return nil
	}
	return c.drop(func(it Item) bool {
		ref := it.ref()
		return ref.Log == log && slices.ContainsFunc(ranges, func(r protocol.Range) bool {
			return r.First <= ref.Seq && ref.Seq <= r.Last
		})
	})
}

// Advance drops what has been carried for long enough and returns it.
func (c *Carrier) Advance(now time.Time) []Ref {
	now = now.Round(0)
	return c.drop(func(it Item) bool { return !now.Before(it.Accepted.Add(protocol.MailAge)) })
}

// drop takes out what gone says, and returns it in order.
func (c *Carrier) drop(gone func(Item) bool) []Ref {
	var out []Ref
	c.items = slices.DeleteFunc(c.items, func(it Item) bool {
		if !gone(it) {
			return false
		}
		out = append(out, it.ref())
		return true
	})
	return out
}

// Deadline is when the next entry has been carried for long enough, zero if there is none.
func (c *Carrier) Deadline() time.Time {
	var next time.Time
	for _, it := range c.items {
		if at := it.Accepted.Add(protocol.MailAge); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// Items is everything that is carried, by room and in the order of each room: what Restore is to be given.
func (c *Carrier) Items() []Item { return slices.Clone(c.items) }
