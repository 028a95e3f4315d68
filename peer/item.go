package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
	"earshot/protocol/session"
	"earshot/protocol/stream"
)

// item is one frame on its way to one peer: queued, in flight in one or more packets, or done.
// A packet is never sent again; an item that was lost with it is owed again (house rule 4).
type item struct {
	frame    frame.Frame
	wire     []byte
	class    int
	once     bool // not owed again: a Ping or a path challenge that is late is of no use
	queued   bool
	inFlight int
	done     bool
	lostOnce bool
	boarded  bool // has ridden ahead of loss
	onDone   func(now time.Time, rtt time.Duration)
}

// cargo is what one packet carries: items, a piece of a stream, and the greatest number that it acknowledges.
type cargo struct {
	items  []*item
	piece  stream.Piece
	ack    uint64
	hasAck bool
	long   bool // the packet, MTU probes excepted
}

// Classes of items, the most urgent first: a file never delays a line, a line never delays an acknowledgement.
const (
	classControl = iota
	classChat
	classBulk
	classes
)

// queue holds the items that wait for a packet, by class.
type queue [classes][]*item

// oldestMost is how many packets are looked through for what a probe should carry.
const oldestMost = 64

// queueMost is how many items may wait for one instance before nothing is added that is not needed at once:
// about protocol.SessionFlowWindow bytes of full packets.
const queueMost = protocol.SessionFlowWindow / protocol.MaxDatagram

func (q *queue) len() (n int) {
	for _, c := range q {
		n += len(c)
	}
	return n
}

func (q *queue) full() bool { return q.len() > queueMost }

func (q *queue) any() bool {
	for _, c := range q {
		if len(c) > 0 {
			return true
		}
	}
	return false
}

// item encodes a frame.
func (cn *conn) item(f frame.Frame, class int) *item {
	cn.enc.Reset()
	f.Append(cn.enc)
	return &item{frame: f, wire: slices.Clone(cn.enc.Bytes()), class: class}
}

func (cn *conn) once(f frame.Frame) *item {
	it := cn.item(f, classControl)
	it.once = true
	return it
}

// put queues a frame for whatever session there is.
func (cn *conn) put(f frame.Frame, class int) *item {
	it := cn.item(f, class)
	if len(it.wire) > session.MaxPayload {
		it.done = true // it could never leave; nothing makes such a frame
		return it
	}
	it.queued, cn.stirred = true, true
	cn.queue[class] = append(cn.queue[class], it)
	return it
}

// again queues an item once more that the other side seems to wait for, unless it has arrived or is queued.
func (cn *conn) again(it *item) {
	if !it.done && !it.queued {
		it.queued, cn.stirred = true, true
		cn.queue[it.class] = append(cn.queue[it.class], it)
	}
}

// lostPackets makes owed again what packets carried that are lost, in the order in which it was sent.
func (c *Core) lostPackets(now time.Time, cn *conn, lost []recovery.Lost[cargo]) {
	var all []*item
	missing := 0
	for _, l := range lost {
		all = append(all, l.Carried.items...)
		cn.streams.Lost(l.Carried.piece)
		if l.Carried.long {
			missing = 1 // what is lost at once may have been one burst
		}
	}
	cn.lost(all)
	c.miss(now, cn, missing)
}

// dropped gives up what packets carried that are lost under a policy that sends nothing again. Streams are never given up:
// they would have no end.
func (cn *conn) dropped(lost []recovery.Lost[cargo]) {
	for _, l := range lost {
		for _, it := range l.Carried.items {
			it.inFlight--
		}
		cn.streams.Lost(l.Carried.piece)
	}
}

// owe makes owed again what was in flight on a session that is over.
func (cn *conn) owe(packets []cargo) {
	var all []*item
	for _, p := range packets {
		all = append(all, p.items...)
		cn.streams.Lost(p.piece)
	}
	cn.lost(all)
}

// lost makes items owed again whose last packet in flight is lost.
func (cn *conn) lost(items []*item) {
	if len(items) == 0 {
		return
	}
	var again [classes][]*item
	for _, it := range items {
		it.inFlight--
		if it.done || it.once || it.queued || it.inFlight > 0 {
			continue
		}
		if s, ok := it.frame.(frame.Self); ok && s.Counter < cn.self.told {
			continue // a newer Self says everything
		}
		it.queued, it.lostOnce = true, true
		again[it.class] = append(again[it.class], it)
	}
	for class, list := range again {
		if len(list) > 0 {
			cn.queue[class] = slices.Concat(list, cn.queue[class])
		}
	}
}

// acked marks what a packet carried as received.
func (l *link) acked(now time.Time, packet cargo, rtt time.Duration) {
	if packet.hasAck {
		l.receiver.Acked(packet.ack)
	}
	if packet.long {
		l.conn.mtu.missing = 0
	}
	if packet.piece.Stream > 0 {
		l.conn.streams.Acked(packet.piece)
	}
	for _, it := range packet.items {
		it.inFlight--
		if it.done {
			continue
		}
		it.done = true
		if it.onDone != nil {
			it.onDone(now, rtt)
		}
	}
}

// pending tells whether something waits for a packet.
func (cn *conn) pending() bool { return cn.queue.any() || cn.streams.Pending() }

// undone is what of the oldest packets is still owed and not in skip, as much as fits.
func undone(packets []cargo, skip []*item, budget int) []*item {
	var out []*item
	for _, p := range packets {
		for _, it := range p.items {
			if it.done || it.once || it.queued || slices.Contains(skip, it) || slices.Contains(out, it) {
				continue
			}
			if budget -= len(it.wire); budget < 0 {
				return out
			}
			out = append(out, it)
		}
	}
	return out
}

// fill adds queued items to those given, the most urgent first, as long as they fit.
func (cn *conn) fill(items []*item, budget int) []*item {
	for _, it := range items {
		budget -= len(it.wire)
	}
	for class := range cn.queue {
		q := cn.queue[class]
		n := 0
		for n < len(q) && len(q[n].wire) <= budget {
			it := q[n]
			n++
			it.queued = false
			if it.done {
				continue
			}
			budget -= len(it.wire)
			items = append(items, it)
		}
		cn.queue[class] = q[n:]
		if n < len(q) {
			break // the order within and between classes is kept
		}
		cn.queue[class] = nil
	}
	items = cn.ride(items, budget)
	for _, it := range items {
		cn.board(it)
	}
	return items
}
