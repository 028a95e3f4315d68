package peer

import (
	"errors"
	"math/rand/v2"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/replica"
)

// logs is what is known of everybody's entries, and what waits for the store.
type logs struct {
	index   *replica.Index
	fetcher *replica.Fetcher
	pending Batch  // gathers while the store works
	busy    *Batch // at the store
	vectors time.Time
	held    time.Time // when entries that wait for their predecessors are shown all the same
}

// Batch is what the store does in one go: append, then read. The store fills in the results and the error.
type Batch struct {
	Append []replica.Verified
	Loads  []Load
	Pages  []Page
	Err    error // of Append

	arrivals []arrival
}

// Load reads entries that a peer wants.
type Load struct {
	Log    replica.Log
	Range  protocol.Range
	Result []replica.Verified
	Err    error

	to *conn
}

// Page reads messages that a view wants.
type Page struct {
	Room   protocol.RoomID
	Before replica.Place
	N      int
	Result []replica.Stored
	Err    error

	room  *room
	reply func([]Message, error)
}

// arrival is an entry on its way to the store.
type arrival struct {
	v       replica.Verified
	room    *room
	own     bool // said here, now
	fetched bool // from somebody else than its author
	at      time.Time
	reply   func(Message, error)
}

// loadMost is how many entries are read for one range of a Want.
const loadMost = protocol.WantWindow

func newLogs(r *rand.Rand, now time.Time, states []replica.LogState) logs {
	l := logs{
		index: replica.NewIndex(states), fetcher: replica.NewFetcher(r), vectors: now.Add(protocol.VectorInterval),
	}
	return l
}

func (l *logs) deadline() time.Time { return earliest(l.fetcher.Deadline(), l.vectors, l.held) }

func (l *logs) append(a arrival) {
	l.pending.Append = append(l.pending.Append, a.v)
	l.pending.arrivals = append(l.pending.arrivals, a)
}

// issueBatch hands everything pending to the store, one batch at a time (house rule 3).
func (c *Core) issueBatch() {
	p := &c.logs.pending
	if c.logs.busy != nil || len(p.Append)+len(p.Loads)+len(p.Pages) == 0 {
		return
	}
	b := c.logs.pending
	c.logs.pending = Batch{}
	c.logs.busy = &b
	c.out.Batch = &b
}

// Run does a batch at the store. It is called outside the core, wherever the store may take its time.
func (b *Batch) Run(s replica.Store) {
	if len(b.Append) > 0 {
		b.Err = s.Commit(replica.Batch{Entries: b.Append})
	}
	for i := range b.Loads {
		l := &b.Loads[i]
		raws, err := s.Load(l.Log, l.Range.First, l.Range.Last, loadMost)
		for _, raw := range raws {
			if v, verr := replica.Verify(raw); verr == nil { // disks err too, and others would think us the forger
				l.Result = append(l.Result, v)
			}
		}
		l.Err = err
	}
	for i := range b.Pages {
		p := &b.Pages[i]
		p.Result, p.Err = s.Page(p.Room, p.Before, p.N)
	}
}

// Stored takes a batch that the store is through with: now its entries count, are acknowledged and shown.
func (c *Core) Stored(now time.Time, b *Batch) {
	c.logs.busy = nil
	if b.Err != nil && len(b.arrivals) > 0 {
		c.emit(Note{Trouble: true, Text: "not stored: " + b.Err.Error()})
	}
	var own []arrival
	for _, a := range b.arrivals {
		if b.Err != nil {
			if a.reply != nil {
				a.reply(Message{}, wrap(b.Err, "not stored"))
			}
			continue
		}
		c.logs.index.Stored(a.v)
		if a.own {
			own = append(own, a)
			continue
		}
		c.owesHave(now, a.v)
		if len(a.room.gaps) > 0 {
			c.gaps.watch(now)
		}
		c.show(now, a)
	}
	c.push(now, own)
	for _, l := range b.Loads {
		c.serve(l)
	}
	for _, p := range b.Pages {
		out := make([]Message, 0, len(p.Result))
		for _, v := range p.Result {
			if m, ok := c.message(now, p.room, v.Verified); ok {
				m.Old = true
				out = append(out, m)
			}
		}
		p.reply(out, p.Err)
	}
	c.turn(now)
}

