package recovery

import (
	"math/rand/v2"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// The pseudocode of RFC 9002 appendix A, word for word as far as we follow it, beside the Sender: for any exchange both
// must say the same. Where we differ, and why:
//
//   - max_ack_delay is not a constant of 25 ms added to every probe timeout but what the peer has told lately, at most 5 ms (section 6.4).
//   - The first sample replaces that of the handshake instead of averaging with it (section 6.4).
//   - With fewer than four packets in flight that are no probes the first six timeouts do not double (section 6.6).
//   - kPersistentCongestionThreshold has a floor of 500 ms (section 6.8), and appendix B's NewReno is replaced by another controller: what
//     is left of B are the bytes in flight, and that losses below an Ack are one event.
type rfc9002 struct {
	sent                              map[uint64]rfcPacket
	largest                           int64
	latest, smoothed, variance, least time.Duration
	first                             bool
	delay                             time.Duration
	bytesInFlight                     int
	lossTime                          time.Duration
}

type rfcPacket struct {
	at   time.Duration
	size int
}

const (
	kPacketThreshold = 3
	kGranularity     = time.Millisecond
)

func (r *rfc9002) onAckReceived(now time.Duration, ack frame.Ack) (acked, lost map[uint64]bool) {
	acked = map[uint64]bool{}
	largestAcked := ack.Ranges[0].Last
	r.largest = max(r.largest, int64(largestAcked))
	newest, found := rfcPacket{}, false
	for _, x := range ack.Ranges {
		for n := x.First; n <= x.Last; n++ {
			if p, ok := r.sent[n]; ok { // DetectAndRemoveAckedPackets
				if n == largestAcked {
					newest, found = p, true
				}
				acked[n] = true
				r.bytesInFlight -= p.size
				delete(r.sent, n)
			}
		}
	}
	if len(acked) == 0 {
		return acked, r.detectAndRemoveLostPackets(now)
	}
	if found {
		r.latest = now - newest.at
		r.updateRTT(ack.Delay)
	}
	return acked, r.detectAndRemoveLostPackets(now)
}

func (r *rfc9002) updateRTT(delay time.Duration) {
	delay = min(delay, protocol.AckDelay)
	r.delay = max(r.delay*7/8, delay)
	if !r.first {
		r.first = true
		r.least, r.smoothed, r.variance = r.latest, r.latest, r.latest/2
		return
	}
	r.least = min(r.least, r.latest)
	adjusted := r.latest
	if r.latest >= r.least+delay {
		adjusted = r.latest - delay
	}
	r.variance = (3*r.variance + (r.smoothed - adjusted).Abs()) / 4
	r.smoothed = (7*r.smoothed + adjusted) / 8
}

func (r *rfc9002) detectAndRemoveLostPackets(now time.Duration) map[uint64]bool {
	r.lossTime = 0
	lost := map[uint64]bool{}
	lossDelay := max(max(r.latest, r.smoothed)*9/8, kGranularity)
	for n, p := range r.sent {
		if int64(n) > r.largest {
			continue
		}
		if p.at <= now-lossDelay || r.largest >= int64(n)+kPacketThreshold {
			delete(r.sent, n)
			r.bytesInFlight -= p.size
			lost[n] = true
		} else if at := p.at + lossDelay; r.lossTime == 0 || at < r.lossTime {
			r.lossTime = at
		}
	}
	return lost
}

func TestAppendixA(t *testing.T) {
	for seed := range uint64(200) {
		dice := rand.New(rand.NewPCG(seed, 9002))
		s := NewSender[uint64](SenderConfig{RTT: 20 * time.Millisecond})
		r := &rfc9002{sent: map[uint64]rfcPacket{}, largest: -1, smoothed: 20 * time.Millisecond, variance: 10 * time.Millisecond, latest: 20 * time.Millisecond}
		start := time.Unix(1_000_000_000, 0)
		now, next := time.Duration(0), uint64(0)
		var seen protocol.RangeSet
		same := func(what string, ours []uint64, theirs map[uint64]bool) {
			for _, n := range ours {
				if !theirs[n] {
					t.Fatalf("seed %d at %v: %d is %s here only", seed, now, n, what)
				}
			}
			if len(ours) != len(theirs) {
				t.Fatalf("seed %d at %v: %d are %s, in appendix A %d", seed, now, len(ours), what, len(theirs))
			}
		}
		numbers := func(res Result[uint64]) (acked, lost []uint64) {
			for _, a := range res.Acked {
				acked = append(acked, a.Carried)
			}
			for _, l := range res.Lost {
				lost = append(lost, l.Carried)
			}
			return acked, lost
		}
		for range 300 {
			// The first packet leaves at the very beginning, for the Sender counts from there.
			if next > 0 {
				now += time.Duration(dice.Int64N(int64(8 * time.Millisecond)))
			}
			switch dice.IntN(3) {
			case 0:
				for range 1 + dice.IntN(4) {
					size := 100 + dice.IntN(1100)
					s.Sent(start.Add(now), next, size, true, next)
					r.sent[next] = rfcPacket{now, size}
					r.bytesInFlight += size
					if dice.IntN(5) > 0 {
						seen.Add(protocol.Range{First: next, Last: next})
					}
					next++
				}
			case 1:
				if len(seen) == 0 {
					continue
				}
				ack := frame.Ack{Delay: time.Duration(dice.Int64N(int64(10 * time.Millisecond)))}
				for i := len(seen) - 1; i >= 0 && len(ack.Ranges) < 8; i-- {
					ack.Ranges = append(ack.Ranges, seen[i])
				}
				res, err := s.Receive(start.Add(now), ack)
				if err != nil {
					t.Fatal(err)
				}
				acked, lost := numbers(res)
				theirAcked, theirLost := r.onAckReceived(now, ack)
				same("acked", acked, theirAcked)
				same("lost", lost, theirLost)
			case 2:
				if r.lossTime == 0 || now < r.lossTime {
					continue
				}
				_, lost := numbers(s.Advance(start.Add(now)))
				same("lost by time", lost, r.detectAndRemoveLostPackets(now))
			}
			rtt := s.RTT()
			if r.first && (rtt.Smoothed != r.smoothed || rtt.Variance != r.variance || rtt.Min != r.least || rtt.Latest != r.latest) {
				t.Fatalf("seed %d: round trip %+v, in appendix A %+v", seed, rtt, r)
			}
			if pto := r.smoothed + max(4*r.variance, kGranularity) + r.delay; s.rtt.probeTimeout() != pto {
				t.Fatalf("seed %d: probe timeout %v, in appendix A %v", seed, s.rtt.probeTimeout(), pto)
			}
			if s.BytesInFlight() != r.bytesInFlight || s.InFlight() != len(r.sent) {
				t.Fatalf("seed %d: %d bytes in flight, in appendix B %d", seed, s.BytesInFlight(), r.bytesInFlight)
			}
			if r.lossTime > 0 && !s.Deadline().Equal(start.Add(r.lossTime)) {
				t.Fatalf("seed %d: loss timer %v, in appendix A %v", seed, s.Deadline().Sub(start), r.lossTime)
			}
		}
	}
}
