package store

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// Load gives the bytes of entries by their numbers; see replica.Store.
func (s *Store) Load(log replica.Log, first, last uint64, limit int) ([][]byte, error) {
	var raws [][]byte
	err := s.rows(`SELECT raw FROM entries
		WHERE log = (SELECT num FROM logs WHERE room = (SELECT num FROM rooms WHERE id = ?) AND author = ? AND epoch = ?)
		AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?`,
		[]any{log.Room[:], log.Author[:], integer(log.Epoch), integer(first), integer(last), max(0, limit)},
		func(rows *sql.Rows) error {
			var raw []byte
			err := rows.Scan(&raw)
			raws = append(raws, raw)
			return err
		})
	return raws, err
}

// rows calls each for every row.
func (s *Store) rows(query string, args []any, each func(*sql.Rows) error) error {
	rows, err := s.read.Query(query, args...)
	if err != nil {
		return s.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return s.explain(err)
		}
	}
	return s.explain(rows.Err())
}

// Page reads back from a place; see replica.Store.
func (s *Store) Page(room protocol.RoomID, before replica.Place, n int) ([]replica.Stored, error) {
	if before == (replica.Place{}) {
		before = replica.Place{Lamport: math.MaxInt64}
	}
	return s.page(`SELECT e.id FROM entries e JOIN logs g ON g.num = e.log
		WHERE e.room = (SELECT num FROM rooms WHERE id = ?1) AND e.lamport <= ?2
		AND (e.lamport, g.author, g.epoch, e.seq) < (?2, ?3, ?4, ?5)
		ORDER BY e.lamport DESC, g.author DESC, g.epoch DESC, e.seq DESC LIMIT ?6`, room, before, n)
}

// PageAfter reads on from a place; see replica.Store.
func (s *Store) PageAfter(room protocol.RoomID, after replica.Place, n int) ([]replica.Stored, error) {
	return s.page(`SELECT e.id FROM entries e JOIN logs g ON g.num = e.log
		WHERE e.room = (SELECT num FROM rooms WHERE id = ?1) AND e.lamport >= ?2
		AND (e.lamport, g.author, g.epoch, e.seq) > (?2, ?3, ?4, ?5)
		ORDER BY e.lamport, g.author, g.epoch, e.seq LIMIT ?6`, room, after, n)
}

func (s *Store) page(ids string, room protocol.RoomID, at replica.Place, n int) ([]replica.Stored, error) {
	hits, err := s.stored(ids, room[:], integer(at.Lamport), at.Author[:], integer(at.Epoch), integer(at.Seq), max(0, n))
	var page []replica.Stored
	for _, h := range hits {
		page = append(page, h.Stored)
	}
	slices.SortFunc(page, func(a, b replica.Stored) int { return a.Entry().Place().Compare(b.Entry().Place()) })
	return page, err
}

// stored is the entries whose ids a query selects, with what stands beside them, in no order.
// With ErrCorrupt it is those that can be read.
func (s *Store) stored(ids string, args ...any) ([]replica.Hit, error) {
	var hits []replica.Hit
	damaged := 0
	var why error
	err := s.rows(`SELECT e.id, e.raw, b.kind, b.name, b.text, l.at, l.read, l.audience, l.reached FROM entries e
		LEFT JOIN bodies b ON b.entry = e.id LEFT JOIN lines l ON l.entry = e.id WHERE e.id IN (`+ids+")", args,
		func(rows *sql.Rows) error {
			h, err := hit(rows)
			switch {
			case err == nil:
				hits = append(hits, h)
			case errors.Is(err, replica.ErrCorrupt):
				damaged++
				why = err
				err = nil
			}
			return err
		})
	if err == nil && damaged > 0 {
		err = fmt.Errorf("store: %s: %d entries: %w", s.path, damaged, why)
	}
	return hits, err
}

func hit(rows *sql.Rows) (h replica.Hit, err error) {
	var raw, audience, reached []byte
	var kind, at, read sql.NullInt64
	var name, text sql.NullString
	if err := rows.Scan(&h.Cursor, &raw, &kind, &name, &text, &at, &read, &audience, &reached); err != nil {
		return h, err
	}
	if h.Verified, err = replica.Verify(raw); err != nil {
		return h, fmt.Errorf("%w (%w)", replica.ErrCorrupt, err)
	}
	e := h.Entry()
	if kind.Valid {
		h.Plain = &replica.Body{Log: e.Log, Seq: e.Seq, Kind: replica.EntryKind(kind.Int64), Name: name.String, Text: text.String}
	}
	if at.Valid {
		h.Line, err = line(e.Log, e.Seq, at.Int64, read.Int64, audience, reached)
	}
	return h, err
}

func line(log replica.Log, seq uint64, at, read int64, audience, reached []byte) (*replica.LineState, error) {
	l := &replica.LineState{Log: log, Seq: seq, At: time.UnixMilli(at), Read: decodeTime(read)}
	var err error
	if l.Audience, err = decodePeers(audience); err != nil {
		return nil, err
	}
	l.Reached, err = decodeReceipts(reached)
	return l, err
}
