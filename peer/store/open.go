package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	lib "modernc.org/sqlite/lib"

	"earshot/protocol/replica"
)

// background is the context of everything: what the store has begun it finishes.
var background = context.Background()

// Open opens a database file, or makes it: 0600, in a folder that exists. It brings an older schema up to date. After an
// end that was not a clean one, the whole file is read through in the background: see Damage.
//
// It returns, wrapped with the path and what to do, ErrForeign, ErrNewer, ErrNetworkFS, ErrInUse, ErrVersion, and
// replica.ErrReadOnly, ErrFull and ErrCorrupt. Nothing of a file that is refused is changed. On a full disk a file that
// exists can be opened: it is read, and Commit fails until there is room. A file that cannot be written can still be
// read with OpenReadOnly.
func Open(path string) (*Store, error) { return open(path, migrations(), networkFS) }

func open(path string, steps []string, network func(dir string) (string, error)) (*Store, error) {
	if kind, err := network(filepath.Dir(path)); err != nil {
		return nil, explain(path, err)
	} else if kind != "" {
		return nil, explain(path, fmt.Errorf("%w (%s)", ErrNetworkFS, kind))
	}
	if err := reserve(path); err != nil {
		return nil, explain(path, err)
	}
	version, unclean, err := inspect(path, steps)
	if err != nil {
		return nil, explain(path, err)
	}
	s := &Store{path: path, check: notNeeded(), pace: searchPace}
	if s.write, err = openWaiting(path); err != nil {
		return nil, explain(path, err)
	}
	if err = s.write.migrate(version, steps); err == nil {
		err = s.write.run("UPDATE run SET open = 1")
		if errors.Is(explain(path, err), replica.ErrFull) {
			err = nil // one can still read
		}
	}
	if err == nil {
		s.read, err = openReader(path, "mode=ro")
	}
	if err != nil {
		_ = s.write.close()
		return nil, explain(path, err)
	}
	if unclean {
		s.check = begin(path)
	}
	return s, nil
}

// OpenReadOnly opens a file that cannot or shall not be written; whatever writes returns replica.ErrReadOnly.
// The errors are those of Open, and ErrNewer for an older schema too, since it cannot be brought up to date.
func OpenReadOnly(path string) (*Store, error) {
	steps := migrations()
	var err error
	for _, mode := range []string{"mode=ro", "mode=ro&immutable=1"} { // the other one: not even a folder to lock in
		version := 0
		if version, _, err = inspectAs(path, mode, steps); err != nil {
			continue
		}
		if version != len(steps) {
			return nil, explain(path, fmt.Errorf("version %d %w", version, ErrNewer))
		}
		s := &Store{path: path, check: notNeeded(), pace: searchPace}
		if s.read, err = openReader(path, mode); err == nil {
			return s, nil
		}
	}
	return nil, explain(path, err)
}

const magic = "SQLite format 3\x00"

// reserve sees that path is a file that may be ours and that can be written, and makes an empty one if there is none.
func reserve(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
		if dir, e := os.Open(filepath.Dir(path)); e == nil { // the name has to reach the disk as well
			_ = dir.Sync() // not every system can
			_ = dir.Close()
		}
		return err
	}
	if errors.Is(err, fs.ErrExist) {
		if info, e := os.Lstat(path); e == nil && !info.Mode().IsRegular() {
			return ErrForeign
		}
		if f, err = os.OpenFile(path, os.O_RDWR, 0); err == nil {
			defer f.Close()
			head := make([]byte, len(magic))
			n, e := io.ReadFull(f, head)
			switch {
			case errors.Is(e, io.EOF): // empty: a new one, or one whose maker died at once
				return nil
			case !bytes.Equal(head[:n], []byte(magic)[:n]):
				return ErrForeign
			case e != nil:
				return fmt.Errorf("%w: %w", replica.ErrCorrupt, e)
			}
			return nil
		}
	}
	if unwritable(err) {
		return fmt.Errorf("%w (%w)", replica.ErrReadOnly, err)
	}
	if diskFull(err) {
		return fmt.Errorf("%w (%w)", replica.ErrFull, err)
	}
	return err
}

