package store

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"earshot/protocol/replica"
	"earshot/protocol/replica/storetest"
)

// contents is a file with its write-ahead log, to see whether anything was written.
func contents(t *testing.T, path string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s %x\n", name, b)
	}
	return all.String()
}

// wantRefused opens a file that must be refused for a reason and left as it is.
func wantRefused(t *testing.T, path string, want error, text string) {
	t.Helper()
	before := contents(t, path)
	s, err := Open(path)
	if err == nil {
		_ = s.Close()
		t.Fatalf("opened, want %v", want)
	}
	if !errors.Is(err, want) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), text) {
		t.Errorf("refused with %q, want %q", err, want)
	}
	if contents(t, path) != before {
		t.Error("the file has been changed")
	}
}

// filled is a database with a conversation, closed.
func filled(t *testing.T, n int) string {
	t.Helper()
	path := file(t)
	s := mustOpen(t, path)
	if err := s.Commit(replica.Batch{Entries: storetest.Writes("alice", 1).Says(n)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// leave ends the use of a store as a crash does.
func leave(s *Store) {
	s.check.end()
	_ = s.read.Close()
	_ = s.write.close()
	s.closed.Store(true)
}

// sqlRun changes a file behind the program's back.
func sqlRun(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", uri(path, ""))
	if err == nil {
		_, err = db.Exec(query)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestNewFileIsPrivate(t *testing.T) {
	path := filled(t, 1)
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(path + "-wal"); !os.IsNotExist(err) {
		t.Errorf("the write-ahead log is still there: %v", err)
	}
}

func TestPathsWithOddCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=memory#%41ü.db")
	if runtime.GOOS == "windows" {
		path = filepath.Join(t.TempDir(), "a b#%41ü.db")
	}
	s := mustOpen(t, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestCloseTwice(t *testing.T) {
	s := mustOpen(t, file(t))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestForeignFiles(t *testing.T) {
	write := func(content string) string {
		path := file(t)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, content := range []string{"x", "dear diary, today nothing happened at all", strings.Repeat("\x00", 8192)} {
		wantRefused(t, write(content), ErrForeign, "move it away")
	}
	for _, query := range []string{
		"CREATE TABLE browser (history TEXT)",
		"PRAGMA application_id = 1",
		"PRAGMA user_version = 1",
		"PRAGMA journal_mode = wal; CREATE TABLE browser (history TEXT)",
	} {
		path := file(t)
		sqlRun(t, path, query)
		wantRefused(t, path, ErrForeign, "move it away")
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrForeign) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none", "history.db")); err == nil {
		t.Error("opened in a folder that does not exist")
	}
}

// Whoever dies while making a file leaves one that can still be used.
func TestHalfMadeFiles(t *testing.T) {
	path := file(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = mustOpen(t, path).Close()
	path = file(t)
	sqlRun(t, path, "PRAGMA journal_mode = wal")
	journal(t, path, 0)
	_ = mustOpen(t, path).Close()
	path = file(t)
	sqlRun(t, path, "PRAGMA journal_mode = wal; CREATE TABLE x (y); DROP TABLE x")
	mustOpen(t, path)
}

// What somebody else has left half written is not ours to undo.
func TestForeignJournal(t *testing.T) {
	path := file(t)
	sqlRun(t, path, "CREATE TABLE browser (history TEXT)")
	journal(t, path, 1)
	wantRefused(t, path, replica.ErrReadOnly, "")
}

// journal leaves what is there beside a file when somebody dies who has written to it, just before the change would
// have become valid: a rollback journal, of a file that had so many pages.
func journal(t *testing.T, path string, pages uint32) {
	t.Helper()
	b := append([]byte("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"), make([]byte, 504)...)
	binary.BigEndian.PutUint32(b[16:], pages)
	binary.BigEndian.PutUint32(b[20:], 512) // of a sector
	binary.BigEndian.PutUint32(b[24:], 4096)
	if err := os.WriteFile(path+"-journal", b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestNewerSchema(t *testing.T) {
	path := filled(t, 1)
	sqlRun(t, path, "PRAGMA user_version = 99")
	wantRefused(t, path, ErrNewer, "schema 99")
	if _, err := OpenReadOnly(path); !errors.Is(err, ErrNewer) {
		t.Errorf("read only: %v", err)
	}
}

func TestNetworkFileSystem(t *testing.T) {
	path := file(t)
	_, err := open(path, migrations(), func(string) (string, error) { return "NFS", nil })
	if !errors.Is(err, ErrNetworkFS) || !strings.Contains(err.Error(), "(NFS)") {
		t.Error(err)
	}
	if exists(path) {
		t.Error("a file has been made")
	}
	if kind, err := networkFS(filepath.Dir(path)); kind != "" || err != nil {
		t.Errorf("the tests' folder is on %q, %v", kind, err)
	}
}

func TestLockedByAnother(t *testing.T) {
	path := filled(t, 1)
	db, err := sql.Open("sqlite", uri(path, "_pragma=locking_mode(exclusive)"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN EXCLUSIVE; UPDATE run SET open = 0; COMMIT"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := inspectAs(path, "mode=ro&_pragma=busy_timeout(1)", migrations()); !errors.Is(explain(path, err), ErrInUse) {
		t.Errorf("%v", err)
	}
}

// Somebody else may write for a moment, to a file that is in use or still empty.
func TestWaitsForAnother(t *testing.T) {
	empty := file(t)
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filled(t, 1), empty} {
		db, err := sql.Open("sqlite", uri(path, "mode=rw&_txlock=immediate"))
		if err != nil {
			t.Fatal(err)
		}
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		time.AfterFunc(50*time.Millisecond, func() { done <- errors.Join(tx.Rollback(), db.Close()) })
		mustOpen(t, path)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestOpenReadOnly(t *testing.T) {
	path := filled(t, 5)
	before := contents(t, path)
	s, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	if page, err := s.Page(storetest.Lobby, replica.Place{}, 2); err != nil || storetest.Texts(page) != "line 4|line 5" {
		t.Errorf("%s, %v", storetest.Texts(page), err)
	}
	if state, err := s.State(); err != nil || len(state.Logs) != 1 {
		t.Errorf("%d logs, %v", len(state.Logs), err)
	}
	err = s.Commit(replica.Batch{Settings: []replica.Setting{{Key: "x", Value: "y"}}})
	_, err2 := s.Delete(storetest.Lobby, replica.Place{})
	_, err3 := s.Prune(storetest.Lobby, replica.Keep{Newest: 1})
	for _, err := range []error{err, err2, err3} {
		if !errors.Is(err, replica.ErrReadOnly) {
			t.Errorf("written: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if contents(t, path) != before {
		t.Error("the file has been changed")
	}
	if _, err := OpenReadOnly(file(t)); err == nil {
		t.Error("opened a file that is not there")
	}
}

func TestSQLiteVersions(t *testing.T) {
	for version, want := range map[string]bool{
		"3.51.3": true, "3.51.10": true, "3.52.0": true, "4.0.0": true,
		"3.51.2": false, "3.50.9": false, "2.99.99": false, "": false, "3.51": false,
	} {
		if recent(version) != want {
			t.Errorf("%q is recent: %v", version, !want)
		}
	}
}
