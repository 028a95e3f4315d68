package replica

import (
	"math/rand/v2"
	"testing"

	"earshot/protocol"
)

func BenchmarkSign(b *testing.B) {
	w := writes("alice", 1)
	for b.Loop() {
		w.say("the build is green")
	}
}

func BenchmarkVerify(b *testing.B) {
	raw := writes("alice", 1).say("the build is green").Raw()
	for b.Loop() {
		if _, err := Verify(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPeek(b *testing.B) {
	raw := writes("alice", 1).say("the build is green").Raw()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Peek(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// The next entry of one of 1,000 logs.
func BenchmarkAccept(b *testing.B) {
	x := crowd(1000, 1, 0)
	logs := x.Logs(lobby)
	v := writes("alice", 1).say("hello")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		v.entry.Log, v.entry.Seq = logs[i%len(logs)], uint64(i/len(logs))+6
		if x.Accept(v) != New {
			b.Fatal("not new")
		}
	}
}

func BenchmarkSeenDuplicate(b *testing.B) {
	x := crowd(1000, 1, 0)
	v := writes("alice", 1).say("hello")
	x.Accept(v)
	for b.Loop() {
		if seen, err := x.Seen(v.raw); !seen || err != nil {
			b.Fatal("not seen")
		}
	}
}

// The announcement's digest after one more entry, in a room of 1,000 authors with 10 epochs each.
func BenchmarkHeads(b *testing.B) {
	x := crowd(1000, 10, 0)
	rooms := []protocol.RoomID{lobby}
	v := writes("alice", 1).say("hello")
	v.entry.Log = x.Logs(lobby)[5000]
	for i := 0; b.Loop(); i++ {
		v.entry.Seq = uint64(i) + 6
		x.Stored(v)
		x.Heads(rooms)
	}
}

func BenchmarkDigestPages(b *testing.B) {
	x := crowd(1000, 10, 0)
	for b.Loop() {
		x.DigestPages(lobby, budget)
	}
}

func BenchmarkAnswerNewcomer(b *testing.B) {
	x := crowd(1000, 5, 0)
	pages := NewIndex(nil).DigestPages(lobby, budget)
	for b.Loop() {
		x.Answer(pages[0], budget, anyTurn())
	}
}

// The newest page of a room of 30,000 entries.
func BenchmarkPage(b *testing.B) {
	s := NewMemStore()
	v := writes("alice", 1).say("hello")
	for i := range 30000 {
		v.entry.Author, v.entry.Seq, v.entry.Lamport = protocol.PeerID{byte(i % 3)}, uint64(i/3)+1, uint64(i/3)+1
		_ = s.Commit(Batch{Entries: []Verified{v}})
	}
	for b.Loop() {
		if page, _ := s.Page(lobby, Place{}, 50); len(page) != 50 {
			b.Fatal(len(page))
		}
	}
}

// A newcomer fetches 10,000 entries of 100 logs from 5 peers. Reported for the whole.
func BenchmarkFetch(b *testing.B) {
	for b.Loop() {
		f := NewFetcher(rand.New(rand.NewPCG(1, 1)))
		now := noon
		for epoch := range uint64(100) {
			for peer := range 5 {
				f.Learn(now, instance(peer+1), Log{Room: lobby, Epoch: epoch + 1}, protocol.RangeSet{{First: 1, Last: 100}})
			}
		}
		n := 0
		for !f.Deadline().IsZero() {
			now = now.Add(protocol.WantMax)
			for _, r := range f.Advance(now) {
				for _, numbers := range r.Want.Ranges {
					for seq := numbers.First; seq <= numbers.Last; seq++ {
						f.Got(Log{r.Want.Room, r.Want.Author, r.Want.Epoch}, seq)
						n++
					}
				}
			}
		}
		if n != 10000 {
			b.Fatal(n)
		}
	}
}

// What a peer asks for at once.
func BenchmarkIntact(b *testing.B) {
	var raws [][]byte
	for _, v := range writes("alice", 1).says(protocol.WantBacklog) {
		raws = append(raws, v.Raw())
	}
	for b.Loop() {
		if len(Intact(raws)) != len(raws) {
			b.Fatal("some are not intact")
		}
	}
}
