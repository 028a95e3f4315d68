package store

import (
	"fmt"
	"strings"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// Commit writes a batch in one transaction; see replica.Store.
func (s *Store) Commit(b replica.Batch) error {
	if b.Empty() {
		return nil
	}
	return s.change(func(t *transaction) error {
		for _, r := range b.Restored {
			if err := t.restore(r); err != nil {
				return err
			}
		}
		for _, v := range b.Entries {
			if err := t.entry(v); err != nil {
				return err
			}
		}
		for _, r := range b.Refused {
			if err := t.refuse(r); err != nil {
				return err
			}
		}
		for _, x := range b.Bodies {
			if err := t.body(x); err != nil {
				return err
			}
		}
		for _, l := range b.Lines {
			if err := t.line(l); err != nil {
				return err
			}
		}
		return t.state(b)
	})
}

// change does f in one transaction.
func (s *Store) change(f func(t *transaction) error) error {
	if s.write == nil {
		return explain(s.path, replica.ErrReadOnly)
	}
	return s.explain(s.write.transact(func() error {
		t := &transaction{writer: s.write, rooms: map[protocol.RoomID]int64{}, logs: map[replica.Log]*logRow{}}
		if err := f(t); err != nil {
			return err
		}
		return t.saveLogs()
	}))
}

// transaction is one that runs, with the logs it has touched.
type transaction struct {
	*writer
	rooms map[protocol.RoomID]int64
	logs  map[replica.Log]*logRow
	order []*logRow
}

// logRow is a row of the table logs.
type logRow struct {
	replica.LogState
	num, room int64
	changed   bool
}

// room is the number of a room, made if need be.
func (t *transaction) room(id protocol.RoomID) (int64, error) {
	if num, ok := t.rooms[id]; ok {
		return num, nil
	}
	var num int64
	ok, err := t.row("SELECT num FROM rooms WHERE id = ?", []any{id[:]}, &num)
	if err == nil && !ok {
		_, err = t.row("INSERT INTO rooms (id) VALUES (?) RETURNING num", []any{id[:]}, &num)
	}
	if err != nil {
		return 0, err
	}
	t.rooms[id] = num
	return num, nil
}

// log is a log's row, made if need be. What is changed in it is saved at the end.
func (t *transaction) log(log replica.Log) (*logRow, error) {
	l, err := t.known(log)
	if l != nil || err != nil {
		return l, err
	}
	l = &logRow{LogState: replica.LogState{Log: log}}
	if l.room, err = t.room(log.Room); err != nil {
		return nil, err
	}
	if _, err := t.row("INSERT INTO logs (room, author, epoch) VALUES (?, ?, ?) RETURNING num",
		[]any{l.room, log.Author[:], integer(log.Epoch)}, &l.num); err != nil {
		return nil, err
	}
	t.keep(l)
	return l, nil
}

// known is a log's row, nil if there is none.
func (t *transaction) known(log replica.Log) (*logRow, error) {
	if l := t.logs[log]; l != nil {
		return l, nil
	}
	l := &logRow{LogState: replica.LogState{Log: log}}
	var ranges, gone, head []byte
	ok, err := t.row(`SELECT g.num, g.room, g.lamport, g.ranges, g.gone, g.head FROM logs g JOIN rooms r ON r.num = g.room
		WHERE r.id = ? AND g.author = ? AND g.epoch = ?`, []any{log.Room[:], log.Author[:], integer(log.Epoch)},
		&l.num, &l.room, &l.Lamport, &ranges, &gone, &head)
	if err != nil || !ok {
		return nil, err
	}
	if err := l.parse(ranges, gone, head); err != nil {
		return nil, err
	}
	t.keep(l)
	return l, nil
}

func (t *transaction) keep(l *logRow) {
	t.logs[l.Log] = l
	t.order = append(t.order, l)
}

func (l *logRow) parse(ranges, gone, head []byte) (err error) {
	if l.Ranges, err = decodeRanges(ranges); err != nil {
		return err
	}
	if l.Gone, err = decodeRanges(gone); err != nil || len(head) == 0 {
		return err
	}
	return fixed(l.Head[:], head)
}

func (t *transaction) saveLogs() error {
	for _, l := range t.order {
		if !l.changed {
			continue
		}
		head := l.Head[:]
		if l.Head == [32]byte{} {
			head = []byte{}
		}
		if err := t.run("UPDATE logs SET lamport = ?, ranges = ?, gone = ?, head = ? WHERE num = ?",
			integer(l.Lamport), encodeRanges(l.Ranges), encodeRanges(l.Gone), head, l.num); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) entry(v replica.Verified) error {
	e := v.Entry()
	l, err := t.log(e.Log)
	if err != nil || l.Ranges.Contains(e.Seq) || l.Gone.Contains(e.Seq) {
		return err
	}
	id, err := t.newID(e.Wall)
	if err != nil {
		return err
	}
	name, text, ok := v.Text()
	if err := t.run("INSERT INTO entries (id, room, log, seq, lamport, indexed, raw) VALUES (?, ?, ?, ?, ?, ?, ?)",
		id, l.room, l.num, integer(e.Seq), integer(e.Lamport), ok, v.Raw()); err != nil {
		return err
	}
	if e.Seq > l.Ranges.Max() {
		l.Head = v.Hash()
	}
	l.Ranges.Add(protocol.Range{First: e.Seq, Last: e.Seq})
	l.Lamport = max(l.Lamport, e.Lamport)
	l.changed = true
	if !ok {
		return nil
	}
	return t.index(id, e.Log, name, text)
}

// newID is the first id after all that entries of the same millisecond have. If 65,536 do, they go on in the next one.
func (t *transaction) newID(wall time.Time) (int64, error) {
	id := int64(replica.FirstCursor(wall))
	for step := int64(replica.FirstCursor(time.UnixMilli(1))); ; id += step {
		last := id - 1
		if _, err := t.row("SELECT id FROM entries WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1", []any{id, id + step}, &last); err != nil {
			return 0, err
		}
		if last+1 < id+step {
			return last + 1, nil
		}
	}
}

// index makes a line one that can be found.
func (t *transaction) index(id int64, log replica.Log, name, text string) error {
	return t.run("INSERT INTO words (rowid, name, text, keys) VALUES (?, ?, ?, ?)", id,
		strings.Join(replica.Words(name), " "), strings.Join(replica.Words(text), " "), authorKey(log.Author)+" "+roomKey(log.Room))
}

// authorKey and roomKey are the words of the column keys.
func authorKey(id protocol.PeerID) string { return "a" + id.String() }
func roomKey(id protocol.RoomID) string   { return fmt.Sprintf("r%x", id[:]) }

func (t *transaction) refuse(r replica.LogRanges) error {
	l, err := t.log(r.Log)
	if err != nil {
		return err
	}
	for _, x := range r.Ranges.Minus(l.Ranges) {
		l.Gone.Add(x)
	}
	l.changed = true
	return nil
}

func (t *transaction) restore(r replica.LogRanges) error {
	l, err := t.log(r.Log)
	if err != nil {
		return err
	}
	for _, x := range r.Ranges {
		l.Gone.Remove(x)
	}
	l.changed = true
	return nil
}

// find is the id of an entry.
func (t *transaction) find(log replica.Log, seq uint64) (id int64, indexed, ok bool, err error) {
	l, err := t.known(log)
	if err != nil || l == nil || !l.Ranges.Contains(seq) {
		return 0, false, false, err
	}
	ok, err = t.row("SELECT id, indexed FROM entries WHERE log = ? AND seq = ?", []any{l.num, integer(seq)}, &id, &indexed)
	return id, indexed, ok, err
}

func (t *transaction) body(x replica.Body) error {
	id, indexed, ok, err := t.find(x.Log, x.Seq)
	if err != nil || !ok {
		return err
	}
	if err := t.run("INSERT OR REPLACE INTO bodies (entry, kind, name, text) VALUES (?, ?, ?, ?)", id, int64(x.Kind), x.Name, x.Text); err != nil {
		return err
	}
	if indexed {
		err = t.run("DELETE FROM words WHERE rowid = ?", id)
	} else {
		err = t.run("UPDATE entries SET indexed = 1 WHERE id = ?", id)
	}
	if err != nil {
		return err
	}
	return t.index(id, x.Log, x.Name, x.Text)
}

func (t *transaction) line(l replica.LineState) error {
	id, _, ok, err := t.find(l.Log, l.Seq)
	if err != nil || !ok {
		return err
	}
	return t.run("INSERT OR REPLACE INTO lines (entry, at, audience, reached, owed, read) VALUES (?, ?, ?, ?, ?, ?)",
		id, l.At.UnixMilli(), encodePeers(l.Audience), encodeReceipts(l.Reached), l.Owed(), encodeTime(l.Read))
}

// state writes what belongs to no entry.
func (t *transaction) state(b replica.Batch) error {
	for _, p := range b.Forks {
		log, _, err := replica.Peek(p.First)
		if err != nil {
			continue
		}
		if err := t.run("INSERT OR IGNORE INTO forks (author, first, second) VALUES (?, ?, ?)", log.Author[:], p.First, p.Second); err != nil {
			return err
		}
	}
	for _, r := range b.Rooms {
		if err := t.run(`INSERT INTO rooms (id, rank, name, peer, topic, joined, joined_at)
			VALUES (?, (SELECT coalesce(max(rank), 0) + 1 FROM rooms), ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET rank = coalesce(rank, excluded.rank), name = excluded.name, peer = excluded.peer,
			topic = excluded.topic, joined = excluded.joined, joined_at = excluded.joined_at`,
			r.ID[:], r.Name, r.With[:], r.Topic, r.Joined, r.JoinedAt.UnixMilli()); err != nil {
			return err
		}
	}
	for _, c := range b.Contacts {
		if err := t.run("INSERT OR REPLACE INTO contacts (id, name, seen, rooms, key) VALUES (?, ?, ?, ?, ?)",
			c.ID[:], c.Name, c.Seen.UnixMilli(), encodeStrings(c.Rooms), append([]byte{}, c.Key...)); err != nil {
			return err
		}
	}
	for _, m := range b.Marks {
		if err := t.run("INSERT OR REPLACE INTO marks (room, lamport, author, epoch, seq) VALUES (?, ?, ?, ?, ?)",
			m.Room[:], integer(m.Lamport), m.Author[:], integer(m.Epoch), integer(m.Seq)); err != nil {
			return err
		}
	}
	for _, x := range b.Settings {
		query, args := "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", []any{x.Key, []byte(x.Value)}
		if x.Value == "" {
			query, args = "DELETE FROM settings WHERE key = ?", args[:1]
		}
		if err := t.run(query, args...); err != nil {
			return err
		}
	}
	for _, x := range b.Mail {
		query := "INSERT OR IGNORE INTO mail (room, author, epoch, seq, accepted, raw) VALUES (?, ?, ?, ?, ?, ?)"
		args := []any{x.Room[:], x.Author[:], integer(x.Epoch), integer(x.Seq), x.Accepted.UnixMilli(), x.Raw}
		if len(x.Raw) == 0 {
			query, args = "DELETE FROM mail WHERE room = ? AND author = ? AND epoch = ? AND seq = ?", args[:4]
		}
		if err := t.run(query, args...); err != nil {
			return err
		}
	}
	return nil
}