// inspect reads, without changing anything, how many migrations a file has behind it and whether somebody has it open
// or died with it, and refuses what is not ours, newer, or damaged at first sight.
func inspect(path string, steps []string) (version int, unclean bool, err error) {
	if info, err := os.Stat(path); err == nil && info.Size() == 0 && !exists(path+"-wal") {
		return 0, false, nil
	}
	version, unclean, err = inspectAs(path, "mode=ro", steps)
	if code(err) == lib.SQLITE_READONLY_ROLLBACK && fromNothing(path) {
		return inspectAs(path, "mode=rw", steps) // SQLite makes it empty again
	}
	return version, unclean, err
}

// fromNothing tells whether the rollback journal of a file is that of one who died while making it: the number of pages
// before the change (https://sqlite.org/fileformat.html#the_rollback_journal) is zero.
func fromNothing(path string) bool {
	f, err := os.Open(path + "-journal")
	if err != nil {
		return false
	}
	defer f.Close()
	var pages [4]byte
	_, err = f.ReadAt(pages[:], 16)
	return err == nil && pages == [4]byte{}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func inspectAs(path, mode string, steps []string) (version int, unclean bool, err error) {
	db, err := openReader(path, mode)
	if err != nil {
		return 0, false, err
	}
	defer db.Close()
	var id, tables int
	var sqlite string
	if err := db.QueryRow("SELECT sqlite_version()").Scan(&sqlite); err != nil {
		return 0, false, err
	}
	if !recent(sqlite) {
		return 0, false, fmt.Errorf("%w than %s: at least %d.%d.%d", ErrVersion, sqlite, least[0], least[1], least[2])
	}
	err = errors.Join(
		db.QueryRow("PRAGMA application_id").Scan(&id),
		db.QueryRow("PRAGMA user_version").Scan(&version),
		db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables),
	)
	switch {
	case err != nil:
		return 0, false, err
	case id == 0 && tables == 0 && version == 0: // made, and nothing more
		return 0, false, nil
	case id != applicationID:
		return 0, false, ErrForeign
	case version > len(steps):
		return 0, false, fmt.Errorf("%w (schema %d, this one knows %d)", ErrNewer, version, len(steps))
	}
	err = db.QueryRow("SELECT open FROM run").Scan(&unclean)
	return version, unclean, err
}

// least is the oldest SQLite without an error that can damage a WAL database (https://sqlite.org/wal.html#walresetbug).
var least = [3]int{3, 51, 3}

func recent(version string) bool {
	var have [3]int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &have[0], &have[1], &have[2]); err != nil {
		return false
	}
	for i := range least {
		if have[i] != least[i] {
			return have[i] > least[i]
		}
	}
	return true
}

// uri is the file as SQLite takes it with options behind it.
func uri(path, options string) string {
	path = filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		path = "/" + path
	}
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path) + "?" + options
}

// busy is how long connections wait for those of others before they give up.
const busy = 5 * time.Second

var pragmas = fmt.Sprintf("&_dqs=0&_pragma=busy_timeout(%d)&_pragma=foreign_keys(1)&_pragma=temp_store(memory)", busy.Milliseconds())

// openWaiting waits where SQLite does not, although it was told to: to give an empty file its write-ahead log, which
// needs the lock of one who writes.
func openWaiting(path string) (*writer, error) {
	for end := time.Now().Add(busy); ; time.Sleep(busy / 500) {
		w, err := openWriter(path)
		if code(err)&0xff != lib.SQLITE_BUSY || time.Now().After(end) {
			return w, err
		}
	}
}

func openWriter(path string) (*writer, error) {
	db, err := sql.Open("sqlite", uri(path, "mode=rw&_defensive=1"+pragmas+
		"&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=secure_delete(on)"+
		"&_pragma=cache_size(-8192)&_pragma=journal_size_limit(16777216)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	w, err := newWriter(db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	var mode string
	if _, err = w.row("PRAGMA journal_mode", nil, &mode); err == nil && mode != "wal" {
		err = fmt.Errorf("%w (no write-ahead log, but %s)", ErrNetworkFS, mode)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// readers is how many pages are read at once.
const readers = 2

func openReader(path, mode string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", uri(path, mode+pragmas+"&_pragma=cache_size(-4096)&_query_only=1"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	return db, nil
}
