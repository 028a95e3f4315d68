package peer

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// subject is what a room is about, and the place of the entry that says so. It outlives leaving the room.
type subject struct {
	text string
	at   Place
}

// subjectSetting is where the store keeps the place of a room's topic, whose text is with the room.
const subjectSetting = "topic-at "

func (s subject) setting(id protocol.RoomID) replica.Setting {
	at, err := json.Marshal(s.at)
	if err != nil {
		panic(err) // numbers and a key
	}
	return replica.Setting{Key: subjectSetting + id.String(), Value: string(at)}
}

// restoreSubject takes a room's topic from the store. Without its place any entry is newer.
func (c *Core) restoreSubject(id protocol.RoomID, text string, s replica.State) {
	x := subject{text: text}
	if err := json.Unmarshal([]byte(s.Setting(subjectSetting+id.String())), &x.at); err != nil {
		x.at = Place{}
	}
	c.rooms.topics[id] = x
}

// SetTopic says what a room is about: an entry like a line, which the last in the room's order decides. An empty topic
// takes the present one away.
func (c *Core) SetTopic(now time.Time, name, topic string, reply func(error)) {
	r, err := c.joined(name)
	topic = strings.TrimSpace(topic)
	switch {
	case err != nil:
	case len(topic) > protocol.MaxTopic:
		err = wrap(ErrTooLong, "%d bytes; a topic has at most %d", len(topic), protocol.MaxTopic)
	case strings.ContainsFunc(topic, func(c rune) bool { return c < ' ' }):
		err = wrap(ErrBadName, "a topic is one line")
	}
	if err == nil {
		err = c.write(now, r, replica.KindTopic, topic, func(_ Message, err error) { reply(err) })
	}
	if err != nil {
		reply(err)
	}
}

// topic takes a topic entry: the one with the greatest place counts.
func (c *Core) topic(r *room, s replica.Stored) {
	e := s.Entry()
	name, topic, err := replica.DecodeBody(e.Body)
	if e.Kind != replica.KindTopic || err != nil || len(topic) > protocol.MaxTopic || Place(e.Place()).Compare(c.rooms.topics[r.ID].at) <= 0 {
		return
	}
	x := subject{topic, Place(e.Place())}
	c.rooms.topics[r.ID], r.Topic = x, topic
	c.keep.room(r, true)
	c.keep.setting(x.setting(r.ID))
	c.emit(Topic{Room: r.Room, By: name})
}

// PublicRooms is the public rooms that somebody on the LAN is in, by name.
func (c *Core) PublicRooms() []PublicRoom {
	out := []PublicRoom{}
	add := func(name string, joined bool, topic string) {
		i := slices.IndexFunc(out, func(r PublicRoom) bool { return r.Name == "#"+name })
		if i < 0 {
			i = len(out)
			out = append(out, PublicRoom{Name: "#" + name})
		}
		out[i].People++
		if joined {
			out[i].Joined, out[i].Topic = true, topic
		}
	}
	for _, r := range c.rooms.list {
		if r.public != "" {
			add(r.public, true, r.Topic)
		}
	}
	for _, p := range c.people.list {
		if p.online() {
			for _, name := range p.rooms {
				add(name, false, "")
			}
		}
	}
	slices.SortFunc(out, func(a, b PublicRoom) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Detail is how far an own line has come.
func (c *Core) Detail(now time.Time, id protocol.RoomID, at Place, reply func(Detail, error)) {
	log := replica.Log{Room: id, Author: at.Author, Epoch: at.Epoch}
	if l := c.outbox.find(log, at.Seq); l != nil {
		reply(c.detail(l.state()), nil)
		return
	}
	c.logs.ask(func(s replica.Store) func(time.Time) {
		next := replica.Place(at)
		next.Seq++
		page, err := s.Page(id, next, 1)
		return func(time.Time) {
			switch {
			case err != nil:
				reply(Detail{}, err)
			case len(page) == 0 || page[0].Line == nil || page[0].Entry().Place() != replica.Place(at):
				reply(Detail{}, wrap(ErrUnknown, "no own line there"))
			default:
				reply(c.detail(*page[0].Line), nil)
			}
		}
	})
	c.turn(now)
}

func (c *Core) detail(l replica.LineState) Detail {
	d := Detail{Said: l.At, Reached: []Receipt{}, Missing: []Person{}}
	for _, r := range l.Reached {
		d.Reached = append(d.Reached, Receipt{Peer: r.Peer, Name: c.nameOf(r.Peer), At: r.At, Sendings: int(r.Sendings), Read: l.Read})
	}
	for _, id := range l.Audience {
		if p := c.people.byID[id]; p != nil && !slices.ContainsFunc(l.Reached, func(r replica.Receipt) bool { return r.Peer == id }) {
			d.Missing = append(d.Missing, c.view(p))
		}
	}
	return d
}
