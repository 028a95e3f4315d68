package peer

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
	"earshot/protocol/stream"
)

// BenchSpec says what to measure: either messages, or the bytes of a stream. It ends when either bound is reached.
type BenchSpec struct {
	All      bool    `json:"all,omitempty"`      // with everybody who serves: messages alone, by broadcast
	Messages int     `json:"messages,omitempty"` // how many; 0: none, but a stream
	Size     int     `json:"size,omitempty"`     // of each, 0 to MaxBenchMessage. Bytes
	Rate     float64 `json:"rate,omitempty"`     // of messages a second; 0: each after the reply to the one before; BenchFlood: as fast as the channel takes them

	Bytes    int64         `json:"bytes,omitempty"`    // of the stream; 0: as many as go in Duration
	Duration time.Duration `json:"duration,omitempty"` // 0: without limit, if Messages or Bytes give one
}

// BenchFlood is the rate of who wants to know how many messages go.
const BenchFlood = math.MaxFloat64

// MaxBenchMessage is the longest message of a bench: it fits a packet beside an acknowledgement. Bytes.
const MaxBenchMessage = 900

// BenchReport is what was measured so far, or in the end.
type BenchReport struct {
	Done     bool          `json:"done"`
	Elapsed  time.Duration `json:"elapsed"`
	Messages int64         `json:"messages,omitempty"` // acknowledged by the other side's application
	Bytes    int64         `json:"bytes"`              // delivered, of messages or of the stream
	Latency  BenchLatency  `json:"latency"`            // of messages, from the sending to the reply

	Members  int    `json:"members,omitempty"`  // of a run with everybody
	Casts    uint64 `json:"casts,omitempty"`    // datagrams broadcast in it
	Received uint64 `json:"received,omitempty"` // packets that came from its members

	Packets       uint64        `json:"packets"`       // sent, with Casts
	Lost          uint64        `json:"lost"`          // of them, as far as this side found out
	Wire          uint64        `json:"wire"`          // bytes of datagrams sent
	Retransmitted uint64        `json:"retransmitted"` // of Wire, above what was new
	RTT           time.Duration `json:"rtt"`           // smoothed, in the end
	MTU           int           `json:"mtu"`           // longest datagram, in the end
	CPU           time.Duration `json:"cpu"`           // processor time of this process
	PeerCPU       time.Duration `json:"peerCPU"`       // of the other side's
}

// BenchLatency is how long messages took.
type BenchLatency struct {
	Mean time.Duration `json:"mean"`
	P50  time.Duration `json:"p50"`
	P90  time.Duration `json:"p90"`
	P99  time.Duration `json:"p99"`
	P999 time.Duration `json:"p999"`
	Max  time.Duration `json:"max"`
}

// Errors of benches.
var (
	// ErrNoBench is somebody who does not serve benches.
	ErrNoBench = errors.New("does not answer benches")
	// ErrBench is a BenchSpec that measures nothing.
	ErrBench = errors.New("bad bench")
)

// benchPatience is how long the other side is waited for before it counts as not serving.
const benchPatience = 2 * time.Second

// benchOutstanding is how many messages of a flood may be without reply.
const benchOutstanding = 4096

// benchRun is one measurement of this node's.
type benchRun struct {
	id    uint64
	spec  BenchSpec
	cn    *conn
	reply func(BenchReport, error)

	open    bool      // the other side is ready
	began   time.Time // of the run
	due     time.Time // when something is to be done or given up
	heard   int64     // what had arrived when something last did
	moved   time.Time // and when that was
	ending  time.Time // when the result was asked for
	sent    uint64    // messages
	pending []time.Time
	first   uint64 // the message of pending[0]; a zero time has its reply
	replied int64
	out     *stream.Outgoing
	left    int64 // bytes to write
	times   *hdrhistogram.Histogram
	before  recovery.Stats
	wire    uint64
	resent  uint64
	cpu     time.Duration
	report  BenchReport
}

// check refuses what cannot be measured.
func (s BenchSpec) check() error {
	switch {
	case s.Messages < 0 || s.Bytes < 0 || s.Duration < 0 || s.Rate < 0 || math.IsNaN(s.Rate):
		return wrap(ErrBench, "no number may be negative")
	case s.Size < 0 || s.Size > MaxBenchMessage:
		return wrap(ErrBench, "a message has 0 to %d bytes", MaxBenchMessage)
	case s.All && s.Messages == 0:
		return wrap(ErrBench, "to everybody go messages alone")
	case s.Messages > 0 && s.Bytes > 0:
		return wrap(ErrBench, "either messages or bytes")
	case s.Messages == 0 && s.Bytes == 0 && s.Duration == 0:
		return wrap(ErrBench, "say how many messages, how many bytes, or how long")
	}
	return nil
}

