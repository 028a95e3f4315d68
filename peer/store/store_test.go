package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"earshot/protocol/replica"
	"earshot/protocol/replica/storetest"
)

// file is where a test keeps its database.
func file(t testing.TB) string { return filepath.Join(t.TempDir(), "history.db") }

func mustOpen(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (replica.Store, func() replica.Store) {
		path := file(t)
		s := mustOpen(t, path)
		return s, func() replica.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, path)
			return s
		}
	})
}

// Readers see whole commits only, while one writes.
func TestReadersMeanwhile(t *testing.T) {
	s := mustOpen(t, file(t))
	w := storetest.Writes("alice", 1)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for last := 0; ; {
				select {
				case <-stop:
					return
				default:
				}
				page, err := s.PageAfter(storetest.Lobby, replica.Place{}, 1000)
				if err != nil || len(page)%10 != 0 || len(page) < last {
					t.Errorf("%d entries after %d, %v", len(page), last, err)
					return
				}
				last = len(page)
				if hits, _, err := s.Search(replica.Query{Terms: []replica.Term{{Text: "line"}}, Limit: 1000}); err != nil || len(hits) < last {
					t.Errorf("%d hits after %d entries, %v", len(hits), last, err)
					return
				}
				if _, err := s.State(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 15 {
		if err := s.Commit(replica.Batch{Entries: w.Says(10)}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}

// Deleted texts are no longer anywhere in the file, and neither are their words.
func TestDeletedTextsAreGone(t *testing.T) {
	path := file(t)
	s := mustOpen(t, path)
	w, other := storetest.Writes("alice", 1), storetest.WritesIn(storetest.Garden, "bob", 1)
	b := replica.Batch{Entries: append(w.Says(300), w.Say("the zanzibarian secret"), w.Seal(), other.Say("tulips"))}
	b.Bodies = []replica.Body{{Log: w.Log, Seq: 302, Kind: replica.KindText, Name: "alice", Text: "madagascarian too"}}
	if err := s.Commit(b); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"zanzibarian", "madagascarian"} {
		if !strings.Contains(contents(t, path), fmt.Sprintf("%x", word)) {
			t.Fatalf("%s was never there", word)
		}
	}
	if _, err := s.Delete(storetest.Lobby, replica.Place{}); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"zanzib", "madagasc"} {
		if strings.Contains(contents(t, path), fmt.Sprintf("%x", word)) {
			t.Errorf("%s is still in the file", word)
		}
	}
	if hits, _, err := s.Search(replica.Query{Terms: []replica.Term{{Text: "tulips"}}, Limit: 9}); err != nil || len(hits) != 1 {
		t.Errorf("%d hits, %v", len(hits), err)
	}
}
