package peer

import (
	"iter"
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
	"earshot/protocol/session"
	"earshot/protocol/trace"
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
	onDone   func(now time.Time, rtt time.Duration)
}

// cargo is what one packet carries: items, and the greatest number that it acknowledges.
type cargo struct {
	items  []*item
	ack    uint64
	hasAck bool
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

func (q *queue) full() bool {
	n := 0
	for _, c := range q {
		n += len(c)
	}
	return n > queueMost
}

func (q *queue) any() bool {
	for _, c := range q {
		if len(c) > 0 {
			return true
		}
	}
	return false
}

// newItem encodes a frame.
func newItem(f frame.Frame, class int) *item {
	e := protocol.NewEncoder()
	f.Append(e)
	return &item{frame: f, wire: e.Bytes(), class: class}
}

func once(f frame.Frame) *item {
	it := newItem(f, classControl)
	it.once = true
	return it
}

// put queues a frame for whatever session there is.
func (cn *conn) put(f frame.Frame, class int) *item {
	it := newItem(f, class)
	if len(it.wire) > session.MaxPayload {
		it.done = true // it could never leave; nothing makes such a frame
		return it
	}
	it.queued = true
	cn.queue[class] = append(cn.queue[class], it)
	return it
}

// lostPackets makes owed again what packets carried that are lost, in the order in which it was sent.
func (cn *conn) lostPackets(lost []recovery.Lost[cargo]) {
	var all []*item
	for _, l := range lost {
		all = append(all, l.Carried.items...)
	}
	cn.lost(all)
}

// items is what packets carried.
func items(packets []cargo) iter.Seq[*item] {
	return func(yield func(*item) bool) {
		for _, p := range packets {
			for _, it := range p.items {
				if !yield(it) {
					return
				}
			}
		}
	}
}

// lost makes items owed again whose last packet in flight is lost.
func (cn *conn) lost(items []*item) {
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

// flush lets out what window, pacer and path allow, then an acknowledgement if one is due.
func (c *Core) flush(now time.Time, cn *conn) {
	l := cn.link
	var probed []*item
	for l.probes > 0 && cn.path.allows(protocol.MaxDatagram) {
		l.probes--
		if l.probed.IsZero() {
			l.probed = now
		}
		frames := c.ack(now, l)
		items := undone(l.sender.Oldest(oldestMost), probed, c.budget())
		probed = append(probed, items...)
		if items = cn.fill(items, c.budget()); len(items) == 0 {
			// A second copy of the little there is serves better than a Ping.
			items = undone(l.sender.Oldest(oldestMost), nil, c.budget())
		}
		if len(items) == 0 {
			items = []*item{once(frame.Ping{})}
		}
		c.seal(now, l, cn.path.to, frames, items, "probe")
	}
	for cn.queue.any() && l.sender.Allow(now) && cn.path.allows(protocol.MaxDatagram) {
		frames := c.ack(now, l)
		items := cn.fill(nil, c.budget())
		if len(frames)+len(items) == 0 {
			break
		}
		c.seal(now, l, cn.path.to, frames, items, why(items))
	}
	if l.receiver.Due(now) {
		c.packet(now, l, cn.path.to, nil, "")
	}
}

func why(items []*item) string {
	for _, it := range items {
		if it.lostOnce {
			return "owed again"
		}
	}
	return "new"
}

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
	return items
}

// packet sends those items in a packet of their own. An acknowledgement that is owed rides along; without items it is all.
func (c *Core) packet(now time.Time, l *link, to protocol.Path, items []*item, why string) {
	c.seal(now, l, to, c.ack(now, l), items, why)
}

// ack begins a packet with the acknowledgement that is owed, if there is one.
func (c *Core) ack(now time.Time, l *link) []frame.Frame {
	c.begin()
	if !l.receiver.Pending() {
		return nil
	}
	ack, ok := l.receiver.Ack(now)
	if !ok {
		return nil
	}
	ack.Ranges = slices.Clone(ack.Ranges) // traces keep it
	ack.Append(c.enc)
	return []frame.Frame{ack}
}

// begin begins a packet without an acknowledgement.
func (c *Core) begin() []frame.Frame {
	c.enc.Reset()
	return nil
}

// budget is how many bytes are left in the packet that was begun.
func (c *Core) budget() int { return session.MaxPayload - c.enc.Len() }

// seal adds items to the packet that was begun with frames, and sends it.
func (c *Core) seal(now time.Time, l *link, to protocol.Path, frames []frame.Frame, items []*item, why string) {
	carried := cargo{items: items}
	if len(frames) > 0 {
		carried.hasAck, carried.ack = true, frames[0].(frame.Ack).Ranges[0].Last
	}
	eliciting := false
	for _, it := range items {
		c.enc.Raw(it.wire)
		frames = append(frames, it.frame)
		eliciting = eliciting || frame.Eliciting(it.frame)
		it.inFlight++
	}
	if c.enc.Len() == 0 {
		return
	}
	if l.skip--; l.skip < 0 {
		// A number left out now and then catches whoever acknowledges what never came (SPEC section 6).
		l.sender.Skipped(l.session.Skip())
		l.skip = c.nextSkip()
	}
	data, number, err := l.session.Seal(nil, c.enc.Bytes())
	r := trace.Record{
		Time: now, Out: true, Kind: protocol.KindPacket, Path: to, Peer: l.session.Peer(), Instance: l.session.Instance(),
		Number: number, Size: len(data), Frames: frames, Why: why,
	}
	if err != nil {
		r.Drop = err.Error()
		c.trace(r)
		return
	}
	// What goes elsewhere to find out whether anybody is there says nothing about this path (RFC 9000 section 9.4).
	l.sender.Sent(now, number, len(data), eliciting && to == l.conn.path.to, carried)
	l.conn.path.spend(len(data))
	c.trace(r)
	c.send(to, data)
}

// nextSkip draws how many packets go before a number is left out.
func (c *Core) nextSkip() int { return 64 + c.rand.IntN(192) }
