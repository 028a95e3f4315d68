package peer_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol"
)

// benchAll has the first of nodes measure messages to everybody; the others but the last serve.
func benchAll(t *testing.T, seed uint64, count int, loss float64, spec peer.BenchSpec) (peer.BenchReport, []*node) {
	t.Helper()
	w := newWorld(t, seed)
	w.quiet = true
	var names []string
	for i := range count {
		names = append(names, fmt.Sprint("n", i))
	}
	nodes := everybody(w, names...)
	w.run(5 * time.Second)
	for _, n := range nodes[1 : count-1] {
		n.core.ServeBench()
	}
	w.lan.Set(sim.Link{Loss: loss, Delay: 50 * time.Microsecond})
	spec.All = true
	var report peer.BenchReport
	err := errors.New("no end")
	nodes[0].core.Bench(w.now, "", spec, func(r peer.BenchReport, e error) { report, err = r, e })
	nodes[0].settle()
	w.run(60 * time.Second)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return report, nodes
}

// Every message is acknowledged by everybody who serves, whatever is lost, and without loss it is one datagram at most.
func TestBenchWithEverybody(t *testing.T) {
	for _, x := range []struct {
		name  string
		spec  peer.BenchSpec
		loss  float64
		casts float64 // a message, at most
		p50   time.Duration
	}{
		{"one at a time", peer.BenchSpec{Messages: 200, Size: 100}, 0, 1, 600 * time.Microsecond},
		{"as many as go", peer.BenchSpec{Messages: 5000, Size: 100, Rate: peer.BenchFlood}, 0, 0.1, 10 * time.Millisecond},
		{"at a rate", peer.BenchSpec{Messages: 200, Rate: 2000}, 0, 1, 3 * time.Millisecond},
		{"one at a time, with loss", peer.BenchSpec{Messages: 200, Size: protocol.MaxText / 32}, 0.3, 2, 30 * time.Millisecond},
		{"as many as go, with loss", peer.BenchSpec{Messages: 2000, Size: 100, Rate: peer.BenchFlood}, 0.1, 2, 100 * time.Millisecond},
	} {
		t.Run(x.name, func(t *testing.T) {
			r, nodes := benchAll(t, 1, 7, x.loss, x.spec)
			if !r.Done || r.Members != len(nodes)-2 || r.Messages != int64(x.spec.Messages) {
				t.Fatalf("done: %v, %d members, %d messages", r.Done, r.Members, r.Messages)
			}
			if got := float64(r.Casts) / float64(r.Messages); got > x.casts {
				t.Errorf("%.2f datagrams broadcast for a message, at most %.2f", got, x.casts)
			}
			if r.Latency.P50 > x.p50 {
				t.Errorf("half of the messages took %v, at most %v", r.Latency.P50, x.p50)
			}
			if len(nodes[6].core.Drops()) == 0 || nodes[6].core.Drops()["peer: bench that is not served here"] == 0 {
				t.Errorf("who does not serve has dropped %v", nodes[6].core.Drops())
			}
		})
	}
}

// A bench cast of a run that nobody has opened here is dropped, although others know the run.
func TestBenchCastNeedsASession(t *testing.T) {
	w := newWorld(t, 1)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	w.run(5 * time.Second)
	nodes[1].core.ServeBench()
	nodes[2].core.Bench(w.now, "", peer.BenchSpec{All: true, Messages: 1000, Rate: 10}, func(peer.BenchReport, error) {})
	nodes[2].settle()
	w.run(3 * time.Second)
	e := protocol.NewEncoder()
	(&protocol.BenchCast{Instance: nodes[0].core.Instance(), Run: 7, First: 0, Data: [][]byte{{1}}}).Append(e)
	for _, i := range nodes[0].host.Interfaces() {
		if i.Loopback {
			continue
		}
		if err := nodes[0].private.Send(w.now, netip.MustParseAddrPort(fmt.Sprint("10.0.0.255:", announcePort)), i.Index, e.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	w.run(20 * time.Millisecond)
	if got := nodes[1].core.Drops()["peer: bench that is not served here"]; got != 1 {
		t.Errorf("%d dropped", got)
	}
}

// Somebody who goes in the middle of a run does not hold it up.
func TestBenchGoesOnWithoutWhoLeaves(t *testing.T) {
	w := newWorld(t, 1)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol", "dave")
	w.run(5 * time.Second)
	for _, n := range nodes[1:] {
		n.core.ServeBench()
	}
	var report peer.BenchReport
	nodes[0].core.Bench(w.now, "", peer.BenchSpec{All: true, Messages: 100, Rate: 100}, func(r peer.BenchReport, err error) {
		if report = r; err != nil {
			t.Error(err)
		}
	})
	nodes[0].settle()
	w.run(500 * time.Millisecond)
	nodes[2].core.Leave(w.now)
	nodes[2].settle()
	w.run(10 * time.Second)
	if !report.Done || report.Members != 2 || report.Messages != 100 {
		t.Errorf("%+v", report)
	}
}
