package peer

import (
	"errors"
	"slices"
	"time"

	"earshot/discovery/lan"
	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/replica"
	"earshot/protocol/session"
	"earshot/protocol/trace"
)

// Reasons for which a datagram is not used, beside those of the parsers. They are counted and traced, nothing more (house rule 5).
var (
	errRate       = errors.New("peer: too many from one source")
	errOffLink    = errors.New("peer: announcement from off the link")
	errDuplicate  = errors.New("peer: duplicate packet")
	errNoSession  = errors.New("peer: no session with that index")
	errLeaving    = errors.New("peer: leaving")
	errChecks     = errors.New("peer: too many signatures to check")
	errNotMember  = errors.New("peer: entry of a room that this node is not in")
	errBusy       = errors.New("peer: too much on its way to that peer")
	errReadMark   = errors.New("peer: read mark although this node shares none")
	errNoLine     = errors.New("peer: read mark of a line that is not here")
	errNotAllowed = errors.New("peer: frame about a room that its sender is not in")
)

// datagram is one that was received.
type datagram struct {
	Path protocol.Path // whence it came, and on which interface
	Data []byte
}

// Receive takes datagrams from either socket, all of them before anything else is done. Their memory is the caller's again
// when it returns.
func (c *Core) Receive(now time.Time, ds []lan.Datagram) {
	for _, d := range ds {
		c.receive(now, datagram{Path: protocol.Path{Addr: d.Addr, Interface: d.Interface}, Data: d.Data})
	}
	c.turn(now)
}

func (c *Core) receive(now time.Time, d datagram) {
	kind, err := protocol.ParseKind(d.Data)
	if err == nil && kind == protocol.KindPacket && !c.leaving.left {
		c.receivePacket(now, d)
		return
	}
	r := trace.Record{Time: now, Kind: kind, Path: d.Path, Size: len(d.Data)}
	if kind != protocol.KindBench {
		d.Data = slices.Clone(d.Data) // entries are slices of the cast that brought them, and are kept
	}
	switch {
	case err != nil:
	case c.leaving.left:
		err = errLeaving
	case !c.gate.admit(now, d.Path.Addr, kind, c.live(d.Path)):
		err = errRate
	case kind == protocol.KindAnnouncement:
		err = c.receiveAnnouncement(now, d, &r)
	case kind == protocol.KindCast:
		err = c.receiveCast(now, d, &r)
	case kind == protocol.KindBench:
		err = c.receiveBenchCast(now, d, &r)
	default:
		err = c.endpoint.Receive(now, d.Path, kind, d.Data)
	}
	if err != nil {
		r.Drop = err.Error()
	}
	c.trace(r)
	c.meet(now) // the first packet of a new session may be the next in the batch
}

// live tells whether an address is that of a session.
func (c *Core) live(p protocol.Path) bool {
	for _, cn := range c.conns {
		if cn.path.to.Addr == p.Addr {
			return true
		}
	}
	return false
}

func (c *Core) traceHandshake(now time.Time, out bool, kind protocol.Kind, path protocol.Path, size int, why string, err error) {
	r := trace.Record{Time: now, Out: out, Kind: kind, Path: path, Size: size, Why: why}
	if err != nil {
		r.Drop = err.Error()
	}
	c.trace(r)
}

// receiveAnnouncement learns of a candidate, or that what a known one has has changed.
func (c *Core) receiveAnnouncement(now time.Time, d datagram, r *trace.Record) error {
	a, err := protocol.ParseAnnouncement(d.Data)
	if err != nil {
		return err
	}
	r.Instance, r.Number = a.Instance, a.Counter
	if !c.air.onLink(d.Path) {
		return errOffLink
	}
	at := protocol.Path{Addr: addrPort(d.Path.Addr.Addr(), a.Port), Interface: d.Path.Interface}
	if err := c.roster.Announced(now, a, at); err != nil {
		return err
	}
	if cn := c.conn(a.Instance); cn != nil && a.Digest != cn.digest {
		cn.digest = a.Digest
		if cn.compare.IsZero() && a.Digest != c.logs.index.Heads(c.rooms.public()) {
			cn.stirred = true
			cn.compare = now.Add(c.jitter(protocol.DigestMin, protocol.DigestMax))
		}
	}
	return nil
}

// receiveCast takes entries that their author sent to everybody at once.
func (c *Core) receiveCast(now time.Time, d datagram, r *trace.Record) error {
	cast, err := protocol.ParseCast(d.Data)
	if err != nil {
		return err
	}
	for _, raw := range cast.Entries {
		r.Frames = append(r.Frames, frame.Entry{Raw: raw})
	}
	if !c.air.onLink(d.Path) {
		return errOffLink
	}
	for _, raw := range cast.Entries {
		log, _, perr := replica.Peek(raw)
		switch p := c.people.byID[log.Author]; {
		case perr != nil:
			err = perr
		case log.Author == c.id && log.Epoch == c.rooms.epoch || c.seen(raw):
		case c.rooms.publicByID(log.Room) == nil:
			err = errNotMember
		case !c.gate.check(now, log.Author, p != nil && len(p.conns) > 0):
			err = errChecks
		default:
			if merr := c.merge(now, raw, nil); merr != nil {
				err = merr
			}
		}
	}
	return err
}

// seen tells whether an entry is here already.
func (c *Core) seen(raw []byte) bool {
	seen, err := c.logs.index.Seen(raw)
	return err == nil && seen
}

