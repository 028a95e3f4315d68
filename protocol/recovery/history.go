package recovery

import (
	"sort"
	"time"

	"earshot/protocol"
)

// packet is one in flight: sent, eliciting, neither acknowledged nor lost.
type packet[T any] struct {
	number  uint64
	sent    time.Time
	size    int
	probe   bool
	gone    bool // no longer in flight, waits for the older ones to leave the queue too
	carried T
}

// history is the packets in flight, a queue in the order of their numbers and so of their times.
type history[T any] struct {
	queue  []packet[T] // from head on; queue[head] is never gone
	head   int
	count  int // in flight
	probes int // of these
	bytes  int // of all in flight
}

func (h *history[T]) add(p packet[T]) {
	if len(h.queue) == cap(h.queue) && h.head > len(h.queue)/2 {
		n := copy(h.queue, h.queue[h.head:])
		clear(h.queue[n:])
		h.queue, h.head = h.queue[:n], 0
	}
	h.queue = append(h.queue, p)
	h.count++
	h.bytes += p.size
	if p.probe {
		h.probes++
	}
}

// oldest is the packet longest in flight, nil if none is. It is valid until the next add or remove.
func (h *history[T]) oldest() *packet[T] {
	if h.count == 0 {
		return nil
	}
	return &h.queue[h.head]
}

// find is the place in the queue of the first packet with this number or a greater one.
func (h *history[T]) find(number uint64) int {
	rest := h.queue[h.head:]
	return h.head + sort.Search(len(rest), func(i int) bool { return rest[i].number >= number })
}

// remove takes the packet at place i out of flight. Places stay as they are until the next add.
func (h *history[T]) remove(i int) packet[T] {
	p := h.queue[i]
	h.queue[i] = packet[T]{number: p.number, gone: true} // keeps nothing alive
	h.count--
	h.bytes -= p.size
	if p.probe {
		h.probes--
	}
	for h.head < len(h.queue) && h.queue[h.head].gone {
		h.head++
	}
	if h.head == len(h.queue) {
		h.queue, h.head = h.queue[:0], 0
	}
	return p
}

// take removes what is in flight within r, oldest first.
func (h *history[T]) take(r protocol.Range, each func(packet[T])) {
	for i := h.find(r.First); i < len(h.queue) && h.queue[i].number <= r.Last; i++ {
		if !h.queue[i].gone {
			each(h.remove(i))
		}
	}
}

// all is what is in flight, oldest first.
func (h *history[T]) all() []T {
	out := make([]T, 0, h.count)
	for i := range h.queue[h.head:] {
		if p := &h.queue[h.head+i]; !p.gone {
			out = append(out, p.carried)
		}
	}
	return out
}
