package recovery_test

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"earshot/protocol/recovery"
)

// A talk is one message at a time and its answer over a LAN that loses packets both ways: the worst that can happen to a
// protocol, because nothing follows a packet that was lost. It ends when the answer is there.
type talk struct {
	rand   *rand.Rand
	now    time.Duration
	events events
	order  int
	loss   float64
	ends   [2]*talker
	done   int // answers
	began  time.Duration
	took   []time.Duration
	most   int
	sent   int
}

const oneWay = 40 * time.Microsecond

func (w *talk) after(d time.Duration, do func()) {
	w.order++
	heap.Push(&w.events, event{w.now + d, w.order, do})
}

// pass is one packet.
func (w *talk) pass(do func()) {
	w.sent++
	if w.rand.Float64() >= w.loss {
		w.after(oneWay, do)
	}
}

func (w *talk) run() {
	for len(w.took) < w.most && len(w.events) > 0 {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
	}
	slices.Sort(w.took)
}

func (w *talk) answered(n int) (more bool) {
	if n != w.done {
		return false
	}
	w.took = append(w.took, w.now-w.began)
	w.done++
	w.began = w.now
	return true
}

func (w *talk) p(share float64) time.Duration { return w.took[int(float64(len(w.took)-1)*share)] }

// talker is one end with both machines. What it owes is one number at a time.
type talker struct {
	world    *talk
	peer     *talker
	sender   *recovery.Sender[int]
	receiver recovery.Receiver
	next     uint64
	said     int // the latest
	got      int // the latest that has come
	owed     bool
	answers  bool
	timer    int
}

func newTalk(loss float64, most int) *talk {
	w := &talk{rand: rand.New(rand.NewPCG(7, 7)), loss: loss, most: most}
	for i := range w.ends {
		w.ends[i] = &talker{world: w, said: -1, got: -1, answers: i == 1, sender: recovery.NewSender[int](recovery.SenderConfig{RTT: time.Millisecond})}
	}
	w.ends[0].peer, w.ends[1].peer = w.ends[1], w.ends[0]
	return w
}

func (e *talker) time() time.Time { return epoch.Add(e.world.now) }

// say sends a number, in as many packets as are advised.
func (e *talker) say(n int) {
	e.said = n
	for range 1 + e.sender.Copies(160) {
		e.send(n)
	}
}

// send sends a packet with a number, or only an Ack if that is negative.
func (e *talker) send(n int) {
	number := e.next
	e.next++
	ack, acks := e.receiver.Ack(e.time())
	ack.Ranges = slices.Clone(ack.Ranges)
	acks = acks && len(ack.Ranges) > 0
	e.sender.Sent(e.time(), number, 160, n >= 0, n)
	e.world.pass(func() { // at the other end
		o := e.peer
		if o.receiver.Receive(o.time(), number, n >= 0, false) {
			return
		}
		o.sender.Alive(o.time())
		if acks {
			res, err := o.sender.Receive(o.time(), ack)
			if err != nil {
				panic(err)
			}
			o.lost(res.Lost)
		}
		o.take(n)
		o.flush()
	})
}

func (e *talker) lost(lost []recovery.Lost[int]) {
	for _, l := range lost {
		e.owed = e.owed || l.Carried == e.said && e.unheard()
	}
}

// unheard tells that what was said has not been answered, as far as this end knows.
func (e *talker) unheard() bool { return e.answers || e.got < e.said }

func (e *talker) take(n int) {
	if n <= e.got {
		return
	}
	e.got = n
	if e.answers {
		e.say(n)
	} else if e.world.answered(n) {
		e.say(e.world.done)
	}
}

func (e *talker) flush() {
	now := e.time()
	if at := e.sender.Deadline(); !at.IsZero() && !now.Before(at) {
		res := e.sender.Advance(now)
		e.lost(res.Lost)
		for range res.Probes {
			e.send(e.said)
		}
	}
	if e.owed && e.sender.Allow(now) {
		e.owed = false
		e.send(e.said)
	}
	if e.receiver.Due(now) {
		e.send(-1)
	}
	e.timer++
	at := e.sender.Deadline()
	if next := e.sender.NextSend(now); e.owed && !next.IsZero() && (at.IsZero() || next.Before(at)) {
		at = next
	}
	if !at.IsZero() {
		timer := e.timer
		late := time.Duration(e.world.rand.Int64N(int64(100 * time.Microsecond))) // as timers are
		e.world.after(max(at.Sub(now), 0)+late, func() {
			if timer == e.timer {
				e.flush()
			}
		})
	}
}

// arq is the same talk with a plain ARQ: what is not answered is sent again each millisecond.
func (w *talk) arq(n int) {
	w.pass(func() {
		w.pass(func() {
			if w.answered(n) {
				w.arq(w.done)
			}
		})
	})
	late := time.Duration(w.rand.Int64N(int64(100 * time.Microsecond)))
	w.after(time.Millisecond+late, func() {
		if n == w.done {
			w.arq(n)
		}
	})
}

// One message at a time is answered sooner than by a plain ARQ whose timer is a millisecond, and never much later.
func TestOneAtATime(t *testing.T) {
	for _, x := range []struct {
		loss float64
		most time.Duration // p99
	}{{0, 200 * time.Microsecond}, {0.01, 1950 * time.Microsecond}, {0.1, 3900 * time.Microsecond}, {0.3, 8400 * time.Microsecond}} {
		plain, ours := newTalk(x.loss, 20_000), newTalk(x.loss, 20_000)
		plain.arq(0)
		plain.run()
		ours.ends[0].say(0)
		ours.ends[0].flush()
		ours.run()
		t.Logf("%2.0f %% loss: p50 %v p99 %v p99.9 %v with %.1f packets; plain ARQ %v %v %v with %.1f", 100*x.loss, ours.p(0.5), ours.p(0.99), ours.p(0.999),
			float64(ours.sent)/float64(ours.most), plain.p(0.5), plain.p(0.99), plain.p(0.999), float64(plain.sent)/float64(plain.most))
		if len(ours.took) < ours.most || ours.p(0.99) > x.most || x.loss == 0.3 && ours.p(0.99) > plain.p(0.99) {
			t.Errorf("slower than %v", x.most)
		}
	}
}