// History reads messages of a room that come before a place.
func (c *Core) History(now time.Time, id protocol.RoomID, before Place, n int, reply func([]Message, error)) {
	r := c.rooms.byID[id]
	if r == nil {
		reply(nil, ErrNotJoined)
		return
	}
	c.logs.pending.Pages = append(c.logs.pending.Pages, Page{
		Room: id, Before: replica.Place(before), N: n, room: r, reply: reply,
	})
	c.turn(now)
}

// mergeFrom takes an entry that came through a session. Ten bad ones within a minute end the session.
func (c *Core) mergeFrom(now time.Time, cn *conn, raw []byte) error {
	err := c.merge(now, raw, cn)
	if err == nil || errors.Is(err, errNotMember) {
		return err // who has not heard yet that this node has left the room does nothing wrong
	}
	cn.failures = append(cn.failures, now)
	for len(cn.failures) > 0 && now.Sub(cn.failures[0]) > protocol.BadSignatureTime {
		cn.failures = cn.failures[1:]
	}
	if len(cn.failures) >= protocol.BadSignatures {
		c.shut(now, cn, frame.CloseAbuse, "too many bad entries")
	}
	return err
}

// merge checks an entry, and takes it if it is new and belongs here. from is nil for a cast.
func (c *Core) merge(now time.Time, raw []byte, from *conn) error {
	log, seq, err := replica.Peek(raw)
	if err != nil {
		return err
	}
	if !c.belongs(log) {
		return errNotMember
	}
	fetched := from != nil && from.person.id != log.Author
	if seen, err := c.logs.index.Seen(raw); err != nil {
		return err
	} else if seen {
		if !fetched && log.Author != c.id && c.logs.index.Ranges(log).Contains(seq) {
			c.owe(now, log, seq) // its author does not know yet that it is stored
		}
		c.logs.fetcher.Got(log, seq)
		return nil
	}
	v, err := replica.Verify(raw)
	if err != nil {
		return err
	}
	switch c.logs.index.Accept(v) {
	case replica.New:
		r := c.rooms.byID[log.Room]
		if r == nil {
			r = c.direct(c.people.get(log.Author, now)) // a first direct message opens its conversation
		}
		c.logs.fetcher.Got(log, seq)
		c.rooms.clock.Seen(r.ID, v.Entry().Lamport)
		c.logs.append(arrival{v: v, room: r, fetched: fetched, at: now})
	}
	for _, x := range c.logs.index.Conflicts() {
		c.emit(Note{Trouble: true, Text: c.nameOf(x.Log.Author) + " has signed two different lines for one place: their key is in use twice, or they cheat"})
	}
	return nil
}

// belongs tells whether a log is of a room that this node is in, or may be of a conversation with it.
func (c *Core) belongs(log replica.Log) bool {
	if r := c.rooms.byID[log.Room]; r != nil {
		return !r.Direct() || log.Author == r.With || log.Author == c.id
	}
	return log.Author != c.id && log.Room == c.cfg.Network.DirectRoom(c.id, log.Author)
}

func (c *Core) nameOf(id protocol.PeerID) string {
	if id == c.id {
		return c.people.me.Name
	}
	if p := c.people.byID[id]; p != nil && p.told {
		return p.name
	}
	return "·" + id.Short()
}

// message is a stored entry as a view shows it.
func (c *Core) message(now time.Time, r *room, v replica.Verified) (Message, bool) {
	e := v.Entry()
	name, text, ok := v.Text()
	if !ok {
		return Message{}, false
	}
	if clean, err := CleanName(name); err == nil {
		name = clean
	} else {
		name = "·" + e.Author.Short()
	}
	m := Message{
		ID: v.ID(), Room: r.Room, Author: e.Author, Name: name, Own: e.Author == c.id, Action: e.Kind == replica.KindAction,
		Text: text, Time: e.Wall, Place: Place{Lamport: e.Lamport, Author: e.Author, Epoch: e.Epoch, Seq: e.Seq},
	}
	if m.Own {
		if l := c.outbox.find(e.Log, e.Seq); l != nil {
			m.Audience, m.Reached = len(l.audience), len(l.reached)
		}
	}
	return m, true
}