// receivePacket opens a packet, does what its frames say, and leaves a trace.
func (c *Core) receivePacket(now time.Time, d datagram) {
	r := trace.Record{Time: now, Kind: protocol.KindPacket, Path: d.Path, Size: len(d.Data)}
	err := c.packetCame(now, d, &r)
	if err != nil {
		r.Drop = err.Error()
	}
	if err != nil || c.cfg.Trace != nil {
		c.trace(r)
	}
}

func (c *Core) packetCame(now time.Time, d datagram, r *trace.Record) error {
	index, err := session.Index(d.Data)
	if err != nil {
		return err
	}
	l := c.links[index]
	if l == nil {
		return errNoSession
	}
	payload, number, err := l.session.Open(d.Data)
	r.Number = number
	if err != nil {
		return err
	}
	cn := l.conn
	cn.stirred = true
	r.Peer, r.Instance = cn.person.id, cn.instance
	if c.cfg.Trace != nil {
		r.Frames, _ = frame.Parse(payload)
	}
	p := &c.packetIn
	if err := p.Parse(payload); err != nil {
		c.shut(now, cn, frame.CloseProtocol, "malformed packet")
		return err
	}
	if l == cn.next {
		c.promote(now, cn)
	}
	if l.session.Initiator() {
		c.endpoint.Confirm(index)
	}
	cn.heard, cn.person.seen = now, now
	cn.received++
	c.roster.Life(now, cn.instance)
	if l.receiver.Receive(now, number, p.Eliciting, bulk(p)) {
		return errDuplicate
	}
	if l == cn.link {
		c.arrived(now, cn, d.Path, len(d.Data), number >= l.greatest && !probing(p))
	}
	l.greatest = max(l.greatest, number)
	l.sender.Alive(now)
	if !l.probed.IsZero() && now.Sub(l.probed) >= protocol.SilenceReset {
		c.compareLogs(cn) // it was away; who merely had nothing to say has missed nothing
	}
	l.probed = time.Time{}
	c.status.touch(now)
	return c.handlePacket(now, l, d.Path, p)
}

// bulk tells whether nobody waits for an acknowledgement of a packet: it holds pieces of streams and what keeps them going.
func bulk(p *frame.Packet) bool {
	for _, f := range p.Others {
		if f.Type() != frame.TypeCredit {
			return false
		}
	}
	return len(p.Benches) == 0 && len(p.Chunks) > 0
}

// probing tells whether a packet belongs to a path challenge.
func probing(p *frame.Packet) bool {
	for _, f := range p.Others {
		if t := f.Type(); t == frame.TypePathChallenge || t == frame.TypePathResponse {
			return true
		}
	}
	return false
}

// handlePacket does what a packet's frames say, until one ends the session.
func (c *Core) handlePacket(now time.Time, l *link, from protocol.Path, p *frame.Packet) (err error) {
	cn := l.conn
	l.challenged = false
	note := func(ferr error) bool {
		if ferr != nil {
			err = ferr
		}
		return !cn.gone
	}
	for _, f := range p.Acks {
		if !note(c.acknowledged(now, l, f)) {
			return err
		}
	}
	for _, f := range p.Others {
		if !note(c.handle(now, l, from, f)) {
			return err
		}
	}
	for _, f := range p.Benches {
		if !note(c.receiveBench(now, cn, f)) {
			return err
		}
	}
	for _, f := range p.Chunks {
		if !note(c.receiveChunk(now, cn, f)) {
			return err
		}
	}
	return err
}

// acknowledged takes the other side's Ack.
func (c *Core) acknowledged(now time.Time, l *link, f frame.Ack) error {
	res, err := l.sender.Receive(now, f)
	if err != nil {
		c.shut(now, l.conn, frame.CloseProtocol, "acknowledged what was never sent")
		return err
	}
	for _, a := range res.Acked {
		l.acked(now, a.Carried, a.RTT)
	}
	c.lostPackets(now, l.conn, res.Lost)
	l.conn.dropped(res.Dropped)
	l.probes = max(l.probes, res.Probes)
	return nil
}

// handle does what one frame says.
func (c *Core) handle(now time.Time, l *link, from protocol.Path, f frame.Frame) error {
	cn := l.conn
	switch f := f.(type) {
	case frame.Self:
		c.meetSelf(now, cn, f)
	case frame.Peers:
		for _, p := range f.Peers {
			c.roster.Hint(now, p.Instance, protocol.Path{Addr: p.Addr})
		}
	case frame.Vector:
		return c.receiveVector(now, cn, f)
	case frame.Entry:
		return c.mergeFrom(now, cn, f.Raw)
	case frame.Part:
		raw, err := cn.pieces.add(now, f)
		if err != nil || raw == nil {
			return err
		}
		return c.mergeFrom(now, cn, raw)
	case frame.Have:
		c.receiveHave(now, cn, f)
	case frame.Want:
		return c.receiveWant(cn, f)
	case frame.Read:
		return c.receiveRead(now, cn, f)
	case frame.PathChallenge:
		// One answer a packet, never longer than it. It may go beyond the window, so not without end to who acknowledges none.
		if !l.challenged && l.sender.InFlight() < protocol.MaxTracked {
			l.challenged = true
			c.enc.Reset()
			c.seal(now, l, from, draft{items: []*item{cn.once(frame.PathResponse(f))}}, "path response")
		}
	case frame.PathResponse:
		c.validated(now, cn, f)
	case frame.Credit:
		cn.streams.Credit(f)
	case frame.Stop:
		return c.stopped(now, cn, f)
	case frame.Close:
		c.closed(now, l, f)
	}
	return nil
}
