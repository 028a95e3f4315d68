package peer

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/session"
	"earshot/protocol/stream"
	"earshot/protocol/trace"
)

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

func why(items []*item) string {
	for _, it := range items {
		if it.lostOnce {
			return "owed again"
		}
	}
	return "new"
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
	l.conn.stirred = true
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
