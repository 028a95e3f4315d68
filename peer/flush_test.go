package peer_test

import (
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/sim"
	"earshot/peer"
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
