package recovery

import (
	"time"

	"earshot/protocol"
)

// packet is one in flight: sent, eliciting, neither acknowledged nor lost.
type packet[T any] struct {
	number  uint64
	sent    time.Duration // since the first
	stamp   stamp
	size    int32
	probe   bool
	mtu     bool // asks how long a datagram may be: if it is lost, it was too long
	gone    bool // no longer in flight, waits for the older ones to leave the queue too
	carried T
}

// history is the packets in flight, a queue in the order of their numbers and so of their times. It is a ring that
// doubles when it is full. What an Ack resolves is found by walking from the oldest: whatever it passes is acknowledged
// or lost by it, except the last few, so each packet is passed about once.
type history[T any] struct {
	ring       []packet[T] // a power of two long
	head, tail uint        // positions; the packet at head is never gone
	count      int         // in flight
	probes     int         // of these
	bytes      int         // of all in flight
}

const firstRing = 16

func (h *history[T]) at(i uint) *packet[T] { return &h.ring[i&uint(len(h.ring)-1)] }

// add makes room for one more and returns it, to be filled in except for what is told here.
func (h *history[T]) add(number uint64, size int, probe bool) *packet[T] {
	if h.tail-h.head == uint(len(h.ring)) {
		bigger := make([]packet[T], max(firstRing, 2*len(h.ring)))
		for i := h.head; i != h.tail; i++ {
			bigger[i&uint(len(bigger)-1)] = *h.at(i)
		}
		h.ring = bigger
	}
	p := h.at(h.tail)
	h.tail++
	h.count++
	h.bytes += size
	if probe {
		h.probes++
	}
	p.number, p.size, p.probe, p.mtu, p.gone = number, int32(size), probe, false, false
	return p
}

// oldest is the packet longest in flight, nil if none is. It is valid until the next add.
func (h *history[T]) oldest() *packet[T] {
	if h.count == 0 {
		return nil
	}
	return h.at(h.head)
}

// remove takes a packet out of flight. What it holds stays readable until the next add, except what was carried.
func (h *history[T]) remove(p *packet[T]) (carried T) {
	var nothing T
	carried, p.carried = p.carried, nothing // keeps nothing alive
	p.gone = true
	h.count--
	h.bytes -= int(p.size)
	if p.probe {
		h.probes--
	}
	for h.head != h.tail && h.at(h.head).gone {
		h.head++
	}
	return carried
}

// take goes through what is in flight within ranges, which descend; oldest first. Each must be removed.
func (h *history[T]) take(ranges []protocol.Range, each func(*packet[T])) {
	for i, r := h.head, len(ranges)-1; i != h.tail && r >= 0; {
		switch p := h.at(i); {
		case p.number > ranges[r].Last:
			r--
		case p.number < ranges[r].First || p.gone:
			i++
		default:
			each(p)
			i++
		}
	}
}

// first is what the oldest n carry, oldest first.
func (h *history[T]) first(n int) []T {
	out := make([]T, 0, min(n, h.count))
	for i := h.head; i != h.tail && len(out) < n; i++ {
		if p := h.at(i); !p.gone {
			out = append(out, p.carried)
		}
	}
	return out
}
