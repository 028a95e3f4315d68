package peer

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// rooms is what this node takes part in.
type rooms struct {
	byID   map[protocol.RoomID]*room
	list   []*room                  // in the order in which they were joined
	left   map[protocol.RoomID]Room // what is stored of them can be searched, and what one said there may be owed still
	topics map[protocol.RoomID]subject
	clock  *replica.Clock
	epoch  uint64 // of one's own logs: new unless the state is surely the newest, so that a restored old one cannot use a number twice
	reads  readMarks
}

// room is a public room or a direct conversation, and what a view has been shown of it.
type room struct {
	Room
	public string // the name without '#', empty in a direct conversation
	order  map[replica.Log]*inOrder
	old    map[replica.Log]protocol.RangeSet // said before this node was there
	since  time.Time                         // when it was entered, in this run or an earlier one
	before map[replica.Log]protocol.RangeSet // what was stored then
	recent []shownLine
	readTo Place                         // in earlier runs: what is up to there was on a screen
	gaps   []Gap                         // as last told
	first  map[replica.Log]firstLine     // of logs whose beginning is not here
	met    map[protocol.PeerID]time.Time // when the first vectors of somebody came
	read   readState                     // of a direct conversation
}

func (c *Core) addRoom(r Room, public string) *room {
	r.Topic = c.rooms.topics[r.ID].text
	x := &room{
		Room: r, public: public, since: c.now, before: map[replica.Log]protocol.RangeSet{}, order: map[replica.Log]*inOrder{},
		old: map[replica.Log]protocol.RangeSet{}, first: map[replica.Log]firstLine{}, met: map[protocol.PeerID]time.Time{},
	}
	for _, log := range c.logs.index.Logs(r.ID) {
		x.before[log] = c.logs.index.Ranges(log).Clone()
	}
	c.rooms.byID[r.ID] = x
	c.rooms.list = append(c.rooms.list, x)
	c.emit(RoomJoined{Room: r})
	return x
}

// name is the room without what is known of it, for events that name it.
func (r *room) name() Room { return Room{ID: r.ID, Name: r.Name, With: r.With} }

// roomOrLeft is a room that this node is in or was in, nil if it knows nothing of it.
func (c *Core) roomOrLeft(id protocol.RoomID) *room {
	if r := c.rooms.byID[id]; r != nil {
		return r
	}
	r, known := c.rooms.left[id]
	switch {
	case !known:
		return nil
	case r.Direct():
		return &room{Room: r}
	}
	return &room{Room: r, public: r.Name[1:]}
}

// enter joins a public room by its clean name.
func (c *Core) enter(name string) *room {
	id := c.cfg.Network.PublicRoom(name)
	if r := c.rooms.byID[id]; r != nil {
		return r
	}
	return c.addRoom(Room{ID: id, Name: "#" + name}, name)
}

// direct is the conversation with somebody, opened if need be.
func (c *Core) direct(p *person) *room {
	id := c.cfg.Network.DirectRoom(c.id, p.id)
	if r := c.rooms.byID[id]; r != nil {
		return r
	}
	r := c.addRoom(Room{ID: id, Name: "@" + p.name, With: p.id}, "")
	c.keep.room(r, true)
	c.shareRead(r)
	return r
}

// directWith is the conversation with somebody, nil if it is not open.
func (c *Core) directWith(p *person) *room { return c.rooms.byID[c.cfg.Network.DirectRoom(c.id, p.id)] }

func (r *rooms) public() []protocol.RoomID {
	var out []protocol.RoomID
	for _, x := range r.list {
		if x.public != "" {
			out = append(out, x.ID)
		}
	}
	return out
}

func (r *rooms) publicNames() []string {
	out := []string{}
	for _, x := range r.list {
		if x.public != "" {
			out = append(out, x.public)
		}
	}
	return out
}

func (r *rooms) publicByID(id protocol.RoomID) *room {
	if x := r.byID[id]; x != nil && x.public != "" {
		return x
	}
	return nil
}

// Join enters a public room.
func (c *Core) Join(now time.Time, name string) (Room, error) {
	name, err := CleanRoom(name)
	if err != nil {
		return Room{}, err
	}
	if r := c.rooms.publicByID(c.cfg.Network.PublicRoom(name)); r != nil {
		return r.Room, nil
	}
	if len(c.rooms.publicNames()) >= protocol.MaxRooms {
		return Room{}, wrap(ErrBadName, "at most %d public rooms at once; /part one first", protocol.MaxRooms)
	}
	r := c.enter(name)
	c.keep.room(r, true)
	c.tellAll(now)
	for _, cn := range c.conns {
		c.compareRoom(cn, r.ID)
	}
	c.air.announcer.Burst(now)
	c.turn(now)
	return r.Room, nil
}

