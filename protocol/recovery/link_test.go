package recovery_test

import (
	"container/heap"
	"time"

	"earshot/protocol"
)

// link is what one direction does to packets.
type link struct {
	loss, duplicate, reorder float64
	delay, jitter            time.Duration
	rate                     int              // bytes a second, 0: no bound
	queue                    int              // bytes that wait for the rate; more are dropped
	dark                     []protocol.Range // milliseconds of the run in which nothing passes
	busy                     time.Time        // until then the rate is used up
}

// flight is what is on its way, soonest first.
type flight []*datagram

func (f flight) Len() int { return len(f) }
func (f flight) Less(i, j int) bool {
	return f[i].at.Before(f[j].at) || f[i].at.Equal(f[j].at) && f[i].order < f[j].order
}
func (f flight) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flight) Push(x any)   { *f = append(*f, x.(*datagram)) }
func (f *flight) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

// carry sends a packet on its way, or not, or twice.
func (l *link) carry(w *world, d datagram) {
	ms := uint64(w.now.Sub(w.start).Milliseconds())
	for _, r := range l.dark {
		if r.First <= ms && ms <= r.Last {
			return
		}
	}
	copies := 1
	if w.rand.Float64() < l.duplicate {
		copies++
	}
	for range copies {
		if w.rand.Float64() < l.loss {
			continue
		}
		c := d
		c.at = w.now
		if l.rate > 0 {
			if l.busy.Before(w.now) {
				l.busy = w.now
			}
			if l.busy.Sub(w.now) > time.Duration(l.queue)*time.Second/time.Duration(l.rate) {
				continue
			}
			l.busy = l.busy.Add(time.Duration(d.size) * time.Second / time.Duration(l.rate))
			c.at = l.busy
		}
		c.at = c.at.Add(l.delay)
		if l.jitter > 0 {
			c.at = c.at.Add(time.Duration(w.rand.Int64N(int64(l.jitter))))
		}
		if w.rand.Float64() < l.reorder {
			c.at = c.at.Add(3*l.delay + time.Duration(w.rand.Int64N(int64(5*time.Millisecond))))
		}
		w.order++
		c.order = w.order
		heap.Push(&w.fly, &c)
	}
}
