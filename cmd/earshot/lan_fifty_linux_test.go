package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/lantest"
	"earshot/peer"
	"earshot/peer/store"
	"earshot/protocol"
	"earshot/protocol/replica"
)

// Benchmarks of one who speaks to fifty. All of them are in this process, each on a host of its own with real sockets:
//
//	go test ./cmd/earshot -run ^$ -bench Fifty -benchtime 300x
//
// An op is one message, from when it is given to when the last of the fifty has acknowledged it; then comes a pause.
// The loss is at every host, of all that arrives.
const (
	fifty       = 50
	fiftyPause  = 10 * time.Millisecond
	fiftyWarm   = 40               // lines first: who has just met fifty has strange ideas of how long answers take
	fiftyTrials = 60 * time.Second // for all to meet
)

// BenchmarkFiftyLines: a signed line, until the last has stored it.
func BenchmarkFiftyLines(b *testing.B) {
	l, list := fiftyNodes(b, func(int) replica.Store { return nil })
	for _, loss := range []int{0, 10} {
		fiftyLoss(l, loss)
		b.Run("loss="+strconv.Itoa(loss), func(b *testing.B) { fiftyLines(b, list[0]) })
	}
}

// BenchmarkFiftyLinesSQLite: the same with a file each, on one disk.
func BenchmarkFiftyLinesSQLite(b *testing.B) {
	dir := b.TempDir()
	_, list := fiftyNodes(b, func(i int) replica.Store {
		s, err := store.Open(filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			b.Fatal(err)
		}
		return s
	})
	b.Run("loss=0", func(b *testing.B) { fiftyLines(b, list[0]) })
}

// fiftyNodes starts a LAN of nodes that know each other, and how long answers take.
func fiftyNodes(b *testing.B, stores func(i int) replica.Store) (*lantest.LAN, []*peer.Node) {
	l := lantest.New(b, 1+fifty)
	l.Acquaint()
	var list []*peer.Node
	for i := range 1 + fifty {
		list = append(list, fiftyNode(b, l, i+1, stores(i)))
	}
	fiftyMeet(b, list)
	for range fiftyWarm {
		if _, err := list[0].Say(b.Context(), "#"+peer.Lobby, "warm", false); err != nil {
			b.Fatal(err)
		}
		time.Sleep(5 * fiftyPause)
	}
	return l, list
}

func fiftyLoss(l *lantest.LAN, percent int) {
	for i := range 1 + fifty {
		l.Loss(i+1, percent)
	}
}