// Part leaves a room. What is stored of it stays, and what is owed of it.
func (c *Core) Part(now time.Time, name string) error {
	r, err := c.joined(name)
	if err != nil {
		return err
	}
	c.leave(now, r)
	c.turn(now)
	return nil
}

// leave leaves a room.
func (c *Core) leave(now time.Time, r *room) {
	c.keep.room(r, false)
	delete(c.rooms.byID, r.ID)
	c.rooms.left[r.ID] = r.name()
	c.rooms.list = slices.DeleteFunc(c.rooms.list, func(x *room) bool { return x == r })
	c.rooms.left[r.ID] = r.name()
	c.logs.fetcher.Forget(r.ID)
	c.emit(RoomParted{Room: r.Room})
	if r.public != "" {
		c.tellAll(now)
	}
}

// Query opens the direct conversation with somebody.
func (c *Core) Query(now time.Time, who string) (Room, error) {
	p, err := c.find(who)
	if err != nil {
		return Room{}, err
	}
	r := c.direct(p)
	c.turn(now)
	return r.Room, nil
}

// joined is the room that a person means, if it is open.
func (c *Core) joined(name string) (*room, error) {
	if strings.HasPrefix(name, "#") {
		return c.resolve(name)
	}
	p, err := c.find(name)
	if err != nil {
		return nil, err
	}
	if r := c.rooms.byID[c.cfg.Network.DirectRoom(c.id, p.id)]; r != nil {
		return r, nil
	}
	return nil, wrap(ErrNotJoined, "@%s", p.name)
}

// resolve is the room that a person means: a public room they are in, or the conversation with somebody.
func (c *Core) resolve(to string) (*room, error) {
	if strings.HasPrefix(to, "#") {
		name, err := CleanRoom(to)
		if err != nil {
			return nil, err
		}
		if r := c.rooms.publicByID(c.cfg.Network.PublicRoom(name)); r != nil {
			return r, nil
		}
		return nil, wrap(ErrNotJoined, "#%s (/join #%s first)", name, name)
	}
	p, err := c.find(to)
	if err != nil {
		return nil, err
	}
	return c.direct(p), nil
}

// Say signs a line and hands it to the store. reply comes once it is stored, or at once with an error.
func (c *Core) Say(now time.Time, to, text string, action bool, reply func(Message, error)) {
	var r *room
	var err error
	switch {
	case strings.TrimSpace(text) == "":
		err = wrap(ErrBadName, "nothing to say")
	case !utf8.ValidString(text):
		err = wrap(ErrBadName, "the text is not UTF-8")
	case len(text) > protocol.MaxText:
		err = wrap(ErrTooLong, "%d bytes; a line has at most %d", len(text), protocol.MaxText)
	}
	if err == nil {
		r, err = c.resolve(to)
	}
	if err != nil {
		reply(Message{}, err)
		return
	}
	kind := replica.KindText
	if action {
		kind = replica.KindAction
	}
	if err := c.write(now, r, kind, text, reply); err != nil {
		reply(Message{}, err)
	}
}

// write signs an entry for a room and hands it to the store, with whom it is for.
func (c *Core) write(now time.Time, r *room, kind replica.EntryKind, text string, reply func(Message, error)) error {
	body, err := replica.EncodeBody(c.people.me.Name, text)
	if err != nil {
		return err
	}
	e := replica.Entry{
		Log:  replica.Log{Room: r.ID, Author: c.id, Epoch: c.rooms.epoch},
		Wall: now, Kind: kind, Body: body,
	}
	var plain *replica.Body
	last, hash := c.logs.index.Last(e.Log)
	e.Seq, e.Previous, e.Lamport = last+1, hash, c.rooms.clock.Next(r.ID)
	if sealed, ok := c.sealed(now, r, e, text); ok {
		plain = &replica.Body{Log: e.Log, Seq: e.Seq, Kind: kind, Name: c.people.me.Name, Text: text}
		e.Kind, e.Body = replica.KindSealed, sealed
	}
	v := replica.Sign(c.cfg.Identity, e)
	c.rooms.clock.Seen(r.ID, e.Lamport)
	c.logs.index.Accept(v)
	l := &line{place: place{e.Log, e.Seq}, raw: v.Raw(), v: v, room: r, at: now, audience: c.members(now, r), sendings: 1}
	c.keep.line(l)
	c.logs.append(arrival{v: v, room: r, own: true, plain: plain, line: l, at: now, reply: reply})
	c.turn(now)
	return nil
}

// members is who else is known to be in the room, seen lately enough to be counted in the audience of a line.
func (c *Core) members(now time.Time, r *room) []*person {
	if r.Direct() {
		return []*person{c.people.get(r.With, now)}
	}
	var out []*person
	for _, p := range c.people.list {
		if p.id != c.id && p.told && p.in(r.public) && (len(p.conns) > 0 || now.Sub(p.seen) < protocol.AudienceAge) {
			out = append(out, p)
		}
	}
	return out
}
