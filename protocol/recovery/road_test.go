package recovery_test

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
)

// A road is one bottleneck that several senders share: a token bucket, a queue that drops what does not fit, a delay, and random loss
// in both directions. Everything happens in virtual time, in an order that only the seed decides.
type road struct {
	seed   uint64
	rand   *rand.Rand
	now    time.Duration
	events events
	order  int

	rate  float64       // bytes a second, 0: no bound
	burst float64       // bytes that may pass at once after a pause; at least one packet
	queue int           // bytes that may wait
	delay time.Duration // each way
	loss  float64       // each way

	tokens  float64
	filled  time.Duration
	waiting []*parcel
	bytes   int
	stands  []time.Duration // how long packets waited, from the time measured
	since   time.Duration   // from then on stands is measured
	flows   []flow
}

// flow is a sender and its receiver.
type flow interface {
	start()
	arrive(p *parcel) // at the receiver
	count() *counts
}

type counts struct {
	sent, dropped, random int
	bytes                 int                   // arrived for the first time
	by                    map[time.Duration]int // in each tenth of a second
}

type parcel struct {
	from   flow
	number uint64
	size   int
	at     time.Duration
}

type event struct {
	at    time.Duration
	order int
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newRoad(r road) *road {
	r.rand = rand.New(rand.NewPCG(1, r.seed))
	r.burst = max(r.burst, 1500)
	r.tokens = r.burst
	return &r
}

func (r *road) after(d time.Duration, do func()) {
	r.order++
	heap.Push(&r.events, event{r.now + max(d, 0), r.order, do})
}

func (r *road) run(until time.Duration) {
	for len(r.events) > 0 && r.events[0].at <= until {
		e := heap.Pop(&r.events).(event)
		r.now = e.at
		e.do()
	}
	r.now = until
}

// enter is a packet that reaches the bottleneck.
func (r *road) enter(p *parcel) {
	c := p.from.count()
	c.sent++
	if r.rate > 0 && r.bytes+p.size > r.queue && (len(r.waiting) > 0 || float64(p.size) > r.fill()) {
		c.dropped++
		return
	}
	p.at = r.now
	r.bytes += p.size
	r.waiting = append(r.waiting, p)
	if len(r.waiting) == 1 {
		r.serve()
	}
}

func (r *road) fill() float64 {
	r.tokens = min(r.burst, r.tokens+r.rate*(r.now-r.filled).Seconds())
	r.filled = r.now
	return r.tokens
}

func (r *road) serve() {
	for len(r.waiting) > 0 {
		p := r.waiting[0]
		if r.rate > 0 {
			if missing := float64(p.size) - r.fill(); missing > 1e-6 {
				r.after(time.Duration(missing/r.rate*1e9)+1, r.serve)
				return
			}
			r.tokens -= float64(p.size)
		}
		r.waiting = r.waiting[1:]
		r.bytes -= p.size
		if r.since > 0 && r.now >= r.since {
			r.stands = append(r.stands, r.now-p.at)
		}
		if r.rand.Float64() < r.loss {
			p.from.count().random++
			continue
		}
		r.after(r.delay, func() { p.from.arrive(p) })
	}
}

// back is what goes the other way, where there is always room.
func (r *road) back(do func()) {
	if r.rand.Float64() >= r.loss {
		r.after(r.delay, do)
	}
}

func (r *road) stood(share float64) time.Duration {
	if len(r.stands) == 0 {
		return 0
	}
	s := slices.Clone(r.stands)
	slices.Sort(s)
	return s[int(float64(len(s)-1)*share)]
}

// speed is what arrived of a flow between two times, in Mbit/s.
func (c *counts) speed(from, to time.Duration) float64 {
	n := 0
	for at, b := range c.by {
		if at >= from && at < to {
			n += b
		}
	}
	return float64(n) * 8 / 1e6 / (to - from).Seconds()
}

func (c *counts) arrived(now time.Duration, size int) {
	c.bytes += size
	if c.by == nil {
		c.by = map[time.Duration]int{}
	}
	c.by[now.Truncate(100*time.Millisecond)] += size
}

func (c *counts) own() float64 { return float64(c.dropped) / float64(max(c.sent, 1)) }

// ours is a bulk flow of this package. Its two loops wake up late, and are stalled now and then, as programs are.
type ours struct {
	counts
	road     *road
	sender   *recovery.Sender[int]
	receiver recovery.Receiver
	size     int
	next     uint64
	lost     int // owed again
	armed    time.Duration
	coarse   time.Duration // timers are up to so late
	cost     time.Duration // of sending a packet: no faster than that
	stall    time.Duration // each loop stops up to so long
	every    time.Duration // so often
	near     loop
	far      loop
	limit    int // packets, 0: endless
}

// loop is a program that takes what has come when it wakes up.
type loop struct {
	stalled, next time.Duration
	inbox         []func()
	waking        bool
}

var epoch = time.Unix(1_000_000_000, 0)

func (r *road) ours(policy recovery.Policy) *ours {
	o := &ours{road: r, size: protocol.MaxDatagram, coarse: 200 * time.Microsecond, sender: recovery.NewSender[int](recovery.SenderConfig{RTT: 2*r.delay + 100*time.Microsecond, Policy: policy})}
	r.flows = append(r.flows, o)
	return o
}

func (o *ours) count() *counts { return &o.counts }
func (o *ours) start()         { o.near.wake(o, func() {}, o.turn) }
func (o *ours) time() time.Time {
	return epoch.Add(o.road.now)
}

// wake puts something into a loop's inbox, and lets it turn when it can.
func (l *loop) wake(o *ours, do, turn func()) {
	l.inbox = append(l.inbox, do)
	if l.waking {
		return
	}
	l.waking = true
	now := o.road.now
	if o.every > 0 && now >= l.next {
		l.stalled = now + time.Duration(o.road.rand.Int64N(int64(o.stall)))
		l.next = now + time.Duration(o.road.rand.Int64N(int64(2*o.every)))
	}
	o.road.after(l.stalled-now, func() {
		l.waking = false
		for _, do := range l.inbox {
			do()
		}
		l.inbox = l.inbox[:0]
		turn()
	})
}

func (o *ours) arrive(p *parcel) {
	o.far.wake(o, func() {
		if !o.receiver.Receive(o.time(), p.number, true, true) {
			o.arrived(o.road.now, p.size)
		}
	}, o.acknowledge)
}

func (o *ours) acknowledge() {
	if !o.receiver.Due(o.time()) {
		if at := o.receiver.Deadline(); !at.IsZero() {
			o.road.after(at.Sub(o.time()), func() { o.far.wake(o, func() {}, o.acknowledge) })
		}
		return
	}
	ack, _ := o.receiver.Ack(o.time())
	ack.Ranges = slices.Clone(ack.Ranges)
	o.road.back(func() {
		o.near.wake(o, func() { o.hear(ack) }, o.turn)
	})
}

func (o *ours) hear(ack frame.Ack) {
	res, err := o.sender.Receive(o.time(), ack)
	if err != nil {
		panic(err)
	}
	o.lost += len(res.Lost)
	if n := len(res.Acked); n > 0 { // what the acks of an ack-carrying packet would do
		o.receiver.Acked(max(res.Acked[n-1].Number, 64) - 64)
	}
}

func (o *ours) turn() {
	now := o.time()
	if at := o.sender.Deadline(); !at.IsZero() && !now.Before(at) {
		res := o.sender.Advance(now)
		o.lost += len(res.Lost)
		for range res.Probes {
			o.send(now)
		}
	}
	spent := time.Duration(0)
	for (o.limit == 0 || o.counts.sent < o.limit) && o.sender.Allow(now) {
		o.send(now)
		if spent += o.cost; spent >= 100*time.Microsecond { // a turn takes as long as it takes
			o.near.stalled = o.road.now + spent
			o.near.wake(o, func() {}, o.turn)
			return
		}
	}
	at := o.sender.Deadline()
	if next := o.sender.NextSend(now); !next.IsZero() && next.After(now) && (at.IsZero() || next.Before(at)) {
		at = next
	}
	if at.IsZero() {
		return
	}
	when := max(at.Sub(epoch), o.road.now)
	if o.armed > o.road.now && o.armed <= when {
		return
	}
	o.armed = when
	late := time.Duration(o.road.rand.Int64N(int64(o.coarse)))
	o.road.after(when-o.road.now+late, func() {
		if o.armed == when {
			o.armed = 0
		}
		o.near.wake(o, func() {}, o.turn)
	})
}

func (o *ours) send(now time.Time) {
	o.sender.Sent(now, o.next, o.size, true, 0)
	o.road.enter(&parcel{from: o, number: o.next, size: o.size})
	o.next++
}
