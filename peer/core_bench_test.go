package peer_test

import (
	"net/netip"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/peer"
)

// BenchmarkBulk is a stream from one core to another, a megabyte at a time, both on one processor: what sealing, opening, and
// the account of packets cost without sockets and clocks.
func BenchmarkBulk(b *testing.B) {
	w := newWorld(b, 1)
	w.blind = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	alice.setMTU(9000)
	bob.setMTU(9000)
	w.run(10 * time.Second)
	bob.serveBench()
	o := alice.bench("bob", peer.BenchSpec{Duration: 1 << 60})
	w.run(20 * time.Millisecond)
	pass := func(from, to *node) (bytes int) {
		sends := from.core.Output().Sends
		in := make([]lan.Datagram, 0, len(sends))
		for _, d := range sends {
			if d.Addr.Port() == to.private.Port {
				bytes += len(d.Data)
				in = append(in, lan.Datagram{Data: d.Data, Addr: netip.AddrPortFrom(from.host.Interfaces()[1].Addr.Addr(), from.private.Port), Interface: 2})
			}
		}
		if len(in) > 0 {
			to.core.Receive(w.now, in)
		}
		return bytes
	}
	const size = 1e6
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for n := 0; n < size; {
			w.now = w.now.Add(100 * time.Microsecond)
			alice.core.Advance(w.now)
			n += pass(alice, bob)
			bob.core.Advance(w.now)
			pass(bob, alice)
			if o.over {
				b.Fatalf("%+v", o)
			}
		}
	}
	b.ReportMetric(float64(alice.core.BenchProgress(w.now)[0].MTU), "MTU")
}
