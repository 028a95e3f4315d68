package peer

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/mail"
)

// people is everybody met since the start.
type people struct {
	me      Person
	counter uint64 // of one's own Self
	byID    map[protocol.PeerID]*person
	list    []*person // in the order in which they were met
}

// person is one key, however many instances run under it.
type person struct {
	id    protocol.PeerID
	name  string
	away  string
	rooms []string // of all live instances; when they went, if there are none
	key   []byte   // their mail key, as their newest Self states it
	told  bool     // has said a name through a session: only then is anything of them shown
	since time.Time
	seen  time.Time
	last  protocol.Path // where they were reached before they went
	conns []*conn
}

func (p *people) get(id protocol.PeerID, now time.Time) *person {
	if found := p.byID[id]; found != nil {
		return found
	}
	x := &person{id: id, name: id.Short(), since: now, seen: now}
	p.byID[id] = x
	p.list = append(p.list, x)
	return x
}

// keepOnline has the store told when those were seen last who are online: till they come or go nothing else does.
func (c *Core) keepOnline() {
	for _, p := range c.people.list {
		if p.online() {
			c.keep.person(p)
		}
	}
}

// online tells whether any instance of this person has introduced itself and still answers.
func (p *person) online() bool {
	return slices.ContainsFunc(p.conns, func(cn *conn) bool { return cn.self.met })
}

// best is the connection to show and to use: the one that was heard last.
func (p *person) best() *conn {
	var best *conn
	for _, cn := range p.conns {
		if best == nil || cn.heard.After(best.heard) {
			best = cn
		}
	}
	return best
}

func (p *person) in(name string) bool { return slices.Contains(p.rooms, name) }

