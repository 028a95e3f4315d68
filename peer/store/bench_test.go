package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/protocol/replica/storetest"
)

// A line a commit: what somebody waits for who says something.
func BenchmarkCommitOne(b *testing.B) { benchmarkCommit(b, 1) }

// A hundred a commit: what a late joiner does. An op is the whole batch.
func BenchmarkCommitHundred(b *testing.B) { benchmarkCommit(b, 100) }

func benchmarkCommit(b *testing.B, n int) {
	s := mustOpen(b, file(b))
	w := storetest.Writes("alice", 1)
	n0 := 0
	for b.Loop() {
		b.StopTimer()
		batch := replica.Batch{Entries: w.Says(n)}
		b.StartTimer()
		if err := s.Commit(batch); err != nil {
			b.Fatal(err)
		}
		n0 += n
	}
	b.ReportMetric(float64(n0)/b.Elapsed().Seconds(), "entries/s")
}

const million = 1_000_000

// vocabulary is how many words there are, from word(0), the commonest, on.
const vocabulary = 20_000

func word(i int) string {
	return fmt.Sprintf("%c%s%d", 'a'+rune(i%26), strings.Repeat(string('a'+rune(i/26%26)), i%3+1), i)
}

// bigFile is a database of a million entries: 200 authors with 5 logs each, in 20 rooms of which one has half of all,
// over three years; texts of 3 to 20 words, of which the commonest is in every third. It is made once and kept in the
// folder for temporary files: all signatures are real, which takes its time.
func bigFile(b *testing.B) string {
	b.Helper()
	path := filepath.Join(os.TempDir(), fmt.Sprintf("earshot-million-%d.db", len(migrations())))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	b.Log("making", path)
	s, err := Open(path + ".part")
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	common := rand.NewZipf(r, 1.2, 3, vocabulary-1)
	start := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	clocks := map[protocol.RoomID]uint64{}
	writers := map[string]*storetest.Writer{}
	begin := time.Now()
	for done := 0; done < million; {
		var batch replica.Batch
		for range 1000 {
			room := 0
			if r.IntN(2) == 0 {
				room = 1 + r.IntN(19)
			}
			id := protocol.OpenNetwork().PublicRoom(fmt.Sprint("room", room))
			name := fmt.Sprint("author", r.IntN(200))
			epoch := uint64(1 + done*5/million)
			key := fmt.Sprint(room, name, epoch)
			if writers[key] == nil {
				writers[key] = storetest.WritesIn(id, name, epoch)
			}
			w := writers[key]
			clocks[id]++
			w.Lamport = clocks[id]
			w.Wall = start.Add(time.Duration(done+len(batch.Entries)) * 94600 * time.Millisecond)
			text := make([]string, 3+r.IntN(18))
			for i := range text {
				text[i] = word(int(common.Uint64()))
			}
			batch.Entries = append(batch.Entries, w.Say(strings.Join(text, " ")))
		}
		if err := s.Commit(batch); err != nil {
			b.Fatal(err)
		}
		done += len(batch.Entries)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		b.Fatal(err)
	}
	info, _ := os.Stat(path)
	b.Logf("%d entries in %v, %d MB", million, time.Since(begin), info.Size()>>20)
	return path
}

