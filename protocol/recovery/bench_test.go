package recovery_test

import (
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
)

// A line and its Ack, the life of chat.
func BenchmarkSenderLine(b *testing.B) {
	s := recovery.NewSender[int](recovery.SenderConfig{RTT: time.Millisecond})
	now := time.Unix(1_000_000_000, 0)
	ack := frame.Ack{Ranges: make([]protocol.Range, 1)}
	b.ReportAllocs()
	for n := uint64(0); b.Loop(); n++ {
		s.Sent(now, n, 300, true, 1)
		_ = s.Deadline()
		now = now.Add(time.Millisecond)
		ack.Ranges[0].Last = n
		if r, err := s.Receive(now, ack); err != nil || len(r.Acked) != 1 {
			b.Fatal(r, err)
		}
	}
}

// A full window of 1,000 packets, of which each Ack takes two and finds every fiftieth lost. One turn is two packets.
func BenchmarkSenderBulk(b *testing.B) {
	s := recovery.NewSender[int](recovery.SenderConfig{RTT: time.Millisecond})
	now := time.Unix(1_000_000_000, 0)
	sent, heard := uint64(0), uint64(0)
	ranges := make([]protocol.Range, 0, protocol.MaxAckRanges)
	var seen protocol.RangeSet
	b.ReportAllocs()
	for b.Loop() {
		for sent < heard+1000 {
			_ = s.Allow(now)
			s.Sent(now, sent, 1200, true, 1)
			sent++
		}
		now = now.Add(2 * time.Microsecond)
		for range 2 {
			if heard%50 != 49 {
				seen.Add(protocol.Range{First: heard, Last: heard})
			}
			heard++
		}
		if len(seen) > protocol.MaxAckRanges {
			seen = append(seen[:0], seen[1:]...)
		}
		ranges = ranges[:0]
		for i := len(seen) - 1; i >= 0; i-- {
			ranges = append(ranges, seen[i])
		}
		if _, err := s.Receive(now, frame.Ack{Ranges: ranges}); err != nil {
			b.Fatal(err)
		}
		_ = s.Deadline()
	}
	stats := s.Stats()
	b.ReportMetric(float64(stats.Lost)/float64(stats.Sent), "lost/sent")
}

// Packets in order, each second one acknowledged. One turn is one packet.
func BenchmarkReceiverInOrder(b *testing.B) {
	var r recovery.Receiver
	now := time.Unix(1_000_000_000, 0)
	b.ReportAllocs()
	for n := uint64(0); b.Loop(); n++ {
		r.Receive(now, n, true, true)
		if r.Due(now) {
			r.Ack(now)
		}
	}
}

// Every tenth packet is missing, so that all ranges are in use. One turn is one packet.
func BenchmarkReceiverGaps(b *testing.B) {
	var r recovery.Receiver
	now := time.Unix(1_000_000_000, 0)
	b.ReportAllocs()
	for n := uint64(0); b.Loop(); n++ {
		if n%10 == 0 {
			continue
		}
		r.Receive(now, n, true, true)
		if r.Due(now) {
			r.Ack(now)
		}
	}
}
