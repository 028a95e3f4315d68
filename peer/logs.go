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
	retry   retry
	quota   quota
	vectors time.Time
	pruned  time.Time // when what is too old to be kept goes next
	held    time.Time // when entries that wait for their predecessors are shown all the same
}

// Batch is what the store does in one go: write, then read.
type Batch struct {
	Write replica.Batch
	Err   error // of the writing

	kept     keeping // what else than entries Write has
	arrivals []arrival
	reads    []read
	results  []func(now time.Time)
}

// read asks the store something, on the store's own goroutine; what it returns is run in the core.
type read func(s replica.Store) func(now time.Time)

// arrival is an entry on its way to the store.
type arrival struct {
	v        replica.Verified
	plain    *replica.Body // what a sealed one says
	room     *room
	own      bool  // said here, now
	line     *line // of an own one
	fetched  bool  // from somebody else than its author
	bringer  *conn // who is to know besides the author that it is stored
	shown    bool  // already, although the store had not taken it
	unstored bool
	at       time.Time
	reply    func(Message, error)
}

func newLogs(r *rand.Rand, now time.Time, states []replica.LogState) logs {
	return logs{
		index: replica.NewIndex(states), fetcher: replica.NewFetcher(r), vectors: now.Add(protocol.VectorInterval),
		pruned: now.Add(pruneFirst),
	}
}

func (l *logs) deadline() time.Time {
	return earliest(l.fetcher.Deadline(), l.vectors, l.pruned, l.held, l.retry.due)
}

func (l *logs) append(a arrival) { l.pending.append(a) }

func (b *Batch) append(a arrival) {
	b.Write.Entries = append(b.Write.Entries, a.v)
	if a.plain != nil {
		b.Write.Bodies = append(b.Write.Bodies, *a.plain)
	}
	b.arrivals = append(b.arrivals, a)
}

// takeOwn takes one's own entries out of a batch that is not at the store yet.
func (b *Batch) takeOwn() (own []arrival) {
	all := b.arrivals
	b.arrivals, b.Write.Entries, b.Write.Bodies = nil, nil, nil
	for _, a := range all {
		if a.own {
			own = append(own, a)
		} else {
			b.append(a)
		}
	}
	return own
}

// ask has something read at the store.
func (l *logs) ask(r read) { l.pending.reads = append(l.pending.reads, r) }

// issueBatch hands everything pending to the store, one batch at a time (house rule 3).
func (c *Core) issueBatch() {
	if c.logs.busy != nil {
		return
	}
	c.keep.fill(&c.logs.pending)
	b := c.logs.pending
	if b.Write.Empty() && len(b.reads) == 0 {
		return
	}
	c.logs.pending = Batch{}
	c.logs.busy = &b
	c.out.Batch = &b
}

// Run does a batch at the store. It is called outside the core, wherever the store may take its time.
func (b *Batch) Run(s replica.Store) {
	if !b.Write.Empty() {
		b.Err = s.Commit(b.Write)
	}
	for _, r := range b.reads {
		b.results = append(b.results, r(s))
	}
}

// Stored takes a batch that the store is through with: now its entries count, are acknowledged and shown.
func (c *Core) Stored(now time.Time, b *Batch) {
	c.logs.busy = nil
	if b.Err != nil {
		c.notStored(now, b)
	} else {
		if !b.Write.Empty() {
			c.storeWorks(now)
		}
		var own []arrival
		for _, a := range b.arrivals {
			c.logs.index.Stored(a.v)
			if a.own {
				own = append(own, a)
				continue
			}
			c.owesHave(now, a.v)
			if e := a.v.Entry(); a.bringer != nil && c.conn(a.bringer.instance) == a.bringer {
				c.oweTo(now, a.bringer, e.Log, e.Seq)
			}
			if len(a.room.gaps) > 0 {
				c.gaps.watch(now)
			}
			if a.shown {
				c.logs.retry.held--
			} else {
				c.show(now, a)
			}
		}
		c.push(now, own)
		c.mailStored(now, b)
		c.ringStored(now, b)
	}
	for _, result := range b.results {
		result(now)
	}
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
	if !c.belongs(log, from) {
		if from != nil && from.person.id == log.Author {
			return c.carry(now, raw, from)
		}
		return errNotMember
	}
	fetched := from != nil && from.person.id != log.Author
	if seen, err := c.logs.index.Seen(raw); err != nil {
		return err
	} else if seen {
		if !fetched && log.Author != c.id && c.logs.index.Ranges(log).Contains(seq) {
			c.owe(now, log, seq) // its author does not know yet that it is stored
		}
		if fetched && c.rooms.publicByID(log.Room) == nil && c.logs.index.Ranges(log).Contains(seq) {
			c.oweTo(now, from, log, seq) // who carried it need not any more
		}
		c.logs.fetcher.Got(log, seq)
		return nil
	}
	v, err := replica.Verify(raw)
	if err != nil {
		return err
	}
	if !c.affords(now, v) {
		c.logs.fetcher.Got(log, seq)
		return nil
	}
	switch c.logs.index.Accept(v) {
	case replica.New:
		r := c.rooms.byID[log.Room]
		if r == nil { // something new opens its conversation, also what one has said oneself before an old state was put back
			with := log.Author
			if with == c.id {
				with = from.person.id
			}
			r = c.direct(c.people.get(with, now))
		}
		c.logs.fetcher.Got(log, seq)
		c.rooms.clock.Seen(r.ID, v.Entry().Lamport)
		a := arrival{v: v, room: r, fetched: fetched, at: now}
		if r.Direct() && log.Author != c.id {
			if v.Entry().Kind == replica.KindSealed {
				a.plain = c.unseal(v)
			}
			if fetched {
				a.bringer = from
			}
		}
		c.logs.append(a)
	}
	c.forks(now)
	return nil
}

// belongs tells whether a log is of a room that this node is in, or of a conversation with it: with who brings what it said
// itself. from is nil for a cast.
func (c *Core) belongs(log replica.Log, from *conn) bool {
	if r := c.rooms.byID[log.Room]; r != nil {
		return !r.Direct() || log.Author == r.With || log.Author == c.id
	}
	with := log.Author
	if with == c.id && from != nil {
		with = from.person.id
	}
	return with != c.id && log.Room == c.cfg.Network.DirectRoom(c.id, with)
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
func (c *Core) message(r *room, s replica.Stored) (Message, bool) {
	e := s.Entry()
	name, text, ok := s.Text()
	kind := s.Kind()
	if !ok || kind != replica.KindText && kind != replica.KindAction {
		return Message{}, false
	}
	if clean, err := CleanName(name); err == nil {
		name = clean
	} else {
		name = "·" + e.Author.Short()
	}
	m := Message{
		ID: s.ID(), Room: r.name(), Author: e.Author, Name: name, Own: e.Author == c.id, Action: kind == replica.KindAction,
		Text: text, Time: e.Wall, Place: Place(e.Place()),
	}
	if l := s.Line; l != nil {
		m.Audience, m.Reached, m.Read = len(l.Audience), len(l.Reached), !l.Read.IsZero()
	}
	if m.Own {
		if l := c.outbox.find(e.Log, e.Seq); l != nil {
			m.Audience, m.Reached = len(l.audience), len(l.reached)
		}
	}
	return m, true
}
