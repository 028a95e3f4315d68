package peer

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
	"earshot/protocol/replica"
	"earshot/protocol/session"
	"earshot/protocol/stream"
)

// conn is what this node shares with one instance of somebody, over whatever sessions follow one another.
type conn struct {
	instance protocol.Instance
	person   *person
	seed     netip.AddrPort // the --peer address that led here
	silent   bool           // its announcements do not come here
	since    time.Time
	heard    time.Time // of the last packet that authenticated
	path     path
	link     *link // the current session
	next     *link // a new one that waits for its first packet
	queue    queue
	enc      *protocol.Encoder // of the core, for items
	riding   []rider
	streams  stream.Set
	state    uint64 // numbers what is shared from here on: whoever was dropped and is met again gets a higher one
	theirs   uint64 // the other side's
	refusal  *item  // the last Stop of a stream that was never accepted
	mtu      mtu
	stirred  bool      // something has happened here in this turn
	due      time.Time // when something is to be done here, as of the last turn in which anything happened
	wire     uint64    // bytes sent, and of them what had been sent before
	resent   uint64
	former   recovery.Stats // of the sessions before
	sent     uint64         // packets
	received uint64
	gone     bool
	pieces   pieces
	self     hello
	serving  map[place]bool // entries queued or in flight
	haves    haves
	reads    reading
	digest   protocol.Digest // of the last announcement
	compare  time.Time       // when vectors are due because it changed
	failures []time.Time
	turns    map[protocol.RoomID]*replica.Turn // of answers that are too long for one time
}

// link is one session with its numbers: sent, received, acknowledged.
type link struct {
	conn       *conn
	session    *session.Session
	sender     *recovery.Sender[cargo]
	receiver   *recovery.Receiver
	greatest   uint64    // number received
	probes     int       // packets that may leave beyond the window
	probed     time.Time // when the first probe left since the other side was last heard
	challenged bool      // a path challenge of the packet at hand was answered
	skip       int       // packets until a number is left out
	retired    time.Time // when an old session's last packets are no longer taken
}

// rtt is the smoothed round trip, 0 while nothing was measured on the present path.
func (l *link) rtt() time.Duration {
	if r := l.sender.RTT(); r.Latest > 0 {
		return r.Smoothed
	}
	return 0
}

// hello is the exchange of Selfs with one instance.
type hello struct {
	met   bool   // its Self has come
	heard uint64 // its counter
	told  uint64 // the counter of the last one told
	rooms []string
	key   []byte // its mail key, as its newest Self states it
}

// in tells whether the instance is in a public room.
func (cn *conn) in(name string) bool { return slices.Contains(cn.self.rooms, name) }

// place names one entry.
type place struct {
	log replica.Log
	seq uint64
}

func (c *Core) conn(i protocol.Instance) *conn {
	for _, cn := range c.conns {
		if cn.instance == i {
			return cn
		}
	}
	return nil
}

// meet takes what the handshakes have come to.
func (c *Core) meet(now time.Time) {
	out := c.endpoint.Output()
	for _, s := range out.Sends {
		c.traceHandshake(now, true, s.Kind, s.Path, len(s.Data), s.Why, nil)
		c.send(s.Path, s.Data)
	}
	for _, s := range out.Established {
		c.establish(now, s)
	}
	for _, f := range out.Failed {
		if f.Session != nil {
			c.unconfirmed(now, f.Session)
		}
		if !errors.Is(f.Err, session.ErrReplaced) {
			c.roster.Failed(now, f.Target)
		}
	}
}

