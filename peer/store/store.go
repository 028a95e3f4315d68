// Package store keeps a node's history, rooms, contacts, receipts, settings and mail in one SQLite file.
//
// A Store is a replica.Store: Commit writes a batch in one transaction and returns when the disk has it (WAL with
// synchronous=FULL), and everything else a node knows at its start comes from State. The core never calls it; the
// store's own goroutine does, one batch at a time, so that a slow disk delays what depends on it and nothing else.
// One connection writes. Two others read, so State, Load, Page, PageAfter and Search may be called by any goroutine
// meanwhile, and see whole commits only.
//
// What makes it fast at a million entries:
//
//   - The ranges of every log stand in a table of their own that each commit brings up to date: a start reads some
//     rows per author and never counts entries.
//   - An entry's id is its wall time and a number. The full-text index gives hits in the order of ids, so the newest
//     are found first however many there are, and before: and after: are bounds of the id.
//   - Author and room are words in the full-text index as well: conditions on them are part of the same search.
//   - Texts stand in the file once, within the entries as signed. The index knows words and places only.
//
// Entries that come back as replica.Stored are verified again, 50 µs each: the file is outside of the program, and
// only what was verified is shown. Load gives bytes as they are, because those who get them verify them. Where an
// entry no longer verifies, the page has the others, and the error is replica.ErrCorrupt.
//
// A file that is not this program's, that a newer version wrote, that is damaged at first sight or that lies on a network
// is refused before anything is written to it. See Open. Damage farther inside is looked for after an end that was not a
// clean one, beside the use of the file. See Store.Damage.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"earshot/protocol/replica"
)

// Store is a database file in use.
type Store struct {
	path   string
	write  *writer // nil if the file is only read
	read   *sql.DB
	check  *check
	pace   pace
	closed atomic.Bool
}

var _ replica.Store = (*Store)(nil)

// Close notes that the end was a clean one, if nothing is known to be wrong, and gives the file back. A second call does
// nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	sound := s.check.end()
	err := s.read.Close()
	if s.write != nil {
		if sound {
			err = errors.Join(err, s.write.run("UPDATE run SET open = 0"))
		}
		err = errors.Join(err, s.write.close())
	}
	return s.explain(err)
}

// writer is the one connection that writes, with its statements.
type writer struct {
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

func newWriter(db *sql.DB) (*writer, error) {
	conn, err := db.Conn(context.Background())
	if err != nil {
		return nil, err
	}
	return &writer{db, conn, map[string]*sql.Stmt{}}, nil
}

func (w *writer) close() error {
	for _, s := range w.statements {
		_ = s.Close()
	}
	return errors.Join(w.conn.Close(), w.db.Close())
}

// prepared is the statement of a query, which is one of the few that the code has.
func (w *writer) prepared(query string) (*sql.Stmt, error) {
	if s := w.statements[query]; s != nil {
		return s, nil
	}
	s, err := w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	w.statements[query] = s
	return s, nil
}

func (w *writer) run(query string, args ...any) error {
	_, err := w.result(query, args...)
	return err
}

func (w *writer) result(query string, args ...any) (sql.Result, error) {
	s, err := w.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.Exec(args...)
}

// row reads one row into dest. ok is false if there is none.
func (w *writer) row(query string, args []any, dest ...any) (ok bool, err error) {
	s, err := w.prepared(query)
	if err != nil {
		return false, err
	}
	err = s.QueryRow(args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// rows calls each for every row, until it has an error or says that it has seen enough.
func (w *writer) rows(query string, args []any, each func(scan func(dest ...any) error) (more bool, err error)) error {
	s, err := w.prepared(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if more, err := each(rows.Scan); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// transact does everything in f or nothing. When it returns nil, the disk has it.
func (w *writer) transact(f func() error) error {
	if err := w.run("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = w.run("COMMIT")
	}
	if err != nil {
		_ = w.run("ROLLBACK") // fails where SQLite has rolled back itself
	}
	return err
}
