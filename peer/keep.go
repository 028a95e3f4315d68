package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// keeping is what has changed since the store was told: rooms, people, own lines and how far rooms have been read.
type keeping struct {
	rooms  []replica.RoomState
	people []*person
	lines  []*line
	marks  []replica.Mark
	mail   []*letter
	setup  []replica.Setting
	forks  []replica.Proof
	paused bool // the store refuses; wait for the next try
}

func (k *keeping) room(r *room, joined bool) {
	k.rooms = slices.DeleteFunc(k.rooms, func(s replica.RoomState) bool { return s.ID == r.ID })
	name := r.public
	if r.Direct() {
		name = r.Name[1:]
	}
	k.rooms = append(k.rooms, replica.RoomState{ID: r.ID, Name: name, With: r.With, Topic: r.Topic, Joined: joined, JoinedAt: r.since})
}

func (k *keeping) person(p *person) {
	if p.told && !slices.Contains(k.people, p) {
		k.people = append(k.people, p)
	}
}

func (k *keeping) line(l *line) {
	if !slices.Contains(k.lines, l) {
		k.lines = append(k.lines, l)
	}
}

func (k *keeping) mark(m replica.Mark) {
	k.marks = slices.DeleteFunc(k.marks, func(x replica.Mark) bool { return x.Room == m.Room })
	k.marks = append(k.marks, m)
}

func (k *keeping) letter(m replica.Mail, from *conn) { k.mail = append(k.mail, &letter{m, from}) }

func (k *keeping) setting(s replica.Setting) { k.setup = append(k.setup, s) }

// fill puts into a batch what the store is to be told.
func (k *keeping) fill(batch *Batch) {
	if k.paused {
		return
	}
	b := &batch.Write
	b.Rooms, b.Marks = append(b.Rooms, k.rooms...), append(b.Marks, k.marks...)
	b.Settings = append(b.Settings, k.setup...)
	b.Forks = append(b.Forks, k.forks...)
	batch.letters = append(batch.letters, k.mail...)
	for _, l := range k.mail {
		b.Mail = append(b.Mail, l.Mail)
	}
	for _, p := range k.people {
		b.Contacts = append(b.Contacts, replica.Contact{ID: p.id, Name: p.name, Seen: p.seen, Rooms: p.rooms, Key: p.key})
	}
	for _, l := range k.lines {
		b.Lines = append(b.Lines, l.state())
	}
	*k = keeping{}
}

// again takes back what a batch that failed was to write, unless there is something newer.
func (k *keeping) again(batch *Batch) {
	b := batch.Write
	k.paused = true
	k.mail = append(batch.letters, k.mail...)
	k.forks = append(b.Forks, k.forks...)
	k.setup = append(b.Settings, k.setup...)
	for _, r := range b.Rooms {
		if !slices.ContainsFunc(k.rooms, func(x replica.RoomState) bool { return x.ID == r.ID }) {
			k.rooms = append(k.rooms, r)
		}
	}
	for _, m := range b.Marks {
		if !slices.ContainsFunc(k.marks, func(x replica.Mark) bool { return x.Room == m.Room }) {
			k.marks = append(k.marks, m)
		}
	}
}

// state is the line as the store keeps it.
func (l *line) state() replica.LineState {
	s := replica.LineState{Log: l.place.log, Seq: l.place.seq, At: l.at}
	for _, p := range l.audience {
		s.Audience = append(s.Audience, p.id)
	}
	for _, r := range l.receipts {
		s.Reached = append(s.Reached, replica.Receipt{Peer: r.Peer, At: r.At, Sendings: uint64(r.Sendings)})
	}
	return s
}

// restore makes this node what it was before it ended.
func (c *Core) restore(now time.Time, s replica.State) {
	for _, x := range s.Contacts {
		p := c.people.get(x.ID, x.Seen)
		p.name, p.rooms, p.key, p.seen, p.since, p.told = x.Name, x.Rooms, x.Key, x.Seen, x.Seen, true
	}
	lobby := c.cfg.Network.PublicRoom(Lobby)
	known := false
	for _, x := range s.Rooms {
		known = known || x.ID == lobby
		if !x.Joined {
			continue
		}
		name, public := "#"+x.Name, x.Name
		if !x.With.IsZero() {
			name, public = "@"+x.Name, ""
		}
		r := c.addRoom(Room{ID: x.ID, Name: name, With: x.With, Topic: x.Topic}, public)
		for _, m := range s.Marks {
			if m.Room == x.ID {
				r.Read = Place(m.Place)
			}
		}
	}
	if !known {
		c.keep.room(c.enter(Lobby), true)
	}
	c.restoreLines(s.Lines)
	c.restoreForks(s.Forks)
	for _, x := range s.Logs {
		c.rooms.clock.Restore(x.Room, x.Lamport, x.Ranges.Len())
	}
}

// Read notes that a room has been read up to a place.
func (c *Core) Read(now time.Time, id protocol.RoomID, upTo Place) error {
	r := c.rooms.byID[id]
	if r == nil {
		return ErrNotJoined
	}
	if upTo.Compare(r.Read) > 0 {
		r.Read = upTo
		c.keep.mark(replica.Mark{Room: id, Place: replica.Place(upTo)})
		c.turn(now)
	}
	return nil
}
