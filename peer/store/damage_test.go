package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"earshot/protocol/replica"
	"earshot/protocol/replica/storetest"
)

func TestDamagedFile(t *testing.T) {
	path := filled(t, 3000)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damage := func(at, n int) {
		t.Helper()
		c := bytes.Clone(b)
		for i := range n {
			c[at+i] ^= 0x55
		}
		if err := os.WriteFile(path, c, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage(100, 50) // the root of the schema
	wantRefused(t, path, replica.ErrCorrupt, "put a copy back")
	if err := os.WriteFile(path, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, path, replica.ErrCorrupt, "put a copy back")
}

// Where only data is hit, it is told while the store is in use, by every start until the file is in order again.
func TestDamageIsTold(t *testing.T) {
	path := filled(t, 3000)
	leave(mustOpen(t, path))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	hurt := bytes.Clone(b)
	at := bytes.Index(hurt, []byte("line 1500")) &^ 4095
	for i := range hurt[at : at+4096] {
		hurt[at+i] ^= 0x55
	}
	if err := os.WriteFile(path, hurt, 0o600); err != nil {
		t.Fatal(err)
	}
	w := storetest.Writes("bob", 1)
	for range 2 {
		s := mustOpen(t, path)
		if err := s.Commit(replica.Batch{Entries: w.Says(1)}); err != nil {
			t.Fatalf("what is not hit can be used: %v", err)
		}
		err := <-s.Damage()
		if !errors.Is(err, replica.ErrCorrupt) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "put a copy back") {
			t.Errorf("told: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} { // a check that came to a good end is not repeated
		s := mustOpen(t, path)
		if begun := s.check.damage != nil; begun != want {
			t.Errorf("checked: %v", begun)
		}
		<-s.check.done
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A check that is cut short is begun again by the next start.
func TestCheckCutShort(t *testing.T) {
	path := filled(t, 3000)
	leave(mustOpen(t, path))
	for range 2 {
		s := mustOpen(t, path)
		if s.check.damage == nil {
			t.Fatal("no check")
		}
		s.check.end()
		s.check.sound = false // as it is unless the check was the faster one
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if len(s.check.damage) > 0 {
			t.Errorf("an interruption is told as %v", <-s.check.damage)
		}
	}
}

// One entry that is no longer what its author signed does not hide the others.
func TestDamagedEntry(t *testing.T) {
	path := filled(t, 5)
	sqlRun(t, path, "UPDATE entries SET raw = CAST(substr(raw, 1, 100) || x'00' || substr(raw, 102) AS BLOB) WHERE seq = 3")
	s := mustOpen(t, path)
	page, err := s.Page(storetest.Lobby, replica.Place{}, 4)
	if !errors.Is(err, replica.ErrCorrupt) || storetest.Texts(page) != "line 2|line 4|line 5" {
		t.Errorf("%s, %v", storetest.Texts(page), err)
	}
	hits, _, err := s.Search(replica.Query{Terms: []replica.Term{{Text: "line"}}, Limit: 9})
	if !errors.Is(err, replica.ErrCorrupt) || storetest.Hits(hits) != "line 5|line 4|line 2|line 1" {
		t.Errorf("%s, %v", storetest.Hits(hits), err)
	}
	errs := 0
	var texts []string
	for e, err := range replica.All(s, storetest.Lobby) {
		if err != nil {
			errs++
			continue
		}
		_, text, _ := e.Text()
		texts = append(texts, text)
	}
	if errs != 1 || len(texts) != 4 {
		t.Errorf("%d errors, %q", errs, texts)
	}
}

// A disk that is full refuses batches as a whole; what is there can be read, and with room it goes on.
func TestFull(t *testing.T) {
	path := file(t)
	s := mustOpen(t, path)
	w := storetest.Writes("alice", 1)
	if err := s.Commit(replica.Batch{Entries: w.Says(100)}); err != nil {
		t.Fatal(err)
	}
	var pages int
	if _, err := s.write.row("PRAGMA page_count", nil, &pages); err != nil {
		t.Fatal(err)
	}
	if err := s.write.run(fmt.Sprintf("PRAGMA max_page_count = %d", pages+20)); err != nil {
		t.Fatal(err)
	}
	var refused replica.Batch
	for range 1000 {
		refused = replica.Batch{Entries: w.Says(20), Settings: []replica.Setting{{Key: "last", Value: fmt.Sprint(w.Last.Entry().Seq)}}}
		if err := s.Commit(refused); err != nil {
			if !errors.Is(err, replica.ErrFull) || !strings.Contains(err.Error(), "the disk is full") {
				t.Fatal(err)
			}
			break
		}
	}
	before, err := storetest.Account(s)
	if err != nil || strings.Contains(before, fmt.Sprintf("%q", fmt.Sprint("line ", refused.Entries[0].Entry().Seq))) {
		t.Fatalf("a part of the refused batch is there, %v", err)
	}
	if err := s.Commit(refused); !errors.Is(err, replica.ErrFull) {
		t.Errorf("again: %v", err)
	}
	if err := s.write.run("PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(refused); err != nil {
		t.Fatal(err)
	}
	if raws, err := s.Load(w.Log, 1, 1<<53, 1<<20); err != nil || uint64(len(raws)) != w.Last.Entry().Seq {
		t.Errorf("%d of %d entries, %v", len(raws), w.Last.Entry().Seq, err)
	}
}
