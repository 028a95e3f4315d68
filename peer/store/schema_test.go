package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot/protocol/replica/storetest"
)

// A file of every older schema becomes one of the newest with everything in it. testdata/vN.sql fills a file of
// version N; testdata/vN.txt is the account it must give for ever.
func TestMigrations(t *testing.T) {
	steps := migrations()
	for version := 1; version <= len(steps); version++ {
		t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
			fill, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("v%d.sql", version)))
			if err != nil {
				t.Fatal("every version needs a file of its time: ", err)
			}
			want, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("v%d.txt", version)))
			if err != nil {
				t.Fatal(err)
			}
			path := file(t)
			s, err := open(path, steps[:version], networkFS)
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			sqlRun(t, path, string(fill))
			s = mustOpen(t, path)
			got, err := storetest.Account(s)
			if err != nil || got != string(want) {
				t.Errorf("%v\n got %s\nwant %s", err, got, want)
			}
			q, err := storetest.Parse(`"quiet line" from:bob`)
			if err != nil {
				t.Fatal(err)
			}
			if hits, _, err := s.Search(q); err != nil || len(hits) != 1 {
				t.Errorf("%d hits, %v", len(hits), err)
			}
			var have int
			if err := s.read.QueryRow("PRAGMA user_version").Scan(&have); err != nil || have != len(steps) {
				t.Errorf("version %d, %v", have, err)
			}
		})
	}
}

// A step that fails leaves the file as it was.
func TestFailedMigration(t *testing.T) {
	path := filled(t, 3)
	before := contents(t, path)
	steps := migrations()
	_, err := open(path, append(steps, "CREATE TABLE more (x); INSERT INTO more VALUES (1)", "CREATE TABLE more (x)"), networkFS)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("migration %d", len(steps)+2)) {
		t.Fatal(err)
	}
	if contents(t, path) != before {
		t.Error("the file has been changed")
	}
	s, err := open(path, append(steps, "CREATE TABLE more (x); INSERT INTO more VALUES (1)"), networkFS)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, path, ErrNewer, fmt.Sprintf("schema %d", len(steps)+1))
}
