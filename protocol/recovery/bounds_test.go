package recovery_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
)

// However many gaps a sender makes, the receiver keeps the newest ranges only, and an Ack always fits.
func TestReceiverBound(t *testing.T) {
	var r recovery.Receiver
	now := time.Unix(1_000_000_000, 0)
	for n := uint64(1); n < 1000; n += 2 {
		if r.Receive(now, n, true, false) {
			t.Fatalf("%d is no duplicate", n)
		}
		ack, ok := r.Ack(now)
		if !ok || ack.Ranges[0].Last != n || len(ack.Ranges) > protocol.MaxAckRanges {
			t.Fatalf("after %d: %v", n, ack)
		}
	}
	ack, _ := r.Ack(now)
	if want := uint64(999 - 2*(protocol.MaxAckRanges-1)); ack.Ranges[len(ack.Ranges)-1].First != want {
		t.Errorf("oldest range %v, want %d", ack.Ranges[len(ack.Ranges)-1], want)
	}
	for _, n := range []uint64{1, 2, 500, 999} {
		if !r.Receive(now, n, true, false) {
			t.Errorf("%d came twice, or too late to tell", n)
		}
	}
	if r.Pending() {
		t.Error("a duplicate asks for an Ack")
	}
	if r.Receive(now, 998, true, false) {
		t.Error("998 is new")
	}
}

// A caller who sends beyond the window without end gets the oldest back at once.
func TestSenderBound(t *testing.T) {
	s := recovery.NewSender[uint64](recovery.SenderConfig{})
	now := time.Unix(1_000_000_000, 0)
	for n := range uint64(protocol.MaxTracked + 100) {
		s.Sent(now, n, 100, true, n)
	}
	r := s.Advance(now)
	if len(r.Lost) != 100 || r.Lost[0].Carried != 0 || r.Lost[99].Carried != 99 {
		t.Fatalf("%d lost, %d probes", len(r.Lost), r.Probes)
	}
	if n := s.InFlight(); n != protocol.MaxTracked {
		t.Errorf("%d in flight", n)
	}
}

// A window however large never lets more packets go than the other side's replay window can tell apart.
func TestSmallPacketsBound(t *testing.T) {
	s := recovery.NewSender[uint64](recovery.SenderConfig{RTT: 10 * time.Millisecond})
	now := time.Unix(1_000_000_000, 0)
	n := uint64(0)
	for range 20 { // round trips of slow start
		for s.InFlight() < protocol.MaxTracked {
			at := s.NextSend(now)
			if at.IsZero() {
				break
			}
			now = at
			s.Sent(now, n, 1200, true, n)
			n++
		}
		now = now.Add(10 * time.Millisecond)
		if _, err := s.Receive(now, frame.Ack{Ranges: []protocol.Range{{First: 0, Last: n - 1}}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * protocol.MaxTracked {
		if at := s.NextSend(now); !at.IsZero() {
			now = at
			s.Sent(now, n, 40, true, n)
			n++
		}
	}
	if s.InFlight() != protocol.MaxTracked || s.Allow(now.Add(time.Hour)) {
		t.Errorf("%d in flight, window %d", s.InFlight(), s.Window())
	}
}

func TestNumbersMustAscend(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a packet number used twice went unnoticed")
		}
	}()
	s := recovery.NewSender[int](recovery.SenderConfig{})
	s.Sent(time.Unix(1, 0), 4, 100, true, 0)
	s.Sent(time.Unix(1, 0), 4, 100, true, 0)
}

// FuzzHostileAcks lets the other side claim what it likes, whenever it likes: nothing is told twice, nothing
// is told that was not sent, lies are refused, and no state is left in which the sender could not go on.
func FuzzHostileAcks(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02\x00\x00\x01\x01\x00"))
	f.Add([]byte("\x00\x00\x00\x00\x03\x01\x05\x02\x03\x01\x00\x00\x01\xff\x02\x00\x03"))
	f.Fuzz(func(t *testing.T, script []byte) {
		s := recovery.NewSender[uint64](recovery.SenderConfig{RTT: time.Millisecond})
		now, next := time.Unix(1_000_000_000, 0), uint64(0)
		open := map[uint64]bool{}
		skipped := map[uint64]bool{}
		check := func(r recovery.Result[uint64]) {
			for _, a := range r.Acked {
				if !open[a.Number] || a.Carried != a.Number {
					t.Fatalf("acked %d", a.Number)
				}
				delete(open, a.Number)
			}
			for _, l := range r.Lost {
				if !open[l.Number] || l.Carried != l.Number {
					t.Fatalf("lost %d", l.Number)
				}
				delete(open, l.Number)
			}
		}
		for len(script) >= 3 {
			op, arg := script[0], uint64(binary.BigEndian.Uint16(script[1:]))
			script = script[3:]
			switch op % 5 {
			case 0:
				s.Sent(now, next, int(arg%1200), arg%7 != 0, next)
				if arg%7 != 0 {
					open[next] = true
				}
				next++
			case 1:
				s.Skipped(next)
				skipped[next] = true
				next++
			case 2:
				now = now.Add(time.Duration(arg) * 10 * time.Microsecond)
				check(s.Advance(now))
			case 3:
				s.Alive(now)
			case 4:
				first, length := arg>>8, arg&15
				ack := frame.Ack{Delay: time.Duration(arg) * time.Millisecond, Ranges: []protocol.Range{{First: first, Last: first + length}}}
				r, err := s.Receive(now, ack)
				lie := first+length >= next
				for n := range skipped {
					lie = lie || n >= first && n <= first+length
				}
				if lie != (err != nil) && len(skipped) <= protocol.MaxSkipped {
					t.Fatalf("ack %d-%d of %d, skipped %v: %v", first, first+length, next, skipped, err)
				}
				if err != nil && !errors.Is(err, recovery.ErrUnsent) && !errors.Is(err, recovery.ErrSkipped) {
					t.Fatal(err)
				}
				check(r)
			}
			if s.InFlight() != len(open) || s.BytesInFlight() < 0 {
				t.Fatalf("%d in flight, %d open", s.InFlight(), len(open))
			}
			if s.Deadline().IsZero() != (len(open) == 0) {
				t.Fatalf("deadline %v with %d open", s.Deadline(), len(open))
			}
			if wait := s.Deadline().Sub(now); len(open) > 0 && wait > protocol.MaxProbeTimeout {
				t.Fatalf("waits %v", wait)
			}
		}
	})
}
