package peer

import (
	"errors"
	"time"

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

// Receive takes one datagram from either socket.
func (c *Core) Receive(now time.Time, d Datagram) {
	kind, err := protocol.ParseKind(d.Data)
	r := trace.Record{Time: now, Kind: kind, Path: d.Path, Size: len(d.Data)}
	switch {
	case err != nil:
	case c.leaving.left:
		err = errLeaving
	case kind == protocol.KindPacket:
		err = c.receivePacket(now, d, &r)
	case !c.gate.admit(now, d.Path.Addr, kind, c.live(d.Path)):
		err = errRate
	case kind == protocol.KindAnnouncement:
		err = c.receiveAnnouncement(now, d, &r)
	case kind == protocol.KindCast:
		err = c.receiveCast(now, d, &r)
	default:
		err = c.endpoint.Receive(now, d.Path, kind, d.Data)
	}
	if err != nil {
		r.Drop = err.Error()
	}
	c.trace(r)
	c.turn(now)
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
func (c *Core) receiveAnnouncement(now time.Time, d Datagram, r *trace.Record) error {
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
			cn.compare = now.Add(c.jitter(protocol.DigestMin, protocol.DigestMax))
		}
	}
	return nil
}

// receiveCast takes entries that their author sent to everybody at once.
func (c *Core) receiveCast(now time.Time, d Datagram, r *trace.Record) error {
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

// receivePacket opens a packet, acknowledges it, and does what its frames say.
func (c *Core) receivePacket(now time.Time, d Datagram, r *trace.Record) error {
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
	r.Peer, r.Instance = cn.person.id, cn.instance
	frames, err := frame.Parse(payload)
	r.Frames = frames
	if err != nil {
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
	c.roster.Life(now, cn.instance)
	eliciting, probing := false, false
	for _, f := range frames {
		eliciting = eliciting || frame.Eliciting(f)
		probing = probing || f.Type() == frame.TypePathChallenge || f.Type() == frame.TypePathResponse
	}
	if l.receiver.Receive(now, number, eliciting, false) {
		return errDuplicate
	}
	if l == cn.link {
		c.arrived(now, cn, d.Path, len(d.Data), number >= l.greatest && !probing)
	}
	l.greatest = max(l.greatest, number)
	l.sender.Alive(now)
	if !l.probed.IsZero() && now.Sub(l.probed) >= protocol.SilenceReset {
		c.compareLogs(cn) // it was away; who merely had nothing to say has missed nothing
	}
	l.probed = time.Time{}
	for _, f := range frames {
		if ferr := c.handle(now, l, d.Path, f); ferr != nil {
			err = ferr
		}
		if c.conn(cn.instance) != cn {
			break // closed
		}
	}
	c.status.touch(now)
	return err
}

// handle does what one frame says.
func (c *Core) handle(now time.Time, l *link, from protocol.Path, f frame.Frame) error {
	cn := l.conn
	switch f := f.(type) {
	case frame.Ack:
		res, err := l.sender.Receive(now, f)
		if err != nil {
			c.shut(now, cn, frame.CloseProtocol, "acknowledged what was never sent")
			return err
		}
		for _, a := range res.Acked {
			l.acked(now, a.Carried, a.RTT)
		}
		cn.lostPackets(res.Lost)
		l.probes = max(l.probes, res.Probes)
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
		if l.challenged != now { // one answer a packet, never longer than it
			l.challenged = now
			c.seal(now, l, from, c.begin(), []*item{once(frame.PathResponse(f))}, "path response")
		}
	case frame.PathResponse:
		c.validated(now, cn, f)
	case frame.Close:
		c.closed(now, l, f)
	}
	return nil
}