func BenchmarkMillionOpen(b *testing.B) {
	path := bigFile(b)
	for b.Loop() {
		s, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		state, err := s.State()
		if err != nil {
			b.Fatal(err)
		}
		replica.NewIndex(state.Logs)
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// After kill -9: the check goes on behind. How long it takes in all is told as well.
func BenchmarkMillionOpenAfterKill(b *testing.B) {
	path := bigFile(b)
	var checked, memory float64
	for b.Loop() {
		b.StopTimer()
		leave(mustOpen(b, path))
		b.StartTimer()
		s, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		state, err := s.State()
		if err != nil {
			b.Fatal(err)
		}
		replica.NewIndex(state.Logs)
		b.StopTimer()
		begin := time.Now()
		<-s.check.done
		checked += time.Since(begin).Seconds()
		memory = resident(b)
		_ = s.Close()
		b.StartTimer()
	}
	b.ReportMetric(checked/float64(b.N), "s-behind")
	b.ReportMetric(memory, "MB-resident")
}

// The page of 50 in the big room at a random place.
func BenchmarkMillionPage(b *testing.B) {
	s := mustOpen(b, bigFile(b))
	r := rand.New(rand.NewPCG(3, 4))
	room := protocol.OpenNetwork().PublicRoom("room0")
	b.ResetTimer()
	for b.Loop() {
		page, err := s.Page(room, replica.Place{Lamport: 100 + r.Uint64N(490_000)}, 50)
		if err != nil || len(page) != 50 {
			b.Fatal(len(page), err)
		}
	}
}

func BenchmarkMillionSearch(b *testing.B) {
	s := mustOpen(b, bigFile(b))
	author := storetest.Who("author7").ID()
	terms := func(phrases ...[]int) (q replica.Query) {
		for _, p := range phrases {
			var words []string
			for _, i := range p {
				words = append(words, word(i))
			}
			q.Terms = append(q.Terms, replica.Term{Text: strings.Join(words, " ")})
		}
		return q
	}
	prefix := func(letters string) replica.Query {
		return replica.Query{Terms: []replica.Term{{Text: letters, Prefix: true}}}
	}
	type p = []int
	with := func(q replica.Query, f func(*replica.Query)) replica.Query {
		f(&q)
		return q
	}
	by := func(q *replica.Query) { q.Author = author }
	for _, c := range []struct {
		name string
		q    replica.Query
	}{
		{"common", terms(p{0})}, // in most lines
		{"two-common", terms(p{0}, p{1})},
		{"rare", terms(p{19_000})},
		{"common-and-rare", terms(p{0}, p{19_000})},
		{"phrase-common", terms(p{0, 1, 2})},
		{"phrase-rare", terms(p{0, 1, 2, 3, 4, 5, 6})},
		{"phrase-never", terms(p{0, 1, 0, 1, 0, 1, 0, 1, 0, 1})},
		{"prefix-2", prefix("bb")},
		{"prefix-and-rare", with(prefix("bb"), func(q *replica.Query) { q.Terms = append(q.Terms, replica.Term{Text: word(19_000)}) })},
		{"never-together", terms(p{3000}, p{10})},
		{"prefix-3", prefix("bbb")},
		{"author", with(terms(p{0}), by)},
		{"author-room-rare", with(terms(p{20}, p{30}, p{40}), func(q *replica.Query) {
			q.Author, q.Room = author, protocol.OpenNetwork().PublicRoom("room3")
		})},
		{"name", with(terms(p{0}), func(q *replica.Query) { q.Name = "author9" })},
		{"nobody", with(terms(p{0}), func(q *replica.Query) { q.Author = storetest.Who("nobody").ID() })},
		{"old", with(terms(p{0}), func(q *replica.Query) { q.Before = time.Date(2023, 2, 1, 0, 0, 0, 0, time.UTC) })},
		{"only-author", with(replica.Query{}, by)},
		{"only-room", replica.Query{Room: protocol.OpenNetwork().PublicRoom("room5")}},
		{"only-time", replica.Query{Before: time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.q.Limit = 50
			hits, calls, longest := 0, 0, time.Duration(0)
			for b.Loop() {
				begin := time.Now()
				found, older, err := s.Search(c.q)
				for took := time.Since(begin); ; took = time.Since(begin) {
					longest = max(longest, took)
					if hits = len(found); err != nil || older == 0 || hits == c.q.Limit {
						break
					}
					calls++
					q := c.q
					q.Older, q.Limit = older, c.q.Limit-hits
					begin = time.Now()
					var more []replica.Hit
					more, older, err = s.Search(q)
					found = append(found, more...)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(hits), "hits")
			b.ReportMetric(1+float64(calls)/float64(b.N), "calls")
			b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest")
		})
	}
}

// What the process has in memory with the file open and everything done a few times. To be run alone.
func BenchmarkMillionMemory(b *testing.B) {
	s := mustOpen(b, bigFile(b))
	state, err := s.State()
	if err != nil {
		b.Fatal(err)
	}
	x := replica.NewIndex(state.Logs)
	room := protocol.OpenNetwork().PublicRoom("room0")
	for i := 0; b.Loop(); i++ {
		if _, err := s.Page(room, replica.Place{Lamport: uint64(100 + i*1000)}, 200); err != nil {
			b.Fatal(err)
		}
		if _, _, err := s.Search(replica.Query{Terms: []replica.Term{{Text: word(i)}}, Limit: 50}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(resident(b), "MB-resident")
	b.ReportMetric(float64(len(x.Logs(room))), "logs-in-room")
}

// resident is what the process has in memory.
func resident(b *testing.B) float64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0 // not on this system
	}
	var size, pages float64
	if _, err := fmt.Sscan(string(raw), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}