// Bench measures the channel to somebody who serves benches, or whatever who is to everybody if the spec says All. reply comes once, with the report or ErrNoBench.
// The returned function ends the run before its time.
func (c *Core) Bench(now time.Time, who string, spec BenchSpec, reply func(BenchReport, error)) (stop func(now time.Time)) {
	if err := spec.check(); err == nil && spec.All {
		return c.benchAll(now, spec, reply)
	}
	p, err := c.find(who)
	if err == nil {
		err = spec.check()
	}
	if err == nil && len(p.conns) == 0 {
		err = wrap(ErrNoAnswer, "%s is not online", p.name)
	}
	r := &benchRun{id: c.rand.Uint64N(protocol.MaxSafeInteger), spec: spec, reply: reply, times: hdrhistogram.New(1, int64(time.Hour), 3)}
	if err == nil {
		r.cn = p.best()
		if spec.Messages == 0 {
			if r.left = spec.Bytes; r.left == 0 {
				r.left = math.MaxInt64
			}
			r.out, err = r.cn.streams.Open(c.odd(r.cn), 0)
		}
	}
	if err != nil {
		reply(BenchReport{}, err)
		return func(time.Time) {}
	}
	r.due = now.Add(benchPatience)
	c.bench.runs = append(c.bench.runs, r)
	f := frame.Bench{Run: r.id, Op: frame.BenchOpen}
	if r.out != nil {
		f.A = r.out.ID()
	}
	r.cn.put(f, classChat)
	c.turn(now)
	return func(now time.Time) {
		if slices.Contains(c.bench.runs, r) {
			r.spec.Duration = max(1, now.Sub(r.began))
			c.advanceBench(now)
			c.turn(now)
		}
	}
}

// BenchProgress is how far the runs have come.
func (c *Core) BenchProgress(now time.Time) []BenchReport {
	var out []BenchReport
	for _, r := range c.bench.runs {
		out = append(out, r.measure(c, now))
	}
	for _, r := range c.bench.casts {
		out = append(out, r.measure(c, now))
	}
	return out
}

// measure sums up.
func (r *benchRun) measure(c *Core, now time.Time) BenchReport {
	b := r.report
	if !r.open {
		return b
	}
	s := r.cn.link.sender
	b.Elapsed, b.Messages, b.Bytes = now.Sub(r.began), r.replied, r.replied*int64(r.spec.Size)
	if r.out != nil {
		b.Bytes = int64(r.out.Arrived())
	}
	stats := r.cn.stats()
	b.Packets, b.Lost = stats.Sent-r.before.Sent, stats.Lost-r.before.Lost
	b.Wire = r.cn.wire - r.wire
	b.RTT, b.MTU, b.CPU = s.RTT().Smoothed, r.cn.mtu.size, c.cpu()-r.cpu
	b.Retransmitted = r.cn.resent - r.resent
	b.Latency = latency(r.times)
	return b
}

func latency(t *hdrhistogram.Histogram) BenchLatency {
	return BenchLatency{
		Mean: time.Duration(t.Mean()), P50: time.Duration(t.ValueAtQuantile(50)), P90: time.Duration(t.ValueAtQuantile(90)),
		P99: time.Duration(t.ValueAtQuantile(99)), P999: time.Duration(t.ValueAtQuantile(99.9)), Max: time.Duration(t.Max()),
	}
}

// answered takes what the serving side says of a run.
func (c *Core) answered(now time.Time, r *benchRun, f frame.Bench) {
	switch f.Op {
	case frame.BenchReady:
		if !r.open {
			r.open, r.began, r.before = true, now, r.cn.stats()
			r.wire, r.resent, r.cpu = r.cn.wire, r.cn.resent, c.cpu()
		}
	case frame.BenchReply:
		for n := max(f.A, r.first); n <= f.B && n < r.first+uint64(len(r.pending)); n++ {
			if at := &r.pending[n-r.first]; !at.IsZero() {
				_ = r.times.RecordValue(int64(now.Sub(*at)))
				*at = time.Time{}
				r.replied++
			}
		}
		for len(r.pending) > 0 && r.pending[0].IsZero() {
			r.pending, r.first = r.pending[1:], r.first+1
		}
	case frame.BenchResult:
		if !r.ending.IsZero() {
			r.report.Done, r.report.PeerCPU = true, time.Duration(f.B)*time.Microsecond
			c.endBench(r, nil)
		} else {
			c.endBench(r, wrap(ErrNoBench, "%s: bench serve was ended there", r.cn.person.name))
		}
		return
	}
	c.driveBench(now, r)
}

