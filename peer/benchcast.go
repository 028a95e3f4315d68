package peer

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/trace"
)

// castWindow is how many datagrams of a flood may be without all replies: as many as wait in anybody's socket.
const castWindow = 64

// castRun is one measurement of this node's with everybody who serves (SPEC section 5.14).
type castRun struct {
	id      uint64
	spec    BenchSpec
	reply   func(BenchReport, error)
	asked   []*castMember // first all, then those who have answered
	members []*castMember

	began   time.Time // zero: not all have answered
	due     time.Time // when the next message goes, or something is given up
	check   time.Time // when the first message may have to go again
	ending  time.Time // when the results were asked for
	limit   time.Time // set once it was ended before its time
	sent    uint64
	first   uint64 // the message of pending[0]
	pending []castMessage
	replied int64
	casts   uint64 // datagrams
	resent  uint64 // bytes
	wire    uint64
	times   *hdrhistogram.Histogram
	cpu     time.Duration
	report  BenchReport
}

// castMember is one instance that takes part.
type castMember struct {
	asked    *item // the BenchOpen
	cn       *conn
	ready    bool
	over     bool              // its result has come
	got      protocol.RangeSet // what it has replied to
	again    map[uint64]*item  // what was sent to it through the session
	answers  answerTime
	sent     uint64 // packets before the run
	received uint64
}

// castMessage is one that somebody may not have replied to.
type castMessage struct {
	at, last time.Time
	missing  int // members
	casts    int
	waits    int
}

// doublings is how often its Have timeouts have doubled.
func (m *castMessage) doublings() int { return max(0, m.waits-2) }

// benchAll begins a run with everybody.
func (c *Core) benchAll(now time.Time, spec BenchSpec, reply func(BenchReport, error)) (stop func(now time.Time)) {
	r := &castRun{
		id: c.rand.Uint64N(protocol.MaxSafeInteger), spec: spec, reply: reply, due: now.Add(protocol.BenchPatience),
		times: hdrhistogram.New(1, int64(time.Hour), 3), report: BenchReport{Mark: spec.Mark},
	}
	for _, cn := range c.conns {
		r.asked = append(r.asked, &castMember{cn: cn, again: map[uint64]*item{}, answers: answerTime{
			smoothed: cn.link.sender.RTT().Smoothed, variance: cn.link.sender.RTT().Smoothed / 2, floor: protocol.BenchTimeoutMin,
		}})
		r.asked[len(r.asked)-1].asked = cn.put(frame.Bench{Run: r.id, Op: frame.BenchOpen, B: 1, Data: cn.stating()}, classChat)
	}
	c.bench.casts = append(c.bench.casts, r)
	c.turn(now)
	return func(now time.Time) {
		if slices.Contains(c.bench.casts, r) {
			if r.limit = now; !r.began.IsZero() {
				r.limit = now.Add(protocol.BenchEnding)
			}
			r.spec.Duration = max(1, now.Sub(r.began))
			c.advanceCasts(now)
			c.turn(now)
		}
	}
}

// castAnswered takes what a member says of a run, and tells whether there is such a run.
func (c *Core) castAnswered(now time.Time, cn *conn, f frame.Bench) bool {
	for _, r := range c.bench.casts {
		i := slices.IndexFunc(r.asked, func(m *castMember) bool { return m.cn == cn })
		if r.id != f.Run || i < 0 {
			continue
		}
		switch m := r.asked[i]; f.Op {
		case frame.BenchReady:
			m.ready = true
			if !slices.ContainsFunc(r.asked, func(m *castMember) bool { return !m.ready }) {
				r.begin(c, now)
			}
		case frame.BenchReply:
			r.answered(now, m, protocol.Range{First: f.A, Last: f.B})
		case frame.BenchResult:
			if !m.over && !r.ending.IsZero() {
				m.over = true
				r.report.PeerCPU += time.Duration(f.B) * time.Microsecond
			}
		}
		return true
	}
	return false
}

// begin begins with those who have answered.
func (r *castRun) begin(c *Core, now time.Time) {
	if !r.began.IsZero() {
		return
	}
	for _, m := range r.asked {
		switch {
		case m.cn.gone:
		case m.ready:
			m.sent, m.received = m.cn.sent, m.cn.received
			r.members = append(r.members, m)
		default: // too late: it goes on without
			m.cn.put(frame.Bench{Run: r.id, Op: frame.BenchEnd}, classChat)
		}
	}
	r.began, r.due, r.cpu = now, time.Time{}, c.cpu()
}

