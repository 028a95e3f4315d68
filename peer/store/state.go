package store

import (
	"database/sql"
	"errors"
	"time"

	"earshot/protocol/replica"
)

// State reads everything but the entries; see replica.Store.
func (s *Store) State() (replica.State, error) {
	tx, err := s.read.BeginTx(background, &sql.TxOptions{ReadOnly: true}) // one moment for all tables
	if err != nil {
		return replica.State{}, s.explain(err)
	}
	defer func() { _ = tx.Rollback() }()
	r := stateReader{tx: tx}
	r.logs()
	r.rooms()
	r.contacts()
	r.lines()
	r.marks()
	r.settings()
	r.mail()
	r.forks()
	if r.err != nil {
		return replica.State{}, s.explain(r.err)
	}
	return r.state, nil
}

// stateReader reads table after table; after the first error it reads nothing.
type stateReader struct {
	tx    *sql.Tx
	state replica.State
	err   error
}

func (r *stateReader) rows(query string, each func(rows *sql.Rows) error) {
	if r.err != nil {
		return
	}
	rows, err := r.tx.Query(query)
	if err != nil {
		r.err = err
		return
	}
	defer rows.Close()
	for rows.Next() && r.err == nil {
		r.err = each(rows)
	}
	r.err = errors.Join(r.err, rows.Err())
}

func (r *stateReader) logs() {
	r.rows(`SELECT r.id, g.author, g.epoch, g.lamport, g.ranges, g.gone, g.head FROM logs g JOIN rooms r ON r.num = g.room
		ORDER BY r.id, g.author, g.epoch`, func(rows *sql.Rows) error {
		var l logRow
		var room, author, ranges, gone, head []byte
		err := rows.Scan(&room, &author, &l.Epoch, &l.Lamport, &ranges, &gone, &head)
		if err == nil {
			err = errors.Join(fixed(l.Room[:], room), fixed(l.Author[:], author), l.parse(ranges, gone, head))
		}
		if err == nil {
			r.state.Logs = append(r.state.Logs, l.LogState)
		}
		return err
	})
}

func (r *stateReader) rooms() {
	r.rows("SELECT id, name, peer, topic, joined, joined_at FROM rooms WHERE rank NOT NULL ORDER BY rank", func(rows *sql.Rows) error {
		var x replica.RoomState
		var id, with []byte
		var at int64
		err := rows.Scan(&id, &x.Name, &with, &x.Topic, &x.Joined, &at)
		if err == nil {
			err = errors.Join(fixed(x.ID[:], id), fixed(x.With[:], with))
		}
		x.JoinedAt = time.UnixMilli(at)
		r.state.Rooms = append(r.state.Rooms, x)
		return err
	})
}

func (r *stateReader) contacts() {
	r.rows("SELECT id, name, seen, rooms, key FROM contacts ORDER BY id", func(rows *sql.Rows) error {
		var c replica.Contact
		var id, names []byte
		var seen int64
		err := rows.Scan(&id, &c.Name, &seen, &names, &c.Key)
		if err == nil {
			err = fixed(c.ID[:], id)
		}
		if err == nil {
			c.Rooms, err = decodeStrings(names)
		}
		c.Seen = time.UnixMilli(seen)
		r.state.Contacts = append(r.state.Contacts, c)
		return err
	})
}

func (r *stateReader) lines() {
	r.rows(`SELECT r.id, g.author, g.epoch, e.seq, l.at, l.audience, l.reached, l.read FROM lines l
		JOIN entries e ON e.id = l.entry JOIN logs g ON g.num = e.log JOIN rooms r ON r.num = g.room
		WHERE l.owed ORDER BY r.id, g.author, g.epoch, e.seq`, func(rows *sql.Rows) error {
		var log replica.Log
		var room, author, audience, reached []byte
		var seq uint64
		var at, read int64
		err := rows.Scan(&room, &author, &log.Epoch, &seq, &at, &audience, &reached, &read)
		if err == nil {
			err = errors.Join(fixed(log.Room[:], room), fixed(log.Author[:], author))
		}
		if err != nil {
			return err
		}
		l, err := line(log, seq, at, read, audience, reached)
		if err == nil {
			r.state.Lines = append(r.state.Lines, *l)
		}
		return err
	})
}

func (r *stateReader) marks() {
	r.rows("SELECT room, lamport, author, epoch, seq FROM marks ORDER BY room", func(rows *sql.Rows) error {
		var m replica.Mark
		var room, author []byte
		err := rows.Scan(&room, &m.Lamport, &author, &m.Epoch, &m.Seq)
		if err == nil {
			err = errors.Join(fixed(m.Room[:], room), fixed(m.Author[:], author))
		}
		r.state.Marks = append(r.state.Marks, m)
		return err
	})
}

func (r *stateReader) settings() {
	r.rows("SELECT key, value FROM settings ORDER BY key", func(rows *sql.Rows) error {
		var x replica.Setting
		var value []byte
		err := rows.Scan(&x.Key, &value)
		x.Value = string(value)
		r.state.Settings = append(r.state.Settings, x)
		return err
	})
}

func (r *stateReader) mail() {
	r.rows("SELECT room, author, epoch, seq, accepted, raw FROM mail ORDER BY room, author, epoch, seq", func(rows *sql.Rows) error {
		var m replica.Mail
		var room, author []byte
		var at int64
		err := rows.Scan(&room, &author, &m.Epoch, &m.Seq, &at, &m.Raw)
		if err == nil {
			err = errors.Join(fixed(m.Room[:], room), fixed(m.Author[:], author))
		}
		m.Accepted = time.UnixMilli(at)
		r.state.Mail = append(r.state.Mail, m)
		return err
	})
}

func (r *stateReader) forks() {
	r.rows("SELECT first, second FROM forks ORDER BY author", func(rows *sql.Rows) error {
		var p replica.Proof
		err := rows.Scan(&p.First, &p.Second)
		r.state.Forks = append(r.state.Forks, p)
		return err
	})
}
