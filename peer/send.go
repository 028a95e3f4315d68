package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
	"earshot/protocol/session"
	"earshot/protocol/stream"
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
	it.queued = true
	cn.queue[class] = append(cn.queue[class], it)
	return it
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

// turnPackets is how many packets one turn sends to one instance at most: as many as one system call carries. The next turn follows at
// once, but what came in meanwhile is looked at in between.
const turnPackets = 64

// flush lets out what window, pacer and path allow, then an acknowledgement if one is due.
func (c *Core) flush(now time.Time, cn *conn) {
	l := cn.link
	var probed []*item
	for l.probes > 0 && cn.path.allows(cn.longest()) {
		l.probes--
		if l.probed.IsZero() {
			l.probed = now
		}
		c.seekPath(now, cn)
		probed = c.probe(now, l, probed)
	}
	left := turnPackets
	for ; left > 0 && cn.pending() && l.sender.Allow(now) && cn.path.allows(cn.longest()); left-- {
		d := c.begin(now, l)
		d.items = cn.fill(nil, c.budget(l))
		if d.chunk, d.piece, _ = cn.streams.Next(c.budget(l) - d.size()); d.empty() && !d.hasAck {
			break // an Ack beside which nothing fits leaves alone
		}
		c.seal(now, l, cn.path.to, d, why(d.items))
	}
	for ; left > 0 && len(cn.riding) > 0 && l.sender.Allow(now) && cn.path.allows(cn.longest()); left-- {
		d := c.begin(now, l)
		d.items = cn.ride(nil, c.budget(l))
		if d.empty() && !d.hasAck {
			break
		}
		c.seal(now, l, cn.path.to, d, "ahead of loss")
	}
	if l.receiver.Due(now) {
		c.packet(now, l, cn.path.to, nil, "")
	}
}

// probe sends what was sent longest ago and has not been acknowledged, but for what the probes before it carried.
func (c *Core) probe(now time.Time, l *link, probed []*item) []*item {
	cn := l.conn
	oldest := l.sender.Oldest(oldestMost)
	d := c.begin(now, l)
	d.items = undone(oldest, probed, c.budget(l))
	probed = append(probed, d.items...)
	if d.items = cn.fill(d.items, c.budget(l)); d.empty() {
		for _, p := range oldest {
			if chunk, ok := cn.streams.Chunk(p.piece); ok && len(chunk.Data)+frame.ChunkOverhead <= c.budget(l) {
				d.chunk, d.piece = chunk, p.piece
				d.piece.Again = true
				break
			}
		}
	}
	if d.empty() {
		// A second copy of the little there is serves better than a Ping.
		d.items = undone(oldest, nil, c.budget(l))
	}
	if d.empty() {
		d.items = []*item{cn.once(frame.Ping{})}
	}
	c.seal(now, l, cn.path.to, d, "probe")
	return probed
}

// pending tells whether something waits for a packet.
func (cn *conn) pending() bool { return cn.queue.any() || cn.streams.Pending() }

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
	items = cn.ride(items, budget)
	for _, it := range items {
		cn.board(it)
	}
	return items
}

// draft is a packet in the making: an acknowledgement, items, and a piece of a stream.
type draft struct {
	ack    frame.Ack
	hasAck bool
	items  []*item
	chunk  frame.Chunk
	piece  stream.Piece

	mtuProbe bool // its loss says nothing about the path but its MTU
}

// empty tells whether there is nothing in it that is worth a packet.
func (d *draft) empty() bool { return len(d.items) == 0 && d.piece.Stream == 0 }

// size is what the items take.
func (d *draft) size() (n int) {
	for _, it := range d.items {
		n += len(it.wire)
	}
	return n
}

// frames is what a trace shows of it.
func (d *draft) frames() []frame.Frame {
	var out []frame.Frame
	if d.hasAck {
		out = append(out, frame.Ack{Delay: d.ack.Delay, Ranges: slices.Clone(d.ack.Ranges)})
	}
	for _, it := range d.items {
		out = append(out, it.frame)
	}
	if d.piece.Stream > 0 {
		d.chunk.Data = slices.Clone(d.chunk.Data)
		out = append(out, d.chunk)
	}
	return out
}

// packet sends those items in a packet of their own. An acknowledgement that is owed rides along; without items it is all.
func (c *Core) packet(now time.Time, l *link, to protocol.Path, items []*item, why string) {
	d := c.begin(now, l)
	d.items = items
	c.seal(now, l, to, d, why)
}

// begin begins a packet with the acknowledgement that is owed, if there is one.
func (c *Core) begin(now time.Time, l *link) (d draft) {
	c.enc.Reset()
	if l.receiver.Pending() {
		if d.ack, d.hasAck = l.receiver.Ack(now); d.hasAck {
			d.ack.Append(c.enc)
		}
	}
	return d
}

// budget is how many bytes are left in the packet that was begun, on the way where the other side is reached.
func (c *Core) budget(l *link) int { return l.conn.longest() - session.Overhead - c.enc.Len() }

// seal completes the packet that was begun, and sends it.
func (c *Core) seal(now time.Time, l *link, to protocol.Path, d draft, why string) {
	carried := cargo{items: d.items, piece: d.piece}
	if d.hasAck {
		carried.hasAck, carried.ack = true, d.ack.Ranges[0].Last
	}
	eliciting := d.piece.Stream > 0
	for _, it := range d.items {
		c.enc.Raw(it.wire)
		eliciting = eliciting || frame.Eliciting(it.frame)
		it.inFlight++
		if it.lostOnce || it.inFlight > 1 {
			l.conn.resent += uint64(len(it.wire))
		}
	}
	if d.piece.Again {
		l.conn.resent += uint64(d.piece.Length)
	}
	if d.piece.Stream > 0 {
		d.chunk.Append(c.enc)
	}
	if c.enc.Len() == 0 {
		return
	}
	if l.skip--; l.skip < 0 {
		// A number left out now and then catches whoever acknowledges what never came (SPEC section 6).
		l.sender.Skipped(l.session.Skip())
		l.skip = c.nextSkip()
	}
	data, number, err := l.session.Seal(c.memory.take(c.enc.Len()+session.Overhead), c.enc.Bytes())
	if err != nil || c.cfg.Trace != nil {
		r := trace.Record{
			Time: now, Out: true, Kind: protocol.KindPacket, Path: to, Peer: l.session.Peer(), Instance: l.session.Instance(),
			Number: number, Size: len(data), Why: why,
		}
		if err != nil {
			r.Drop = err.Error()
		}
		if c.cfg.Trace != nil {
			r.Frames = d.frames()
		}
		c.trace(r)
		if err != nil {
			return
		}
	}
	carried.long = long(len(data)) && !d.mtuProbe
	// What goes elsewhere to find out whether anybody is there says nothing about this path (RFC 9000 section 9.4).
	if d.mtuProbe && to == l.conn.path.to {
		l.sender.SentMTUProbe(now, number, len(data), carried)
	} else {
		l.sender.Sent(now, number, len(data), eliciting && to == l.conn.path.to, carried)
	}
	l.conn.path.spend(len(data))
	l.conn.wire += uint64(len(data))
	l.conn.sent++
	c.send(to, data)
}

// nextSkip draws how many packets go before a number is left out.
func (c *Core) nextSkip() int { return 64 + c.rand.IntN(192) }
