package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"earshot/protocol/replica"
)

// Errors of Open, besides replica.ErrFull, ErrReadOnly and ErrCorrupt. Each is wrapped with the path, and says what to
// do. A file that is refused has not been changed.
var (
	// ErrForeign is a file that earshot did not make.
	ErrForeign = errors.New("is not an earshot database: move it away, or choose another profile")
	// ErrNewer is a file whose schema only a newer version knows.
	ErrNewer = errors.New("was written by a newer earshot: use that version, or another profile")
	// ErrNetworkFS is a file system on which SQLite cannot keep two writers apart or a commit safe.
	ErrNetworkFS = errors.New("lies on a network file system, where a database cannot be kept safely: choose a folder on a local disk")
	// ErrInUse is a file that another program holds locked.
	ErrInUse = errors.New("is locked by another program: end that one first")
	// ErrVersion is a SQLite with known errors in what this package needs.
	ErrVersion = errors.New("needs a newer SQLite")
)

// explain gives an error of SQLite a kind, and says which file it is about.
func (s *Store) explain(err error) error { return explain(s.path, err) }

func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	kind := error(nil)
	c := code(err)
	switch c & 0xff {
	case lib.SQLITE_FULL:
		kind = replica.ErrFull
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
		kind = replica.ErrReadOnly
	case lib.SQLITE_CORRUPT:
		kind = replica.ErrCorrupt
	case lib.SQLITE_NOTADB:
		kind = ErrForeign
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		kind = ErrInUse
	}
	switch c {
	case lib.SQLITE_IOERR_SHMSIZE: // memory shared through a file that could not grow
		kind = replica.ErrFull
	case lib.SQLITE_IOERR_SHORT_READ, lib.SQLITE_IOERR_CORRUPTFS:
		kind = replica.ErrCorrupt
	}
	if kind == nil || errors.Is(err, kind) {
		return fmt.Errorf("store: %s: %w", path, err)
	}
	return fmt.Errorf("store: %s: %w (%w)", path, kind, err)
}

// code is SQLite's extended result code, 0 for errors that are not its own.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}
