package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// Latency is what every datagram takes from host to host at the least, LocalLatency within one host.
const (
	Latency      = 50 * time.Microsecond
	LocalLatency = 10 * time.Microsecond
)

// Link is how a wire treats the datagrams from one host to another. Shares are 0 to 1, of all datagrams.
// The zero Link is a perfect wire.
type Link struct {
	Loss          float64
	LossBurst     float64 // mean number of datagrams lost in a row; up to 1: each by itself (Gilbert's model otherwise)
	BroadcastLoss float64 // in addition, of broadcasts
	Duplicate     float64
	Reorder       float64 // held back 1 to 5 ms, so that later ones overtake
	Corrupt       float64 // one bit is flipped
	Truncate      float64 // cut to a shorter length, which may be 0
	Delay         time.Duration
	Jitter        time.Duration // up to so much more, which may reorder too
	Rate          int           // bytes per second, headers of IP and UDP included, of all that goes from one host to the other; 0: no limit
	Queue         int           // datagrams that may wait for the rate while one leaves; one more is dropped (tail drop). 0: DefaultQueue
}

// DefaultQueue is how many datagrams wait for the rate of a link that does not say.
const DefaultQueue = 100

// flow is a sending socket's link to one receiving interface.
type flow struct {
	rand *rand.Rand
	lose bool   // within a burst of losses
	n    uint64 // datagrams
}

// queue is what waits for the rate between two hosts: when each datagram will have left.
type queue struct{ leaves []time.Time }

func newFlow(seed uint64, name string) *flow {
	b := binary.BigEndian.AppendUint64(nil, seed)
	return &flow{rand: rand.New(rand.NewChaCha8(sha256.Sum256(append(b, name...))))}
}

// arrival is one copy of a datagram at the other end.
type arrival struct {
	at   time.Time
	data []byte
}

// carry decides what becomes of a datagram. It draws equally often for each, whatever the link is set to,
// so that one fault more leaves the others as they were.
func (f *flow) carry(now time.Time, l Link, q *queue, broadcast bool, data []byte) []arrival {
	var (
		lost      = f.lost(l)
		unheard   = f.rand.Float64() < l.BroadcastLoss && broadcast
		duplicate = f.rand.Float64() < l.Duplicate
		reorder   = f.rand.Float64() < l.Reorder
		corrupt   = f.rand.Float64() < l.Corrupt
		truncate  = f.rand.Float64() < l.Truncate
		where     = f.rand.Float64()
		length    = f.rand.Float64()
		hold      = f.between(time.Millisecond, 5*time.Millisecond)
		jitter    = f.between(0, l.Jitter)
		second    = f.between(0, l.Jitter+time.Millisecond)
	)
	at, ok := q.join(now, l, len(data)+headers) // what is lost on the wire has waited as well
	if lost || unheard || !ok {
		return nil
	}
	data = append([]byte{}, data...)
	if corrupt && len(data) > 0 {
		bit := int(where * float64(8*len(data)))
		data[bit/8] ^= 1 << (bit % 8)
	}
	if truncate {
		data = data[:int(length*float64(len(data)))]
	}
	at = at.Add(Latency + l.Delay + jitter)
	if reorder {
		at = at.Add(hold)
	}
	out := []arrival{{at, data}}
	if duplicate {
		out = append(out, arrival{at.Add(second), append([]byte{}, data...)})
	}
	return out
}

func (f *flow) lost(l Link) bool {
	draw := f.rand.Float64()
	if l.LossBurst <= 1 || l.Loss <= 0 || l.Loss >= 1 {
		return draw < l.Loss
	}
	// A burst ends with a chance that gives its mean length, and begins with one that gives the share.
	if f.lose {
		f.lose = draw >= 1/l.LossBurst
	} else {
		f.lose = draw < l.Loss/(1-l.Loss)/l.LossBurst
	}
	return f.lose
}

// join is when a datagram of a size has left by a link with a rate; ok is false if the queue is full.
func (q *queue) join(now time.Time, l Link, size int) (left time.Time, ok bool) {
	gone := 0
	for gone < len(q.leaves) && !q.leaves[gone].After(now) {
		gone++
	}
	q.leaves = q.leaves[gone:]
	if l.Rate == 0 {
		return now, true
	}
	most := l.Queue
	if most == 0 {
		most = DefaultQueue
	}
	start := now
	if n := len(q.leaves); n > most {
		return now, false
	} else if n > 0 {
		start = q.leaves[n-1]
	}
	left = start.Add(time.Duration(size) * time.Second / time.Duration(l.Rate))
	q.leaves = append(q.leaves, left)
	return left, true
}

func (f *flow) between(from, to time.Duration) time.Duration {
	return from + time.Duration(f.rand.Float64()*float64(to-from))
}