// establish takes a session that both sides have proven themselves in. A working session is replaced
// only by one with the same key, and only when its first packet has come (SPEC section 4.5).
func (c *Core) establish(now time.Time, s *session.Session) {
	l := &link{
		session:  s,
		sender:   recovery.NewSender[cargo](recovery.SenderConfig{RTT: s.RTT(), MaxDatagram: protocol.MaxDatagram}),
		receiver: &recovery.Receiver{},
		skip:     c.nextSkip(),
	}
	cn := c.conn(s.Instance())
	switch {
	case c.leaving.left, cn != nil && cn.person.id != s.Peer(), s.Instance() == c.inst:
		c.endpoint.Release(s.LocalIndex())
		return
	case cn == nil:
		cn = &conn{
			instance: s.Instance(), person: c.people.get(s.Peer(), now), since: now, heard: now,
			path: path{to: s.Path(), heard: now}, mtu: newMTU(), enc: c.items, link: l, serving: map[place]bool{}, haves: newHaves(s.RTT()),
			state: c.nextState(), stirred: true, pieces: pieces{next: c.rand.Uint64N(1 << 40)}, turns: map[protocol.RoomID]*replica.Turn{},
		}
		for _, seed := range c.air.seeds {
			if seed.addr.Addr() == s.Path().Addr.Addr() {
				cn.seed = seed.addr
			}
		}
		c.conns = append(c.conns, cn)
		cn.person.conns = append(cn.person.conns, cn)
		c.tell(now, cn)
		c.shareRead(c.directWith(cn.person))
	default:
		if cn.next != nil {
			c.release(cn.next)
		}
		cn.next = l
	}
	l.conn = cn
	c.links[s.LocalIndex()] = l
	c.roster.Proven(now, s.Instance(), s.Peer(), s.Path())
	if cn.next == l {
		// The first packet on the new session makes it the current one on the other side.
		c.packet(now, l, s.Path(), []*item{cn.once(frame.Ping{})}, "first of a new session")
	}
}

// unconfirmed takes back a session on which nothing ever came.
func (c *Core) unconfirmed(now time.Time, s *session.Session) {
	l := c.links[s.LocalIndex()]
	switch {
	case l == nil:
	case l == l.conn.link && l.conn.next != nil:
		c.promote(now, l.conn)
		c.release(l)
	case l == l.conn.link:
		c.roster.Lost(now, l.conn.instance)
		c.drop(now, l.conn, "no answer")
	default:
		if l == l.conn.next {
			l.conn.next = nil
		}
		c.release(l)
	}
}

// promote makes the new session the current one, after its first packet. What was in flight is owed again.
func (c *Core) promote(now time.Time, cn *conn) {
	old := cn.link
	cn.former = cn.stats()
	cn.link, cn.next, cn.stirred = cn.next, nil, true
	old.retired = now.Add(protocol.RetiredTime)
	cn.link.sender.SetMaxDatagram(cn.mtu.size)
	cn.owe(old.sender.Drain())
	c.tell(now, cn)
	cn.reads.again()
	c.shareRead(c.directWith(cn.person))
}

// stats are those of all sessions that followed one another.
func (cn *conn) stats() recovery.Stats {
	s := cn.link.sender.Stats()
	s.Sent, s.Acked, s.Lost = s.Sent+cn.former.Sent, s.Acked+cn.former.Acked, s.Lost+cn.former.Lost
	s.Spurious, s.Withdrawn, s.Timeouts = s.Spurious+cn.former.Spurious, s.Withdrawn+cn.former.Withdrawn, s.Timeouts+cn.former.Timeouts
	return s
}

func (c *Core) release(l *link) {
	delete(c.links, l.session.LocalIndex())
	c.endpoint.Release(l.session.LocalIndex())
}

// drop ends what is shared with an instance. What is owed to the person stays owed.
func (c *Core) drop(now time.Time, cn *conn, reason string) {
	for _, l := range c.sortedLinks() {
		if l.conn == cn {
			c.release(l)
		}
	}
	c.conns = slices.DeleteFunc(c.conns, func(x *conn) bool { return x == cn })
	cn.gone = true
	p := cn.person
	p.last = cn.path.to
	p.conns = slices.DeleteFunc(p.conns, func(x *conn) bool { return x == cn })
	c.logs.fetcher.Gone(cn.instance)
	c.status.touch(now)
	if before := p.rooms; p.online() {
		if p.rooms = p.union(); !slices.Equal(before, p.rooms) {
			c.keep.person(p)
			c.emitChanged(p, "")
		}
	} else if cn.self.met {
		p.since = now
		c.keep.person(p)
		c.emit(Left{Person: c.view(p), Reason: reason})
		c.handOutTo(now, p)
	}
}

