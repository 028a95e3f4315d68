package recovery_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
)

// full is a sender with n packets in flight, and every fifth acknowledged twice so that there are gaps to look through.
func full(n uint64) (*recovery.Sender[int], time.Time) {
	s := recovery.NewSender[int](recovery.SenderConfig{RTT: 10 * time.Millisecond})
	now := time.Unix(1_000_000_000, 0)
	for i := range n {
		s.Sent(now, i, 1200, true, 1)
	}
	return s, now
}

// An Ack costs what it has ranges, whatever they are and however often they come, and nothing grows.
func TestAckFlood(t *testing.T) {
	s, now := full(protocol.MaxTracked)
	dice := rand.New(rand.NewPCG(3, 3))
	ranges := make([]protocol.Range, protocol.MaxAckRanges)
	flood := func() {
		last := uint64(1 + dice.IntN(protocol.MaxTracked-200)) // what is old, or has been told
		for i := range ranges {
			ranges[i] = protocol.Range{First: last, Last: last}
			if last >= 2 {
				last -= 2
			} else {
				last, ranges[i] = 0, protocol.Range{}
				if _, err := s.Receive(now, frame.Ack{Ranges: ranges[:i]}); i > 0 && err != nil {
					t.Fatal(err)
				}
				return
			}
		}
		if _, err := s.Receive(now, frame.Ack{Ranges: ranges}); err != nil {
			t.Fatal(err)
		}
	}
	for range 5000 {
		flood()
	}
	if n := testing.AllocsPerRun(5000, flood); n > 0 {
		t.Errorf("%v allocations for an Ack that says nothing new", n)
	}
	if stats := s.Stats(); stats.Acked+stats.Lost+uint64(s.InFlight()) != stats.Sent || stats.Spurious > stats.Lost {
		t.Errorf("%+v with %d in flight", stats, s.InFlight())
	}
}

// One who acknowledges what he cannot have received yet seems to have a fast network. He gains nothing beyond the limits, and a
// number left out finds him.
func TestOptimisticAcks(t *testing.T) {
	s := recovery.NewSender[int](recovery.SenderConfig{RTT: 10 * time.Millisecond})
	now, next := time.Unix(1_000_000_000, 0), uint64(0)
	for range 2000 {
		for s.Allow(now) {
			s.Sent(now, next, 1200, true, 1)
			next++
		}
		if next > 0 {
			if _, err := s.Receive(now.Add(time.Microsecond), frame.Ack{Ranges: []protocol.Range{{First: 0, Last: next - 1}}}); err != nil {
				t.Fatal(err)
			}
		}
		if s.Window() > protocol.MaxTracked*protocol.MaxDatagram || s.InFlight() > protocol.MaxTracked {
			t.Fatalf("window %d, %d in flight", s.Window(), s.InFlight())
		}
		now = now.Add(10 * time.Microsecond)
	}
	s.Skipped(next)
	s.Sent(now, next+1, 1200, true, 1)
	if _, err := s.Receive(now, frame.Ack{Ranges: []protocol.Range{{First: 0, Last: next + 1}}}); err == nil {
		t.Error("not found out")
	}
}

// An Ack of more ranges than the wire has room for is malformed, and so is whatever else does not descend.
func TestMalformedRanges(t *testing.T) {
	s, now := full(100)
	many := make([]protocol.Range, protocol.MaxAckRanges+1)
	for i := range many {
		n := uint64(90 - 2*i)
		many[i] = protocol.Range{First: n, Last: n}
	}
	for _, ranges := range [][]protocol.Range{
		nil, many,
		{{First: 5, Last: 4}},
		{{First: 1, Last: 2}, {First: 4, Last: 5}},
		{{First: 4, Last: 5}, {First: 4, Last: 4}},
		{{First: 0, Last: 1<<64 - 1}},
		{{First: 1<<64 - 1, Last: 0}},
	} {
		if _, err := s.Receive(now, frame.Ack{Ranges: ranges}); err == nil {
			t.Errorf("%v is taken", ranges)
		}
		if s.InFlight() != 100 || s.Stats().Acked > 0 {
			t.Fatalf("%v has changed something", ranges)
		}
	}
}

// On the bulk path nothing is allocated once the rings are large enough.
func TestNoAllocation(t *testing.T) {
	s := recovery.NewSender[int](recovery.SenderConfig{RTT: time.Millisecond})
	var r recovery.Receiver
	now, next := time.Unix(1_000_000_000, 0), uint64(0)
	turn := func() {
		for range 64 {
			s.Sent(now, next, 1200, true, 1)
			if next%10 > 0 {
				r.Receive(now, next, true, true)
			}
			next++
		}
		now = now.Add(time.Millisecond)
		if r.Due(now) {
			ack, _ := r.Ack(now)
			if _, err := s.Receive(now, ack); err != nil {
				t.Fatal(err)
			}
		}
		s.Advance(now)
	}
	for range 100 {
		turn()
	}
	if n := testing.AllocsPerRun(1000, turn); n > 0 {
		t.Errorf("%v allocations for 64 packets", n)
	}
}