// answered notes a reply.
func (r *castRun) answered(now time.Time, m *castMember, x protocol.Range) {
	if x.Last >= r.sent || !slices.Contains(r.members, m) {
		return // nobody has said that yet
	}
	for n := max(x.First, r.first); n <= x.Last; n++ {
		if m.got.Contains(n) {
			continue
		}
		p := &r.pending[n-r.first]
		if n == x.Last && p.casts == 1 && m.again[n] == nil {
			m.answers.sample(now.Sub(p.at))
		}
		delete(m.again, n)
		r.lacks(now, p)
	}
	m.got.Add(x)
	r.forget()
}

// lacks notes that one member fewer has not replied to a message.
func (r *castRun) lacks(now time.Time, p *castMessage) {
	if p.missing--; p.missing == 0 {
		_ = r.times.RecordValue(int64(now.Sub(p.at)))
		r.replied++
	}
}

// forget drops the messages in front that all have replied to.
func (r *castRun) forget() {
	for len(r.pending) > 0 && r.pending[0].missing <= 0 {
		r.pending, r.first = r.pending[1:], r.first+1
	}
}

// leave goes on without a member.
func (r *castRun) leave(now time.Time, m *castMember) {
	r.members = slices.DeleteFunc(r.members, func(x *castMember) bool { return x == m })
	for i := range r.pending {
		if !m.got.Contains(r.first + uint64(i)) {
			r.lacks(now, &r.pending[i])
		}
	}
	r.forget()
}

// perCast is how many messages a datagram holds.
func (r *castRun) perCast() int {
	return max(1, (protocol.MaxDatagram-protocol.BenchCastOverhead)/(r.spec.Size+protocol.BenchCastMessageOverhead))
}

// driveCast does what a run has to do now.
func (c *Core) driveCast(now time.Time, r *castRun) {
	for _, m := range slices.Clone(r.members) {
		if m.cn.gone {
			r.leave(now, m)
		}
	}
	switch {
	case due(now, r.limit):
		if r.ending.IsZero() {
			r.report = r.measure(c, now)
			r.askResults()
		}
		c.endCast(r, nil)
		return
	case r.began.IsZero() && !due(now, r.due):
		return
	case r.began.IsZero():
		if r.begin(c, now); len(r.members) == 0 {
			c.endCast(r, wrap(ErrNoBench, "nobody"))
			return
		}
	case len(r.members) == 0:
		c.endCast(r, wrap(ErrNoAnswer, "all have gone"))
		return
	case !r.ending.IsZero():
		told := !slices.ContainsFunc(r.members, func(m *castMember) bool { return !m.over })
		if told || due(now, r.due) {
			r.report.Done, r.report.PeerTold = true, told
			c.endCast(r, nil)
		}
		return
	}
	r.due = time.Time{}
	over := r.spec.Duration > 0 && now.Sub(r.began) >= r.spec.Duration
	all := r.sent == uint64(r.spec.Messages)
	if !over && !all {
		c.speakCast(now, r)
	}
	c.repeatCast(now, r)
	if (over || all) && len(r.pending) == 0 {
		r.ending, r.report = now, r.measure(c, now)
		r.due = now.Add(protocol.BenchPatience)
		r.askResults()
		return
	}
	if r.spec.Duration > 0 && !over {
		r.due = earliest(r.due, r.began.Add(r.spec.Duration))
	}
}

// askResults ends the run at those who take part, and all who may yet.
func (r *castRun) askResults() {
	for _, m := range r.asked {
		if !m.cn.gone && (r.began.IsZero() || slices.Contains(r.members, m)) {
			m.cn.put(frame.Bench{Run: r.id, Op: frame.BenchEnd}, classChat)
		}
	}
}

func (c *Core) endCast(r *castRun, err error) {
	c.bench.casts = slices.DeleteFunc(c.bench.casts, func(x *castRun) bool { return x == r })
	for _, m := range r.asked {
		m.asked.done = true // an Open that is still under way is not sent again
	}
	r.reply(r.report, err)
}

// speakCast sends the messages that are due.
func (c *Core) speakCast(now time.Time, r *castRun) {
	per := r.perCast()
	n := r.spec.Messages - int(r.sent)
	switch {
	case r.spec.Rate == 0:
		n = min(n, 1-len(r.pending))
	case r.spec.Rate == BenchFlood:
		n = min(n, castWindow*per-len(r.pending))
		if n < per && n+int(r.sent) < r.spec.Messages {
			n = 0 // until a datagram is full
		}
	default:
		most := min(n, castWindow*per-len(r.pending))
		for n = 0; n < most && !now.Before(r.dueAt(r.sent+uint64(n))); n++ {
		}
	}
	for n > 0 {
		k := min(n, per)
		n -= k
		for range k {
			r.pending = append(r.pending, castMessage{at: now, last: now, missing: len(r.members), casts: 1})
		}
		c.castMessages(now, r, r.sent, k, "new")
		r.check = earliest(r.check, now.Add(r.patience(r.members)))
		r.sent += uint64(k)
	}
	if r.spec.Rate > 0 && r.spec.Rate < BenchFlood && r.sent < uint64(r.spec.Messages) && len(r.pending) < castWindow*per {
		r.due = r.dueAt(r.sent)
	}
}

