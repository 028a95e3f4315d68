package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/replica"
)

// readMarks is whether this node shares read marks (SPEC section 8.6).
type readMarks struct {
	on      bool
	counter uint64 // of the last Read sent to anybody
}

// readMarksSetting is the key of the setting that goes before Config.ReadMarks.
const readMarksSetting = "read-marks"

// reading is the exchange of Reads with one instance.
type reading struct {
	shared bool   // its newest Read says that it shares marks
	heard  uint64 // and has this counter
	told   bool   // it knows whether this node shares them
	mark   Place  // and this mark
}

// again has the instance told everything once more.
func (r *reading) again() { r.told, r.mark = false, Place{} }

// readState is how far the two of a direct conversation have read.
type readState struct {
	mark   Place // the newest of the other's lines that was read here,
	of     Place // which is known for what was read up to here
	theirs Place // the newest own line that the other told of since the start
}

// How many entries are looked at, at once and in all, for lines that a mark is about.
const (
	markPage = 32
	markMost = 1024
)

func readMarksOn(cfg Config, s replica.State) bool {
	if set := s.Setting(readMarksSetting); set != "" {
		return set == "on"
	}
	return cfg.ReadMarks
}

// SetReadMarks begins or ends the sharing of read marks.
func (c *Core) SetReadMarks(now time.Time, on bool) {
	if c.rooms.reads.on != on {
		c.rooms.reads.on = on
		c.status.touch(now)
		for _, cn := range c.conns {
			switch r := c.directWith(cn.person); {
			case on:
				cn.reads.again()
				c.shareRead(r)
			case cn.reads.told:
				c.putRead(cn, frame.Read{})
			}
		}
	}
	value := "off"
	if on {
		value = "on"
	}
	c.keep.setting(replica.Setting{Key: readMarksSetting, Value: value})
	c.turn(now)
}

func (c *Core) putRead(cn *conn, f frame.Read) {
	c.rooms.reads.counter++
	f.Counter = c.rooms.reads.counter
	cn.reads.told = true
	cn.put(f, classControl)
}

// shareRead tells the instances of the other one of a direct conversation what they are to know and do not: that this
// node shares read marks, and, if they do too, how far it has read.
func (c *Core) shareRead(r *room) {
	if r == nil || !r.Direct() || !c.rooms.reads.on {
		return
	}
	p := c.people.byID[r.With]
	if p == nil {
		return
	}
	wanted := false
	for _, cn := range p.conns {
		f := frame.Read{Share: true}
		if mark := r.read.mark; cn.reads.shared && mark.Compare(cn.reads.mark) > 0 {
			f.Epoch, f.Seq = mark.Epoch, mark.Seq
			cn.reads.mark = mark
		}
		if f.Seq > 0 || !cn.reads.told {
			c.putRead(cn, f)
		}
		wanted = wanted || cn.reads.shared
	}
	if wanted && r.read.of != r.Read {
		c.findMark(r)
	}
}

// findMark finds the newest of the other's lines that was read and that no line is missing before.
func (c *Core) findMark(r *room) {
	upTo := r.Read
	r.read.of = upTo
	c.logs.ask(func(s replica.Store) func(time.Time) {
		page, err := newestOf(s, r.ID, r.With, replica.Place(upTo))
		return func(time.Time) {
			for _, e := range slices.Backward(page) {
				if at := Place(e.Place()); e.Author == r.With && c.logs.index.Whole(e.Log, e.Seq) {
					if at.Compare(r.read.mark) > 0 {
						r.read.mark = at
						c.shareRead(r)
					}
					return
				}
			}
			if err != nil || len(page) > 0 {
				r.read.of = Place{} // another time
			}
		}
	})
}

// newestOf is the last page up to a place that has entries of an author.
func newestOf(s replica.Store, room protocol.RoomID, author protocol.PeerID, upTo replica.Place) ([]replica.Entry, error) {
	upTo.Seq++
	for range markMost / markPage {
		page, err := s.Page(room, upTo, markPage)
		var out []replica.Entry
		found := false
		for _, e := range page {
			out = append(out, e.Entry())
			found = found || e.Entry().Author == author
		}
		if err != nil || found {
			return out, err
		}
		if len(page) < markPage {
			break
		}
		upTo = page[0].Entry().Place()
	}
	return nil, nil
}

// receiveRead takes somebody's word how far they have read the direct conversation, which is whole each time.
func (c *Core) receiveRead(now time.Time, cn *conn, f frame.Read) error {
	if f.Counter <= cn.reads.heard {
		return nil
	}
	r := c.directWith(cn.person)
	began := f.Share && !cn.reads.shared
	cn.reads.heard, cn.reads.shared = f.Counter, f.Share
	if began {
		cn.reads.mark = Place{}
		c.shareRead(r)
	}
	switch {
	case f.Seq == 0:
	case !c.rooms.reads.on:
		return errReadMark
	case r != nil:
		return c.readBy(now, cn.person, r, place{replica.Log{Room: r.ID, Author: c.id, Epoch: f.Epoch}, f.Seq})
	}
	return nil
}

// readBy marks own lines as read: one and those before it in its log, which the other one has then stored as well, and
// those before it in other logs that they said they have stored.
func (c *Core) readBy(now time.Time, p *person, r *room, last place) error {
	if !c.logs.index.Ranges(last.log).Contains(last.seq) {
		return errNoLine
	}
	c.delivered(now, p, last.log, protocol.RangeSet{{First: 1, Last: last.seq}})
	known := r.read.theirs
	c.logs.ask(func(s replica.Store) func(time.Time) {
		upTo, lines, err := unreadLines(s, last, known)
		return func(now time.Time) {
			if err == nil && upTo.Compare(r.read.theirs) > 0 {
				r.read.theirs = upTo
			}
			e := ReadBy{Room: r.name(), Peer: p.id, Name: p.name, At: now}
			for _, l := range lines {
				l.Line.Read = now
				if c.keep.lineRead(*l.Line) {
					e.Lines = append(e.Lines, l.ID())
				}
			}
			if len(e.Lines) > 0 {
				c.emit(e)
			}
		}
	})
	return nil
}

// unreadLines is the place of a line and, if that is behind what is known to be read, the own lines up to there that are
// stored at the other side and not known to be read, in their order.
func unreadLines(s replica.Store, last place, known Place) (Place, []replica.Stored, error) {
	raws, err := s.Load(last.log, last.seq, last.seq, 1)
	if err != nil || len(raws) == 0 {
		return known, nil, err
	}
	v, err := replica.Verify(raws[0])
	if err != nil {
		return known, nil, err
	}
	upTo := v.Entry().Place()
	if Place(upTo).Compare(known) <= 0 {
		return known, nil, nil
	}
	var out []replica.Stored
	before := upTo
	before.Seq++
	for range markMost / markPage {
		page, err := s.Page(last.log.Room, before, markPage)
		if err != nil {
			return known, nil, err
		}
		done := len(page) < markPage
		for _, e := range slices.Backward(page) {
			switch {
			case e.Line == nil || e.Line.Owed():
			case e.Line.Read.IsZero():
				out = append(out, e)
			default:
				done = true // and so are those on the pages before
			}
		}
		if done {
			break
		}
		before = page[0].Entry().Place()
	}
	slices.Reverse(out)
	return Place(upTo), out, nil
}
