package peer_test

import (
	"fmt"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol/frame"
	"earshot/protocol/replica"
	"earshot/protocol/trace"
)

// riders counts what goes ahead of loss in packets of its own, by the type of frame.
type riders map[frame.Type]int

func (r riders) Record(t trace.Record) {
	if t.Out && t.Why == "ahead of loss" {
		for _, f := range t.Frames {
			r[f.Type()]++
		}
	}
}

func (riders) sent(*node, lan.Datagram)      {}
func (riders) delivered(*node, sim.Delivery) {}

// Lines that are said now ride ahead of loss. History, streams and what keeps things going do not: nobody waits for them,
// or a probe serves as well.
func TestOnlyLinesSaidNowRideAheadOfLoss(t *testing.T) {
	for _, loss := range []float64{0, 0.1, 0.3} {
		w, alice, bob := pair(t, 1, sim.Link{})
		r := riders{}
		w.watch = r
		w.lan.Set(sim.Link{Loss: loss})
		for i := range 200 {
			alice.say("#lobby", fmt.Sprint("line ", i))
			w.run(20 * ms)
		}
		delete(r, frame.TypeAck)
		if n := r[frame.TypeEntry]; (loss == 0) != (n == 0) || n > 200*4 || len(r) > 1 {
			t.Errorf("at %v: %v", loss, r)
		}
		// The link has a name for losing when history and a stream follow.
		clear(r)
		bulk := alice.bench("bob", peer.BenchSpec{Bytes: 1e6})
		w.done(10*time.Minute, bulk)
		bob.kill()
		w.run(10 * time.Second)
		bob.store = replica.NewMemStore()
		bob.start()
		w.run(20 * time.Second)
		delete(r, frame.TypeAck)
		delete(r, frame.TypeBench) // what asks for a run, and for its result, is waited for
		if got := len(bob.lines("#lobby")); len(r) > 0 || got != 200 {
			t.Errorf("at %v: %v, bob has %d lines back", loss, r, got)
		}
	}
}

// One message at a time, acknowledged by the application: what a plain ARQ with a timer of 1 ms needs is 2.6 ms at 10 % loss
// and 8.4 ms at 30 % (99 of 100 messages).
func TestMessagesUnderLoss(t *testing.T) {
	for _, x := range []struct {
		loss     float64
		p50, p99 time.Duration
	}{
		{0, 110 * time.Microsecond, 110 * time.Microsecond},
		{0.01, 110 * time.Microsecond, 1500 * time.Microsecond},
		{0.1, 110 * time.Microsecond, 2500 * time.Microsecond},
		{0.3, 110 * time.Microsecond, 4 * ms},
	} {
		for _, rate := range []float64{0, 200} {
			w, alice, _ := pair(t, 1, sim.Link{})
			w.lan.Set(sim.Link{Loss: x.loss})
			o := alice.bench("bob", peer.BenchSpec{Messages: 2000, Size: 100, Rate: rate})
			before := w.sent
			w.done(time.Minute, o)
			if l := o.Latency; l.P50 > x.p50 || l.P99 > x.p99 {
				t.Errorf("at %v, %v a second: %+v", x.loss, rate, l)
			}
			if n := (w.sent - before) / 2000; n > 20 || x.loss == 0 && n > 3 {
				t.Errorf("at %v, %v a second: %d datagrams a message", x.loss, rate, n)
			}
		}
	}
}

// Lines go before bulk: what they wait for is what has left already, and that is little, since bulk does not fill the link's
// queue. At 100 Mbit/s it costs them less than 5 ms.
func TestLinesBesideBulk(t *testing.T) {
	for _, link := range []sim.Link{slow, lan100} {
		w, alice, _ := pair(t, 1, link)
		bulk := alice.bench("bob", peer.BenchSpec{Bytes: int64(12 * link.Rate)})
		w.run(2 * time.Second)
		o := alice.bench("bob", peer.BenchSpec{Messages: 800, Size: 100, Rate: 100})
		w.done(time.Minute, o)
		if bulk.over {
			t.Fatal("the stream is over too soon")
		}
		few := 14 * 1500 * time.Second / time.Duration(link.Rate) // what a few packets before it take
		if l, alone := o.Latency, 2*(link.Delay+sim.Latency)+300*time.Microsecond; l.P50 > alone+few/2 || l.P99 > alone+max(few, 5*ms) {
			t.Errorf("beside bulk on %d bytes/s %v, alone %v", link.Rate, l, alone)
		}
		w.done(time.Minute, bulk)
		if share := float64(bulk.Bytes) / bulk.Elapsed.Seconds() / float64(link.Rate); share < 0.8 {
			t.Errorf("bulk has %.2f of the rate", share)
		}
	}
}
