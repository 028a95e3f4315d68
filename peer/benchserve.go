package peer

import (
	"errors"
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/stream"
	"earshot/protocol/trace"
)

// errNoBench is a bench frame at a node that does not serve, or of a run that it does not know.
var errNoBench = errors.New("peer: bench that is not served here")

// bench is what this node measures, and what it serves.
type bench struct {
	runs   []*benchRun
	casts  []*castRun
	serves int // how many calls of ServeBench want it
	served []*benchServed
}

// benchServed is one measurement of somebody else's.
type benchServed struct {
	cn       *conn
	id       uint64
	ready    *item // that was told
	in       *stream.Incoming
	messages uint64
	seen     protocol.RangeSet // of the messages, the newest of them: copies are not answered
	bytes    uint64
	cpu      time.Duration
	// Replies that are still to be sent: messages that follow one another share one.
	owed        bool
	first, last uint64

	// With messages that come by cast (SPEC section 5.14):
	cast  bool
	heard protocol.RangeSet // without reply
	casts int               // that brought it
	busy  bool              // the last reply was to more than one
	told  time.Time         // when that was
	due   time.Time         // when the next one is
}

// ServeBench answers benches from now on, until the returned function is called.
func (c *Core) ServeBench() (stop func()) {
	c.bench.serves++
	return func() {
		if c.bench.serves--; c.bench.serves > 0 {
			return
		}
		for _, s := range c.bench.served { // who measures must not wait for ever
			s.tell(c)
			if s.in != nil {
				s.cn.stop(s.in.ID())
			}
		}
		c.bench.served = nil
	}
}

// receiveBench takes what somebody says of a bench.
func (c *Core) receiveBench(now time.Time, cn *conn, f frame.Bench) error {
	if f.Op == frame.BenchOpen || f.Op == frame.BenchReady {
		if err := c.stated(cn, f.Data); err != nil {
			return err
		}
	}
	for _, r := range c.bench.runs {
		if r.id == f.Run && r.cn == cn {
			c.answered(now, r, f)
			return nil
		}
	}
	if c.castAnswered(now, cn, f) {
		return nil
	}
	s := c.bench.find(cn, f.Run)
	switch {
	case c.bench.serves == 0, s == nil && (f.Op != frame.BenchOpen || len(c.bench.served) >= protocol.MaxBenches):
		return errNoBench
	case f.Op != frame.BenchEnd && cn.queue.len() > protocol.MaxBenchWaiting:
		return errBusy
	case s == nil:
		s = &benchServed{cn: cn, id: f.Run, cpu: c.cpu(), cast: f.B == 1}
		if f.A > 0 {
			in, err := c.acceptStream(cn, f.A)
			if err != nil {
				return err
			}
			s.in = in
		}
		c.bench.served = append(c.bench.served, s)
		s.ready = cn.put(frame.Bench{Run: f.Run, Op: frame.BenchReady, Data: cn.stating()}, classChat)
	}
	switch f.Op {
	case frame.BenchOpen:
		cn.again(s.ready)
	case frame.BenchMessage:
		if !s.seen.Contains(f.A) {
			s.seen.Add(protocol.Range{First: f.A, Last: f.A})
			if len(s.seen) > protocol.MaxAckRanges {
				s.seen = append(s.seen[:0], s.seen[1:]...)
			}
			s.messages++
			s.owe(f.A)
		}
	case frame.BenchEnd:
		s.tell(c)
		c.bench.served = slices.DeleteFunc(c.bench.served, func(x *benchServed) bool { return x == s })
		if s.in != nil {
			return c.stopped(now, cn, frame.Stop{Stream: s.in.ID(), Length: f.A}) // to no effect if all of it has come
		}
	}
	return nil
}

// tell says what has come of a run.
func (s *benchServed) tell(c *Core) {
	count := s.messages
	if s.in != nil {
		count = s.bytes
	}
	s.cn.put(frame.Bench{Run: s.id, Op: frame.BenchResult, A: count, B: uint64(max(0, c.cpu()-s.cpu).Microseconds())}, classChat)
}

func (b *bench) find(cn *conn, id uint64) *benchServed {
	for _, s := range b.served {
		if s.cn == cn && s.id == id {
			return s
		}
	}
	return nil
}

// stopped ends a run whose stream whoever asked has given up.
func (b *bench) stopped(cn *conn, stream uint64) {
	b.served = slices.DeleteFunc(b.served, func(s *benchServed) bool { return s.cn == cn && s.in != nil && s.in.ID() == stream })
}

// owe notes that a message is to be replied to.
func (s *benchServed) owe(n uint64) {
	if s.owed && n != s.last+1 {
		s.answer()
	}
	if !s.owed {
		s.owed, s.first = true, n
	}
	s.last = n
}

// answer replies to what has come.
func (s *benchServed) answer() {
	if s.owed {
		s.cn.put(frame.Bench{Run: s.id, Op: frame.BenchReply, A: s.first, B: s.last}, classChat)
		s.owed = false
	}
}

// read takes what has come of a stream that is served.
func (b *bench) read(cn *conn, in *stream.Incoming) {
	for _, s := range b.served {
		if s.cn != cn || s.in != in {
			continue
		}
		for p := in.Next(); len(p) > 0; p = in.Next() {
			s.bytes += uint64(len(p))
			in.Read(len(p))
		}
	}
	cn.streams.Forget(in)
}

// flushBench lets out what the turn has brought together, and drops what was served to who has gone.
func (c *Core) flushBench(now time.Time) {
	for _, s := range c.bench.served {
		s.answer()
		s.answerCasts(now)
	}
	c.bench.served = slices.DeleteFunc(c.bench.served, func(s *benchServed) bool { return s.cn.gone })
	for _, r := range c.bench.runs {
		c.driveBench(now, r)
	}
	c.advanceCasts(now)
}

// receiveBenchCast counts the messages of a run that was opened with this node through a session.
func (c *Core) receiveBenchCast(now time.Time, d datagram, r *trace.Record) error {
	b := &c.benchIn
	if err := b.Parse(d.Data); err != nil {
		return err
	}
	r.Instance, r.Number = b.Instance, b.First
	if !c.air.onLink(d.Path) {
		return errOffLink
	}
	for _, s := range c.bench.served {
		if s.cast && s.id == b.Run && s.cn.instance == b.Instance {
			if s.cn.queue.len() > protocol.MaxBenchWaiting {
				return errBusy
			}
			s.casts++
			s.messages += uint64(len(b.Data))
			s.heard.Add(protocol.Range{First: b.First, Last: b.Last()})
			if s.due.IsZero() {
				s.due = now.Add(c.jitter(0, time.Duration(len(c.conns))*protocol.BenchSpread))
				if s.busy {
					s.due = later(s.due, s.told.Add(c.haveSpread()))
				}
			}
			return nil
		}
	}
	return errNoBench
}

// answerCasts replies to what has come by casts.
func (s *benchServed) answerCasts(now time.Time) {
	if !due(now, s.due) {
		return
	}
	for _, x := range s.heard {
		s.cn.put(frame.Bench{Run: s.id, Op: frame.BenchReply, A: x.First, B: x.Last}, classChat)
	}
	s.busy, s.casts, s.told, s.due, s.heard = s.casts > 1, 0, now, time.Time{}, s.heard[:0]
}