// endBench tells the outcome of a run.
func (c *Core) endBench(r *benchRun, err error) {
	c.bench.runs = slices.DeleteFunc(c.bench.runs, func(x *benchRun) bool { return x == r })
	if r.out != nil {
		r.cn.stop(r.out.ID())
	}
	r.reply(r.report, err)
}

// driveBench sends what a run has to send now.
func (c *Core) driveBench(now time.Time, r *benchRun) {
	if !r.open || !r.ending.IsZero() {
		return
	}
	r.due = time.Time{}
	over := r.spec.Duration > 0 && now.Sub(r.began) >= r.spec.Duration
	if r.out != nil {
		r.fill(over)
	} else {
		r.speak(now, over)
	}
	if r.out != nil && r.out.Done() || r.out == nil && len(r.pending) == 0 && (over || r.sent == uint64(r.spec.Messages)) {
		c.askResult(now, r)
		return
	}
	if got := r.got(); got != r.heard || r.out == nil && len(r.pending) == 0 || r.moved.IsZero() {
		r.heard, r.moved = got, now
	}
	r.due = earliest(r.due, r.moved.Add(protocol.SessionTimeout))
	if r.spec.Duration > 0 && !over {
		r.due = earliest(r.due, r.began.Add(r.spec.Duration))
	}
}

// got is how much has arrived, in bytes or messages.
func (r *benchRun) got() int64 {
	if r.out != nil {
		return int64(r.out.Arrived())
	}
	return r.replied
}

// askResult ends a run whose last byte has arrived.
func (c *Core) askResult(now time.Time, r *benchRun) {
	r.ending, r.report = now, r.measure(c, now)
	r.due = now.Add(benchPatience)
	r.cn.put(frame.Bench{Run: r.id, Op: frame.BenchEnd}, classChat)
}

// benchBlock is what streams of benches are filled with.
var benchBlock = make([]byte, 64<<10)

// fill writes what the stream takes.
func (r *benchRun) fill(over bool) {
	if over {
		r.left = 0
	}
	for r.left > 0 && r.out.Room() > 0 {
		r.left -= int64(r.out.Write(benchBlock[:min(int64(len(benchBlock)), r.left)]))
	}
	if r.left == 0 {
		r.out.Close()
	}
}

// speak sends the messages that are due.
func (r *benchRun) speak(now time.Time, over bool) {
	for ; !over && (r.spec.Messages == 0 || r.sent < uint64(r.spec.Messages)); r.sent++ {
		switch {
		case r.spec.Rate == 0 && len(r.pending) > 0:
			return
		case r.spec.Rate == BenchFlood && (len(r.pending) >= benchOutstanding || r.cn.queue.full()):
			return
		case r.spec.Rate > 0 && r.spec.Rate < BenchFlood:
			if next := r.began.Add(time.Duration(float64(r.sent) / r.spec.Rate * float64(time.Second))); now.Before(next) {
				r.due = next
				return
			}
		}
		r.cn.put(frame.Bench{Run: r.id, Op: frame.BenchMessage, A: r.sent, Data: benchBlock[:r.spec.Size]}, classChat)
		if len(r.pending) == 0 {
			r.first = r.sent
		}
		r.pending = append(r.pending, now)
	}
}

func (b *bench) deadline() (d time.Time) {
	for _, r := range b.runs {
		d = earliest(d, r.due)
	}
	for _, r := range b.casts {
		d = earliest(d, r.due, r.check)
	}
	for _, s := range b.served {
		d = earliest(d, s.due)
	}
	return d
}

// advanceBench sends what is due, and gives up on who does not answer.
func (c *Core) advanceBench(now time.Time) {
	for _, r := range slices.Clone(c.bench.runs) {
		switch {
		case r.cn.gone:
			c.endBench(r, wrap(ErrNoAnswer, "%s has gone", r.cn.person.name))
		case r.open && r.ending.IsZero():
			if c.driveBench(now, r); r.ending.IsZero() && now.Sub(r.moved) >= protocol.SessionTimeout {
				c.endBench(r, wrap(ErrNoAnswer, "%s has lost the run", r.cn.person.name))
			}
		case due(now, r.due) && r.open: // all has arrived, only the other side's account is missing
			r.report.Done = true
			c.endBench(r, nil)
		case due(now, r.due):
			c.endBench(r, wrap(ErrNoBench, "%s", r.cn.person.name))
		}
	}
}

func (c *Core) cpu() time.Duration {
	if c.cfg.CPU == nil {
		return 0
	}
	return c.cfg.CPU()
}
