package main

import (
	"crypto/rand"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"earshot/discovery/lan/lantest"
	"earshot/peer"
	"earshot/peer/store"
	"earshot/protocol"
	"earshot/protocol/replica"
)

const (
	storedText = "a line of about a hundred bytes, which is what somebody says who has a little more to tell than yes"
	storedAt   = 256 // Says at a time
)

// BenchmarkStoredLines: lines from one node to another, each signed, stored by the author, sent, checked, stored by the other and
// acknowledged, both with SQLite. What that costs at least is measured beside: a signature, a check, and a share of a commit by
// either, on as many processors as there are; and as processor time, which tells the same on a machine that others use too.
//
//	go test ./cmd/earshot -run '^$' -bench StoredLines -benchtime 20000x
func BenchmarkStoredLines(b *testing.B) {
	l := lantest.New(b, 2)
	dir := b.TempDir()
	var list []*peer.Node
	for i := range 2 {
		s, err := store.Open(filepath.Join(dir, string(rune('a'+i))))
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, fiftyNode(b, l, i+1, s))
	}
	fiftyMeet(b, list)
	feed, err := list[1].Feed(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer feed.Close()
	bound, least := storedBound(b)
	b.ResetTimer()
	begin, spent := time.Now(), processorTime(b)
	turns := make(chan bool, b.N)
	for range b.N {
		turns <- true
	}
	close(turns)
	for range storedAt {
		go func() {
			for range turns {
				if _, err := list[0].Say(b.Context(), "#"+peer.Lobby, storedText, false); err != nil {
					b.Error(err)
				}
			}
		}()
	}
	for got := 0; got < b.N; {
		events, err := feed.Next(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range events {
			switch e := e.(type) {
			case peer.Message:
				got++
			case peer.Resync:
				got += e.Dropped
			}
		}
	}
	rate := float64(b.N) / time.Since(begin).Seconds()
	spent = (processorTime(b) - spent) / time.Duration(b.N)
	b.StopTimer()
	b.ReportMetric(rate, "lines/s")
	b.ReportMetric(bound, "bound/s")
	b.ReportMetric(100*rate/bound, "%")
	b.ReportMetric(float64(spent.Microseconds()), "cpu-µs/line")
	b.ReportMetric(float64(least.Microseconds()), "cpu-bound-µs/line")
	b.ReportMetric(100*least.Seconds()/spent.Seconds(), "cpu-%")
}

// storedBound is how many lines a second the signatures, checks and commits allow, if nothing else took time and the processors
// shared the work; and the processor time of one. The author commits a line with whom it is for, and then that it has arrived.
func storedBound(b *testing.B) (rate float64, each time.Duration) {
	const batch, batches = 256, 8
	id, err := protocol.NewIdentity(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	author, err := store.Open(filepath.Join(dir, "author"))
	if err != nil {
		b.Fatal(err)
	}
	defer author.Close()
	other, err := store.Open(filepath.Join(dir, "other"))
	if err != nil {
		b.Fatal(err)
	}
	defer other.Close()
	body, err := replica.EncodeBody("node1", storedText)
	if err != nil {
		b.Fatal(err)
	}
	e := replica.Entry{
		Log:  replica.Log{Room: protocol.OpenNetwork().PublicRoom(peer.Lobby), Author: id.ID(), Epoch: 1},
		Wall: time.Now(), Kind: replica.KindText, Body: body,
	}
	var sign, check time.Duration
	begin, before := time.Now(), processorTime(b)
	for range batches {
		var said, arrived replica.Batch
		for range batch {
			e.Seq, e.Lamport = e.Seq+1, e.Lamport+1
			from := time.Now()
			v := replica.Sign(id, e)
			signed := time.Now()
			if v, err = replica.Verify(v.Raw()); err != nil {
				b.Fatal(err)
			}
			sign, check = sign+signed.Sub(from), check+time.Since(signed)
			e.Previous = v.Hash()
			line := replica.LineState{Log: e.Log, Seq: e.Seq, At: e.Wall, Audience: []protocol.PeerID{{1}}}
			said.Entries, said.Lines = append(said.Entries, v), append(said.Lines, line)
			line.Reached = []replica.Receipt{{Peer: protocol.PeerID{1}, At: e.Wall, Sendings: 1}}
			arrived.Lines = append(arrived.Lines, line)
		}
		for _, err := range []error{author.Commit(said), other.Commit(replica.Batch{Entries: said.Entries}), author.Commit(arrived)} {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	const n = batch * batches
	took := time.Since(begin)
	each = (processorTime(b) - before) / n
	b.Logf("a signature %v, a check %v, a share of the commits %v", sign/n, check/n, (took-sign-check)/n)
	return float64(runtime.NumCPU()) * n / took.Seconds(), each
}

// processorTime is what this process has spent.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