// dueAt is when a message goes, at the rate that was asked for.
func (r *castRun) dueAt(n uint64) time.Time {
	return r.began.Add(time.Duration(float64(n) / r.spec.Rate * float64(time.Second)))
}

// patience is after how long those members should have replied.
func (r *castRun) patience(members []*castMember) time.Duration {
	var timeouts []time.Duration
	for _, m := range members {
		timeouts = append(timeouts, m.answers.timeout())
	}
	return typical(timeouts)
}

// castMessages broadcasts k messages from a number on in one datagram.
func (c *Core) castMessages(now time.Time, r *castRun, first uint64, k int, why string) {
	d := protocol.BenchCast{Instance: c.inst, Run: r.id, First: first}
	for range k {
		d.Data = append(d.Data, benchBlock[:r.spec.Size])
	}
	c.enc.Reset()
	d.Append(c.enc)
	data := append(c.memory.take(c.enc.Len()), c.enc.Bytes()...)
	for _, p := range c.air.broadcasts(c.cfg.AnnouncePort) {
		if c.cfg.Trace != nil {
			c.trace(trace.Record{Time: now, Out: true, Kind: protocol.KindBench, Path: p, Size: len(data), Number: first, Why: why})
		}
		r.casts++
		r.wire += uint64(len(data))
		c.send(p, data)
	}
	for _, m := range r.members {
		if !c.air.onLink(m.cn.path.to) {
			for n := first; n <= d.Last(); n++ {
				r.sendTo(m, n)
			}
		}
	}
}

// sendTo sends a message to one member through the session, unless it is on its way there.
func (r *castRun) sendTo(m *castMember, n uint64) bool {
	if it := m.again[n]; it != nil && !it.done {
		return m.cn.hurry(m.answers.timeout())
	}
	if m.cn.queue.full() {
		return false
	}
	m.again[n] = m.cn.put(frame.Bench{Run: r.id, Op: frame.BenchMessage, A: n, Data: benchBlock[:r.spec.Size]}, classChat)
	return true
}

// repeatCast sends again what should have been replied to by now.
func (c *Core) repeatCast(now time.Time, r *castRun) {
	if !due(now, r.check) {
		return
	}
	r.check = time.Time{}
	var again []uint64
	wait := r.patience(r.members)
	for i := range r.pending {
		p, n := &r.pending[i], r.first+uint64(i)
		if p.missing <= 0 {
			continue
		}
		if first := p.last.Add(wait << p.doublings()); now.Before(first) {
			r.check = earliest(r.check, first)
			continue
		}
		var late, early []*castMember // late with those whose time comes soon, as with lines
		for _, m := range r.members {
			switch {
			case m.got.Contains(n):
			case 2*m.answers.timeout()<<p.doublings() <= 3*now.Sub(p.last):
				late = append(late, m)
			default:
				early = append(early, m)
			}
		}
		next := p.last.Add(r.patience(early) << p.doublings())
		if len(late) > 0 {
			if p.casts == 1 && len(late) > 3 && len(late)*10 > len(r.members) {
				p.casts++
				again = append(again, n)
			} else {
				for _, m := range late {
					if r.sendTo(m, n) {
						r.resent += uint64(r.spec.Size)
					}
				}
			}
			p.last, p.waits = now, min(p.waits+1, 10)
			next = now.Add(wait << p.doublings())
		}
		r.check = earliest(r.check, next)
	}
	for len(again) > 0 {
		k := 1
		for k < len(again) && k < r.perCast() && again[k] == again[0]+uint64(k) {
			k++
		}
		c.castMessages(now, r, again[0], k, "owed again")
		r.resent += uint64(k * r.spec.Size)
		again = again[k:]
	}
}

// measure sums up.
func (r *castRun) measure(c *Core, now time.Time) BenchReport {
	b := r.report
	if r.began.IsZero() {
		return b
	}
	b.Elapsed, b.Messages, b.Bytes = now.Sub(r.began), r.replied, r.replied*int64(r.spec.Size)
	b.Members, b.Casts, b.Packets, b.Wire = len(r.members), r.casts, r.casts, r.wire
	for _, m := range r.members {
		b.Packets += m.cn.sent - m.sent
		b.Received += m.cn.received - m.received
		b.RTT = max(b.RTT, m.cn.link.sender.RTT().Smoothed)
		b.MTU = protocol.MaxDatagram
	}
	b.Retransmitted, b.CPU, b.Latency = r.resent, c.cpu()-r.cpu, latency(r.times)
	return b
}

func (c *Core) advanceCasts(now time.Time) {
	for _, r := range slices.Clone(c.bench.casts) {
		c.driveCast(now, r)
	}
}