// union is the rooms that any live instance is in.
func (p *person) union() []string {
	var all []string
	for _, cn := range p.conns {
		for _, r := range cn.self.rooms {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}

// view is the person as an event tells it.
func (c *Core) view(p *person) Person {
	v := Person{
		ID: p.id, Name: p.name, Online: p.online(), Away: p.away,
		Rooms: slices.Clone(p.rooms), Since: p.since, Forked: c.logs.index.Forked(p.id),
	}
	v.Addr, v.Interface = p.last.Addr, c.air.interfaceName(p.last.Interface)
	if cn := p.best(); cn != nil {
		v.Addr, v.Interface = cn.path.to.Addr, c.air.interfaceName(cn.path.to.Interface)
		v.RTT, v.Loss = cn.link.rtt(), cn.link.sender.LossRate(c.now)
	}
	return v
}

func (c *Core) emitChanged(p *person, was string) {
	if p.online() {
		c.emit(Changed{Person: c.view(p), Was: was})
	}
}

// tell queues this node's Self for one instance. Only the newest counts, so it needs no order.
func (c *Core) tell(now time.Time, cn *conn) {
	cn.put(frame.Self{
		Counter: c.people.counter, Name: c.people.me.Name, Away: c.people.me.Away, Rooms: c.rooms.publicNames(),
		Key: c.post.statement,
	}, classControl)
	cn.self.told = c.people.counter
	c.introduce(cn, c.conns)
}

// introduce tells one instance where others are, as many as one frame holds.
func (c *Core) introduce(to *conn, others []*conn) {
	var peers frame.Peers
	for _, other := range others {
		if len(peers.Peers) < protocol.MaxPeersFrame && c.introduces(other, to) {
			peers.Peers = append(peers.Peers, frame.Peer{Instance: other.instance, Addr: other.path.to.Addr})
		}
	}
	if len(peers.Peers) > 0 {
		to.put(peers, classControl)
	}
}

// noticeSilent introduces an instance whose announcements do not come here to the others: nor will they come to them.
func (c *Core) noticeSilent(now time.Time, cn *conn) {
	if cn.silent || !cn.self.met || now.Sub(cn.since) < protocol.IntroduceAfter {
		return
	}
	if _, heard := c.roster.Reception(cn.instance); heard {
		return
	}
	cn.silent = true
	c.introduce(cn, c.conns)
	for _, other := range c.conns {
		if other.self.met {
			c.introduce(other, []*conn{cn})
		}
	}
}

// introduces tells whether to is to know where somebody else is: announcements do not pass between them,
// if one of them was reached by hand, is off link or is not heard announcing itself.
func (c *Core) introduces(other, to *conn) bool {
	beyond := func(cn *conn) bool { return cn.silent || cn.seed.IsValid() || !c.air.onLink(cn.path.to) }
	addr := other.path.to.Addr
	return other != to && other.person.told && !other.path.strict && (beyond(to) || beyond(other)) &&
		addr.Addr() != to.path.to.Addr.Addr() && !addr.Addr().IsLoopback()
}

// tellAll says to everybody that something about this node has changed.
func (c *Core) tellAll(now time.Time) {
	c.people.counter++
	for _, cn := range c.conns {
		c.tell(now, cn)
	}
}

// meetSelf takes what an instance says of itself. It is the whole state; the greatest counter wins.
func (c *Core) meetSelf(now time.Time, cn *conn, f frame.Self) {
	p := cn.person
	first := !cn.self.met
	if !first && f.Counter <= cn.self.heard {
		return
	}
	back := !slices.ContainsFunc(p.conns, func(x *conn) bool { return x.self.met })
	cn.self.met, cn.self.heard = true, f.Counter
	name, err := CleanName(f.Name)
	if err != nil {
		name = "peer-" + p.id.Short()
	}
	was := p.name
	before := cn.self.rooms
	cn.self.rooms = nil
	for _, r := range f.Rooms {
		if n, err := CleanRoom(r); err == nil && n == r {
			cn.self.rooms = append(cn.self.rooms, n)
		}
	}
	rooms := p.union()
	changed := p.name != name || p.away != f.Away || !slices.Equal(p.rooms, rooms)
	p.name, p.away, p.rooms = name, f.Away, rooms
	p.told = true
	cn.self.key = f.Key
	if len(f.Key) > 0 && !bytes.Equal(f.Key, p.key) {
		if _, err := mail.ParseStatement(f.Key, p.id, c.cfg.Network); err == nil {
			p.key, changed = f.Key, true
		}
	}
	if r := c.rooms.byID[c.cfg.Network.DirectRoom(c.id, p.id)]; r != nil {
		r.Name = "@" + name
	}
	switch {
	case back: // nobody of this person was online
		p.since = now
		c.emit(Joined{Person: c.view(p)})
	case changed:
		if was == name {
			was = ""
		}
		c.emitChanged(p, was)
	}
	if first {
		c.bring(cn)
	}
	for _, r := range c.rooms.list {
		if first || r.public != "" && !slices.Contains(before, r.public) {
			c.compareRoom(cn, r.ID)
		}
	}
	if first {
		c.compareLeft(cn)
	}
	for _, other := range c.conns {
		if first && other.self.met {
			c.introduce(other, []*conn{cn})
		}
	}
	if back || changed {
		p.seen = now
		c.keep.person(p)
	}
	if back {
		for _, l := range c.outbox.list {
			c.handOut(now, l)
		}
	}
	c.outbox.returned(now, p)
	c.status.touch(now)
}

// Rename changes one's own name.
func (c *Core) Rename(now time.Time, name string) error {
	name, err := CleanName(name)
	if err != nil || name == c.people.me.Name {
		return err
	}
	was := c.people.me.Name
	c.people.me.Name = name
	c.tellAll(now)
	c.emit(Changed{Person: c.people.me, Was: was})
	c.turn(now)
	return nil
}

// People is everybody met since the start, in the order of their names.
func (c *Core) People() []Person {
	out := []Person{}
	for _, p := range c.people.list {
		if p.told {
			out = append(out, c.view(p))
		}
	}
	slices.SortFunc(out, func(a, b Person) int {
		if n := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); n != 0 {
			return n
		}
		return a.ID.Compare(b.ID)
	})
	return out
}

// find is the one person whom a name, a name with a piece of the key, or a whole key means.
func (c *Core) find(who string) (*person, error) {
	who = strings.TrimPrefix(strings.TrimSpace(who), "@")
	if id, err := protocol.ParsePeerID(who); err == nil {
		if p := c.people.byID[id]; p != nil {
			return p, nil
		}
		return nil, wrap(ErrUnknown, "%s", who)
	}
	name, key, _ := strings.Cut(who, "·")
	var found []*person
	for _, p := range c.people.list {
		if p.told && strings.EqualFold(p.name, name) && strings.HasPrefix(p.id.String(), key) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return nil, wrap(ErrUnknown, "%s", who)
	case 1:
		return found[0], nil
	}
	var names []string
	for _, p := range found {
		names = append(names, p.name+"·"+p.id.Short())
	}
	return nil, wrap(ErrAmbiguous, "%s; say which: %s", who, strings.Join(names, ", "))
}
