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
	read   []replica.LineState // own lines that somebody told they have read
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

// lineRead keeps that a line was read; it is false if that is known.
func (k *keeping) lineRead(l replica.LineState) bool {
	if slices.ContainsFunc(k.read, func(x replica.LineState) bool { return x.Log == l.Log && x.Seq == l.Seq }) {
		return false
	}
	k.read = append(k.read, l)
	return true
}

func (k *keeping) mark(m replica.Mark) {
	k.marks = slices.DeleteFunc(k.marks, func(x replica.Mark) bool { return x.Room == m.Room })
	k.marks = append(k.marks, m)
}

// letter notes what is carried for somebody, or with no Raw that it no longer is: what came before that need not be written.
func (k *keeping) letter(m replica.Mail, from *conn) {
	if len(m.Raw) == 0 {
		k.mail = slices.DeleteFunc(k.mail, func(x *letter) bool { return x.Log == m.Log && x.Seq == m.Seq })
	}
	k.mail = append(k.mail, &letter{m, from})
}

func (k *keeping) setting(s replica.Setting) {
	k.setup = slices.DeleteFunc(k.setup, func(x replica.Setting) bool { return x.Key == s.Key })
	k.setup = append(k.setup, s)
}

// fill puts into a batch what the store is to be told. The batch remembers it, should it fail.
func (k *keeping) fill(b *Batch) {
	if k.paused {
		return
	}
	w := &b.Write
	w.Rooms, w.Marks, w.Settings, w.Forks = k.rooms, k.marks, k.setup, k.forks
	for _, l := range k.mail {
		w.Mail = append(w.Mail, l.Mail)
	}
	for _, p := range k.people {
		w.Contacts = append(w.Contacts, replica.Contact{ID: p.id, Name: p.name, Seen: p.seen, Rooms: p.rooms, Key: p.key})
	}
	for _, l := range k.lines {
		w.Lines = append(w.Lines, l.state())
	}
	w.Lines = append(w.Lines, k.read...)
	b.kept, *k = *k, keeping{}
}

// again takes back what a batch that failed was to write, in front of what is newer and may replace it.
func (k *keeping) again(b *Batch) {
	newer := *k
	*k = b.kept
	k.paused = true
	for _, r := range newer.rooms {
		k.rooms = append(slices.DeleteFunc(k.rooms, func(x replica.RoomState) bool { return x.ID == r.ID }), r)
	}
	for _, p := range newer.people {
		k.person(p)
	}
	for _, l := range newer.lines {
		k.line(l)
	}
	for _, m := range newer.marks {
		k.mark(m)
	}
	for _, l := range newer.mail {
		k.letter(l.Mail, l.from)
	}
	k.forks = append(k.forks, newer.forks...)
	for _, s := range newer.setup {
		k.setting(s)
	}
	for _, l := range newer.read {
		k.lineRead(l)
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
		c.restoreSubject(x.ID, x.Topic, s)
		name, public := "#"+x.Name, x.Name
		if !x.With.IsZero() {
			name, public = "@"+x.Name, ""
		}
		if !x.Joined {
			c.rooms.left[x.ID] = Room{ID: x.ID, Name: name, With: x.With}
			continue
		}
		r := c.addRoom(Room{ID: x.ID, Name: name, With: x.With}, public)
		r.since = x.JoinedAt
		for _, m := range s.Marks {
			if m.Room == x.ID {
				r.Read, r.readTo = Place(m.Place), Place(m.Place)
			}
		}
	}
	if !known {
		c.keep.room(c.enter(Lobby), true)
	}
	c.restoreLines(s.Lines)
	c.restoreForks(s.Forks)
	c.gaps.watch(now)
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
		c.shareRead(r)
		c.turn(now)
	}
	return nil
}
