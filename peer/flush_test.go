package peer_test

import (
	"net/netip"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/trace"
)

// arrival does something before a node receives a datagram.
type arrival struct {
	at *node
	do func()
}

func (a *arrival) Record(trace.Record)      {}
func (a *arrival) sent(*node, lan.Datagram) {}
func (a *arrival) delivered(n *node, _ sim.Delivery) {
	if n == a.at && a.do != nil {
		a.do()
		a.do = nil
	}
}

// An acknowledgement that is owed leaves, whatever waits: what does not fit beside it, or what has arrived by now.
func TestAckLeavesWithoutWhatWaits(t *testing.T) {
	for name, wait := range map[string]func(bob *peer.Core){
		"too long": func(bob *peer.Core) {
			bob.Queue("alice", frame.Bench{Op: frame.BenchMessage, Data: make([]byte, 1050)})
		},
		"has arrived": func(bob *peer.Core) { bob.RideDone("alice") },
	} {
		w, alice, bob := pair(t, 1, sim.Link{})
		w.run(10 * time.Second)
		alice.core.Numbers("bob", 70_000)
		alice.core.Gaps(alice.clock(), "bob", 40) // so that an Ack has many ranges
		alice.settle()
		w.run(100 * time.Millisecond)
		before := alice.core.Timeouts("bob")
		w.watch = &arrival{bob, func() { wait(bob.core) }}
		alice.core.Gaps(alice.clock(), "bob", 1)
		alice.settle()
		w.run(time.Second)
		if n := alice.core.Timeouts("bob") - before; n > 0 {
			t.Errorf("%s: %d probe timeouts for want of an acknowledgement", name, n)
		}
	}
}

// lengths notes how long what goes to an address is.
type lengths struct {
	arrival
	to   func(netip.AddrPort) bool
	n    int
	most int
}

func (l *lengths) sent(_ *node, d lan.Datagram) {
	if l.to(d.Addr) {
		l.n, l.most = l.n+1, max(l.most, len(d.Data))
	}
}

// An address that is not validated gets no long packets, since nothing is known of the path.
func TestNoLongPacketsToWhereNobodyHasAnswered(t *testing.T) {
	w, alice, bob := pair(t, 1, lan100)
	alice.serveBench()
	alice.setMTU(9000)
	bob.setMTU(9000)
	alice.bench("bob", peer.BenchSpec{Bytes: 1e9})
	bob.bench("alice", peer.BenchSpec{Bytes: 1e9})
	w.run(time.Second)
	bob.rebindPort()
	port := bob.private.Port
	l := &lengths{to: func(a netip.AddrPort) bool { return a.Port() == port }}
	w.watch = l
	w.lan.Cut(alice.host, bob.host)
	w.run(time.Second)
	if l.n < 2 || l.most > protocol.MaxDatagram {
		t.Errorf("%d datagrams of up to %d bytes", l.n, l.most)
	}
}