// shut closes a session for cause and drops it.
func (c *Core) shut(now time.Time, cn *conn, code uint64, reason string) {
	c.packet(now, cn.link, cn.path.to, []*item{cn.once(frame.Close{Code: code, Reason: reason})}, reason)
	if code == frame.CloseExpired {
		c.roster.Lost(now, cn.instance)
	} else {
		c.roster.Left(now, cn.instance)
	}
	c.drop(now, cn, reason)
}

// closed takes the other side's word that a session is over.
func (c *Core) closed(now time.Time, l *link, f frame.Close) {
	cn := l.conn
	switch {
	case f.Code != frame.CloseReplaced && f.Code != frame.CloseExpired && f.Code != frame.CloseProtocol && f.Code != frame.CloseAbuse:
		c.roster.Left(now, cn.instance)
		c.drop(now, cn, "left")
	case l == cn.next:
		cn.next = nil
		c.release(l)
	case l != cn.link:
		c.release(l)
	case cn.next != nil:
		c.promote(now, cn)
		c.release(l)
	default:
		c.roster.Lost(now, cn.instance)
		c.drop(now, cn, "closed: "+f.String())
	}
}

func (cn *conn) deadline(now time.Time) time.Time {
	d := earliest(cn.link.sender.Deadline(), cn.link.receiver.Deadline(), cn.haves.due, cn.compare,
		cn.path.due, cn.mtu.due, cn.pieces.deadline())
	if (cn.pending() || len(cn.riding) > 0) && cn.path.allows(cn.longest()) {
		d = earliest(d, cn.link.sender.NextSend(now))
	}
	return d
}

// stir looks after what has happened between this node and one instance: on a LAN of many most are at rest most of the time.
func (c *Core) stir(now time.Time, cn *conn) {
	out, in := cn.streams.Count()
	if !cn.stirred && out+in == 0 {
		return
	}
	if out > 0 {
		c.searchMTU(now, cn)
	}
	c.giveCredit(cn)
	c.flush(now, cn)
	cn.stirred, cn.due = false, cn.deadline(now)
}

// advanceConn does what is due between this node and one instance.
func (c *Core) advanceConn(now time.Time, cn *conn) {
	l := cn.link
	if due(now, l.sender.Deadline()) {
		r := l.sender.Advance(now)
		c.lostPackets(now, cn, r.Lost)
		cn.dropped(r.Dropped)
		if r.Probes > 0 && slices.ContainsFunc(l.sender.Oldest(oldestMost), func(p cargo) bool { return p.long }) {
			c.miss(now, cn, protocol.MTUTimeout)
		}
		l.probes = max(l.probes, r.Probes)
	}
	cn.pieces.advance(now)
	c.advancePath(now, cn)
	c.advanceMTU(now, cn)
	if due(now, cn.haves.due) {
		c.sendHaves(now, cn)
	}
	if due(now, cn.compare) {
		cn.compare = time.Time{}
		if cn.digest != c.logs.index.Heads(c.rooms.public()) { // what was announced may have come meanwhile
			c.compareLogs(cn)
		}
	}
}

// chores looks once a second after what has no finer deadline: sessions that are old, dead or no longer needed.
func (c *Core) chores(now time.Time) {
	if !due(now, c.choresDue) {
		return
	}
	c.choresDue = now.Add(time.Second)
	for _, l := range c.sortedLinks() {
		if due(now, l.retired) {
			c.release(l)
		}
	}
	for _, cn := range slices.Clone(c.conns) {
		cn.stirred = true
		c.noticeSilent(now, cn)
		s := cn.link.session
		switch {
		case s.Expired(now):
			c.shut(now, cn, frame.CloseExpired, "session expired")
		case cn.link.sender.Expired(now):
			c.roster.Lost(now, cn.instance)
			c.drop(now, cn, "no answer")
		case cn.next == nil && s.RekeyDue(now):
			c.endpoint.Connect(now, cn.instance, cn.path.to)
		}
	}
}

func (c *Core) sortedLinks() []*link {
	out := make([]*link, 0, len(c.links))
	for _, l := range c.links {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *link) int { return cmp.Compare(a.session.LocalIndex(), b.session.LocalIndex()) })
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