// fiftyLines has somebody say lines, and measures them.
func fiftyLines(b *testing.B, author *peer.Node) {
	feed, err := author.Feed(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer feed.Close()
	var took []time.Duration
	const text = "a line of about a hundred bytes, which is what somebody says who has a little more to tell than yes"
	for b.Loop() {
		begin := time.Now()
		said, err := author.Say(b.Context(), "#"+peer.Lobby, text, false)
		if err != nil {
			b.Fatal(err)
		}
		for done := false; !done; {
			events, err := feed.Next(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range events {
				d, ok := e.(peer.Delivered)
				done = done || ok && d.ID == said.ID && d.Reached == fifty
			}
		}
		took = append(took, time.Since(begin))
		time.Sleep(fiftyPause)
	}
	reportTimes(b, took)
}

// BenchmarkFiftyBench: an unsigned message of 'bench run --to all', until the last has replied, one at a time and with a pause;
// and as many as go.
func BenchmarkFiftyBench(b *testing.B) {
	l, list := fiftyNodes(b, func(int) replica.Store { return nil })
	for _, n := range list[1:] {
		go func() { _ = n.ServeBench(b.Context()) }()
	}
	for _, loss := range []int{0, 1, 10} {
		fiftyLoss(l, loss)
		for _, x := range []struct {
			name string
			rate float64
			each int // messages an op
		}{{"one", 0, 1}, {"paced", 90, 1}, {"flood", peer.BenchFlood, 100}} {
			b.Run(fmt.Sprintf("loss=%d/%s", loss, x.name), func(b *testing.B) {
				r, err := list[0].Bench(b.Context(), "", peer.BenchSpec{All: true, Messages: b.N * x.each, Size: 100, Rate: x.rate})
				if err != nil || r.Members != fifty {
					b.Fatal(err, r.Members)
				}
				n := float64(r.Messages)
				b.ReportMetric(float64(r.Latency.P50)/1e6, "p50-ms")
				b.ReportMetric(float64(r.Latency.P99)/1e6, "p99-ms")
				b.ReportMetric(n/r.Elapsed.Seconds(), "msg/s")
				b.ReportMetric(float64(r.Casts)/n, "casts/msg")
				b.ReportMetric(float64(r.Packets)/n, "out/msg")
				b.ReportMetric(float64(r.Received)/n, "in/msg")
			})
		}
	}
}

// fiftyNode starts a node on a host.
func fiftyNode(b *testing.B, l *lantest.LAN, host int, s replica.Store) *peer.Node {
	id, err := protocol.NewIdentity(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	var n *peer.Node
	l.In(host, func() {
		var list []lan.Interface
		if list, err = lan.Interfaces([]string{"eth0"}); err != nil {
			return
		}
		var feed peer.Feed
		if n, feed, err = peer.Start(peer.Config{
			Identity: id, Network: protocol.OpenNetwork(), Name: "node" + strconv.Itoa(host), Store: s,
			ListInterfaces: func([]string) ([]lan.Interface, error) { return list, nil },
		}); err == nil {
			feed.Close()
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = n.Close(ctx)
	})
	return n
}

// fiftyMeet waits until the first knows all others and they know it.
func fiftyMeet(b *testing.B, list []*peer.Node) {
	begin := time.Now()
	for i, n := range list {
		want := len(list) - 1
		for {
			people, err := n.People(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			online := 0
			for _, p := range people {
				if p.Online && slices.Contains(p.Rooms, peer.Lobby) {
					online++
				}
			}
			if online == want {
				break
			}
			if time.Since(begin) > fiftyTrials {
				b.Fatalf("node %d knows %d after %v", i, online, fiftyTrials)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	b.Logf("all have met after %v", time.Since(begin))
}

// reportTimes tells the middle and the tail of times.
func reportTimes(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
}

// BenchmarkFiftyPlain is what the others are held against: a plain ARQ without keys. A message is broadcast, every
// millisecond it is sent again to each who has not answered.
func BenchmarkFiftyPlain(b *testing.B) {
	for _, loss := range []int{0, 10} {
		b.Run("loss="+strconv.Itoa(loss), func(b *testing.B) { benchmarkFiftyPlain(b, loss) })
	}
}

func benchmarkFiftyPlain(b *testing.B, loss int) {
	l := lantest.New(b, 1+fifty)
	const port = 9999
	for i := range fifty {
		var c lan.Conn
		var err error
		l.In(i+2, func() { c, err = lan.ListenShared(port) })
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() })
		go func() {
			var in lan.Batch
			for c.Read(&in) == nil {
				for _, d := range in.Datagrams {
					_, _ = c.Write([]lan.Datagram{{Data: d.Data[:8], Addr: d.Addr}})
				}
			}
		}()
	}
	var c lan.Conn
	var err error
	l.In(1, func() { c, err = lan.Listen(0) })
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	type answer struct {
		from netip.AddrPort
		n    uint64
	}
	answers := make(chan answer, 1024)
	go func() {
		var in lan.Batch
		for c.Read(&in) == nil {
			for _, d := range in.Datagrams {
				answers <- answer{d.Addr, binary.BigEndian.Uint64(d.Data)}
			}
		}
	}()
	for i := range 1 + fifty {
		if loss > 0 {
			l.Loss(i+1, loss)
		}
	}
	var took []time.Duration
	data := make([]byte, 100)
	timer := time.NewTicker(time.Millisecond)
	for n := uint64(1); b.Loop(); n++ {
		binary.BigEndian.PutUint64(data, n)
		missing := map[netip.AddrPort]bool{}
		for i := range fifty {
			missing[netip.AddrPortFrom(l.Addr(i+2), port)] = true
		}
		begin := time.Now()
		_, err := c.Write([]lan.Datagram{{Data: data, Addr: netip.MustParseAddrPort("10.77.0.255:" + strconv.Itoa(port))}})
		timer.Reset(time.Millisecond)
		for err == nil && len(missing) > 0 {
			select {
			case a := <-answers:
				if a.n == n {
					delete(missing, a.from)
				}
			case <-timer.C:
				var again []lan.Datagram
				for to := range missing {
					again = append(again, lan.Datagram{Data: data, Addr: to})
				}
				_, err = c.Write(again)
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
		time.Sleep(fiftyPause)
	}
	reportTimes(b, took)
}

// BenchmarkFiftySyncs is what fifty-one stores on one disk cost at least: each appends a little to a file and has the disk keep it.
func BenchmarkFiftySyncs(b *testing.B) {
	dir := b.TempDir()
	var files []*os.File
	for i := range 1 + fifty {
		f, err := os.Create(filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	var took []time.Duration
	page := make([]byte, 4096)
	for b.Loop() {
		begin := time.Now()
		done := make(chan error, len(files))
		for _, f := range files {
			go func() {
				_, err := f.Write(page)
				done <- errors.Join(err, f.Sync())
			}()
		}
		for range files {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(begin))
		time.Sleep(fiftyPause)
	}
	reportTimes(b, took)
}
