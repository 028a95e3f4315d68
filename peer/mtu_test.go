package peer_test

import (
	"testing"
	"time"

	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol"
)

// bulk sends 5 MB and gives what came of them.
func bulk(t *testing.T, w *world, alice *node) *outcome {
	t.Helper()
	o := alice.bench("bob", peer.BenchSpec{Bytes: 5e6})
	if w.until(time.Minute, func() bool { return o.over }); !o.over || o.err != nil || o.Bytes != 5e6 {
		t.Fatalf("seed %d: %+v", w.seed, o)
	}
	return o
}

// setMTU sets that of a node's network, and lets the node know.
func (n *node) setMTU(mtu int) {
	n.host.SetMTU(2, mtu)
	n.network()
}

const headers = 28 // of IP and UDP

// lan100 is a LAN of 100 Mbit/s.
var lan100 = sim.Link{Rate: 12_500_000, Delay: 100 * time.Microsecond}

func TestPathMTUIsFound(t *testing.T) {
	for _, x := range []struct {
		name       string
		alice, bob int // MTUs: only one's own is known, what is longer than the other's is dropped without a word
		most       int // bytes of datagram that arrive
	}{
		{"Ethernet", 1500, 1500, 1472},
		{"jumbo frames", 9000, 9000, min(9000-headers, protocol.MaxPacket)},
		{"a narrow way", 1500, 1300 + headers, 1300},
		{"jumbo frames with an old switch", 9000, 1500, 1472},
		{"the least", 1228, 1228, 1200},
		{"the least, without a word", 1500, 1228, 1200},
	} {
		t.Run(x.name, func(t *testing.T) {
			for _, loss := range []float64{0, 0.05} {
				w, alice, bob := pair(t, 1, lan100)
				alice.setMTU(x.alice)
				bob.setMTU(x.bob)
				w.lan.Set(sim.Link{Rate: lan100.Rate, Delay: lan100.Delay, Loss: loss})
				w.run(10 * time.Second)
				bulk(t, w, alice)
				w.run(5 * time.Second)
				bulk(t, w, alice)
				o := bulk(t, w, alice)
				step := peer.MTUStep
				if x.most >= min(x.alice-headers, protocol.MaxPacket) || x.most == protocol.MaxDatagram {
					step = 0 // found at once, or never left
				}
				if o.MTU > x.most || loss == 0 && o.MTU < x.most-step {
					t.Errorf("at %v loss %d bytes are found, of %d", loss, o.MTU, x.most)
				}
			}
		})
	}
}

// A line needs no search.
func TestLinesNeedNoLongPackets(t *testing.T) {
	w, alice, _ := pair(t, 1, lan100)
	before := w.sent
	o := alice.bench("bob", peer.BenchSpec{Messages: 100, Size: 900})
	if w.until(time.Minute, func() bool { return o.over }); o.MTU != protocol.MaxDatagram || w.sent-before > 450 {
		t.Errorf("MTU %d, %d datagrams", o.MTU, w.sent-before)
	}
}

func TestPathThatBecomesNarrow(t *testing.T) {
	for _, x := range []struct {
		name    string
		happens func(alice, bob *node)
	}{
		{"without a word", func(_, bob *node) { bob.host.SetMTU(2, 1300+headers) }},
		{"at the own interface", func(alice, _ *node) { alice.host.SetMTU(2, 1300+headers) }},
		{"at the own interface, which is told", func(alice, _ *node) { alice.setMTU(1300 + headers) }},
	} {
		for _, lines := range []bool{false, true} {
			w, alice, bob := pair(t, 1, lan100)
			o := alice.bench("bob", peer.BenchSpec{Bytes: 20e6})
			w.run(500 * time.Millisecond)
			if p := alice.core.BenchProgress(alice.clock())[0]; p.MTU != 1472 || p.Bytes > 10e6 {
				t.Fatalf("%s: at first %+v", x.name, p)
			}
			x.happens(alice, bob)
			narrow := w.now
			if lines {
				m := alice.bench("bob", peer.BenchSpec{Messages: 5000, Size: 10, Rate: 1000})
				defer func() {
					if !m.over || m.err != nil {
						t.Errorf("%s: %+v", x.name, m)
					}
				}()
			}
			at := alice.core.BenchProgress(alice.clock())[0].Bytes
			w.until(time.Minute, func() bool { p := alice.core.BenchProgress(alice.clock()); return o.over || p[0].Bytes > at+2e6 })
			if took := w.now.Sub(narrow); took > 500*time.Millisecond {
				t.Errorf("%s, lines %v: 2 MB more take %v", x.name, lines, took)
			}
			w.until(time.Minute, func() bool { return o.over })
			w.run(10 * time.Second)
			if o.err != nil || o.Bytes != 20e6 {
				t.Errorf("%s: %+v", x.name, o)
			}
			bulk(t, w, alice)
			bulk(t, w, alice)
			if again := bulk(t, w, alice); again.MTU < 1300-peer.MTUStep || again.MTU > 1300 {
				t.Errorf("%s: later %d bytes", x.name, again.MTU)
			}
		}
	}
}
