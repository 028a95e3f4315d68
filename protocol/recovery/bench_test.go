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

// bulk is 300 MB/s: a thousand packets in flight, of which each Ack takes so many, as a batch is read, and finds every
// lossy-th lost. One turn is one packet, sent and resolved.
func bulk(b *testing.B, batch uint64, lossy uint64) {
	s := recovery.NewSender[int](recovery.SenderConfig{RTT: time.Millisecond})
	now := time.Unix(1_000_000_000, 0)
	ranges := make([]protocol.Range, 0, protocol.MaxAckRanges)
	sent, heard := uint64(0), uint64(0)
	for range 1000 {
		s.Sent(now, sent, 1200, true, 1)
		sent++
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Allow(now)
		s.Sent(now, sent, 1200, true, 1)
		if sent++; sent%batch > 0 {
			continue
		}
		now = now.Add(time.Duration(batch) * 4 * time.Microsecond)
		heard += batch
		ranges = ranges[:0]
		if lossy == 0 {
			ranges = append(ranges, protocol.Range{First: max(heard, 2000) - 2000, Last: heard - 1})
		}
		for last := heard - 1; lossy > 0 && len(ranges) < protocol.MaxAckRanges && last > lossy; {
			first := last/lossy*lossy + 1 // multiples are lost
			if last%lossy == 0 {
				last--
				continue
			}
			ranges = append(ranges, protocol.Range{First: first, Last: last})
			last = first - 2
		}
		if len(ranges) == 0 {
			continue
		}
		if _, err := s.Receive(now, frame.Ack{Ranges: ranges}); err != nil {
			b.Fatal(err)
		}
		_ = s.Deadline()
		_ = s.NextSend(now)
	}
	stats := s.Stats()
	b.ReportMetric(float64(stats.Lost)/float64(stats.Sent), "lost/sent")
}

func BenchmarkSenderBulk(b *testing.B)      { bulk(b, 32, 0) }
func BenchmarkSenderBulkPairs(b *testing.B) { bulk(b, 2, 0) }
func BenchmarkSenderBulkLossy(b *testing.B) { bulk(b, 32, 50) }
func BenchmarkSenderBulkTenth(b *testing.B) { bulk(b, 32, 10) }

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
