package recovery_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
)

// A tiny model of what stands above and below this package: two ends that owe each other items,
// and a link between them that does to packets what it likes. Time is a number; nothing waits.

// item is something owed to the other end until it is acknowledged.
type item struct {
	id        int
	said      time.Time
	arrived   bool // at the other end
	done      bool // acknowledged
	copies    int  // packets in flight that carry it
	size      int
	reachedAt time.Time
}

// load is what a packet carries.
type load struct {
	items []*item
	ack   *frame.Ack
}

type datagram struct {
	at        time.Time
	order     int
	to        *end
	number    uint64
	size      int
	eliciting bool
	load
}

// end is one node: it owes items and has both machines.
type end struct {
	name     string
	world    *world
	peer     *end
	out      link
	bulk     bool
	sender   *recovery.Sender[load]
	receiver recovery.Receiver
	next     uint64
	owed     []*item // in the order in which they will be sent
	open     int     // items not done
	seen     map[uint64]bool
	told     map[uint64]bool // numbers in a Result
	packets  int
}

type world struct {
	rand  *rand.Rand
	start time.Time
	now   time.Time
	fly   flight
	order int
	ends  [2]*end
	steps int
	late  float64 // how often the loop wakes up to 50 ms after it should
}

const overhead = 32 // bytes of a packet besides its items

func newWorld(seed uint64, there, back link, rtt time.Duration) *world {
	start := time.Unix(1_000_000_000, 0)
	w := &world{rand: rand.New(rand.NewPCG(seed, 1)), start: start, now: start}
	for i, out := range []link{there, back} {
		w.ends[i] = &end{
			name: []string{"a", "b"}[i], world: w, out: out,
			sender: recovery.NewSender[load](recovery.SenderConfig{RTT: rtt}),
			seen:   map[uint64]bool{}, told: map[uint64]bool{},
		}
	}
	w.ends[0].peer, w.ends[1].peer = w.ends[1], w.ends[0]
	return w
}

// say makes the end owe an item.
func (e *end) say(size int) *item {
	it := &item{id: e.open, said: e.world.now, size: size}
	e.owed = append(e.owed, it)
	e.open++
	return it
}

// step goes to the next thing that happens, at most until a time; false when nothing is left to happen.
func (w *world) step(until time.Time) (bool, error) {
	if w.steps++; w.steps > 2_000_000 {
		return false, fmt.Errorf("never rests")
	}
	at := time.Time{}
	earlier := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if len(w.fly) > 0 {
		earlier(w.fly[0].at)
	}
	for _, e := range w.ends {
		earlier(e.sender.Deadline())
		earlier(e.receiver.Deadline())
		if len(e.owed) > 0 {
			earlier(e.sender.NextSend(w.now))
		}
	}
	if at.IsZero() || at.After(until) {
		w.now = until
		return false, nil
	}
	if at.After(w.now) {
		w.now = at
	}
	if w.rand.Float64() < w.late {
		w.now = w.now.Add(time.Duration(w.rand.Int64N(int64(50 * time.Millisecond))))
	}
	for len(w.fly) > 0 && !w.fly[0].at.After(w.now) {
		d := heap.Pop(&w.fly).(*datagram)
		if err := d.to.receive(d); err != nil {
			return false, err
		}
	}
	for _, e := range w.ends {
		if err := e.advance(); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (e *end) receive(d *datagram) error {
	now := e.world.now
	if e.receiver.Receive(now, d.number, d.eliciting, e.bulk) {
		return nil
	}
	if e.seen[d.number] {
		return fmt.Errorf("%s: packet %d received twice", e.name, d.number)
	}
	e.seen[d.number] = true
	e.sender.Alive(now)
	for _, it := range d.items {
		if !it.arrived {
			it.arrived, it.reachedAt = true, now
		}
	}
	if d.ack != nil {
		if n := len(d.ack.Ranges); n > protocol.MaxAckRanges {
			return fmt.Errorf("%d ranges", n)
		}
		result, err := e.sender.Receive(now, *d.ack)
		if err != nil {
			return err
		}
		if err := e.handle(result); err != nil {
			return err
		}
	}
	return e.flush(0)
}

func (e *end) advance() error {
	now := e.world.now
	before := e.sender.Deadline()
	if !before.IsZero() && !before.After(now) {
		result := e.sender.Advance(now)
		after := e.sender.Deadline()
		if len(result.Lost) == 0 && result.Probes == 0 && !after.After(before) {
			return fmt.Errorf("%s: Advance at its Deadline did nothing", e.name)
		}
		if result.Probes > 0 && !after.After(now) {
			return fmt.Errorf("%s: probe timer not rearmed", e.name)
		}
		if err := e.handle(result); err != nil {
			return err
		}
		return e.flush(result.Probes)
	}
	return e.flush(0)
}

func (e *end) handle(result recovery.Result[load]) error {
	for _, a := range result.Acked {
		if e.told[a.Number] {
			return fmt.Errorf("%s: packet %d told twice", e.name, a.Number)
		}
		e.told[a.Number] = true
		if !e.peer.seen[a.Number] {
			return fmt.Errorf("%s: packet %d acknowledged, never received", e.name, a.Number)
		}
		for _, it := range a.Carried.items {
			it.copies--
			if !it.done {
				it.done = true
				e.open--
			}
		}
		if a.Carried.ack != nil {
			e.receiver.Acked(a.Carried.ack.Ranges[0].Last)
		}
	}
	for _, l := range result.Lost {
		if e.told[l.Number] {
			return fmt.Errorf("%s: packet %d told twice", e.name, l.Number)
		}
		e.told[l.Number] = true
		for _, it := range l.Carried.items {
			if it.copies--; it.copies == 0 && !it.done {
				e.owed = append([]*item{it}, e.owed...)
			}
		}
	}
	return nil
}

// flush sends the probes, then what is owed and allowed, then an Ack alone if one is due.
func (e *end) flush(probes int) error {
	now := e.world.now
	again := []*item{}
	if probes > 0 {
		for _, carried := range e.sender.Oldest(64) {
			for _, it := range carried.items {
				if !it.done {
					again = append(again, it)
				}
			}
		}
	}
	for range probes {
		items := pack(&again)
		if len(items) == 0 {
			items = pack(&e.owed)
		}
		e.send(items, true) // without items a Ping
	}
	for len(e.owed) > 0 && e.sender.Allow(now) {
		e.send(pack(&e.owed), true)
	}
	if e.receiver.Due(now) {
		e.send(nil, false)
	}
	if n := e.sender.InFlight(); n > protocol.MaxTracked+2 {
		return fmt.Errorf("%s: %d packets tracked", e.name, n)
	}
	if len(e.owed) > 0 && e.sender.InFlight() == 0 && e.sender.NextSend(now).IsZero() {
		return fmt.Errorf("%s: stalled with nothing in flight", e.name)
	}
	if at := e.sender.NextSend(now); !at.IsZero() && (at.Before(now) || !e.sender.Allow(at)) {
		return fmt.Errorf("%s: NextSend says a time at which Allow says no", e.name)
	}
	if (e.sender.InFlight() > 0) == e.sender.Deadline().IsZero() {
		return fmt.Errorf("%s: %d in flight, deadline %v", e.name, e.sender.InFlight(), e.sender.Deadline())
	}
	return nil
}

func pack(queue *[]*item) (out []*item) {
	for size := overhead; len(*queue) > 0; *queue = (*queue)[1:] {
		it := (*queue)[0]
		if it.done {
			continue
		}
		if size += it.size; size > protocol.MaxDatagram {
			break
		}
		out = append(out, it)
	}
	return out
}

func (e *end) send(items []*item, eliciting bool) {
	w := e.world
	if w.rand.IntN(50) == 0 {
		e.sender.Skipped(e.next)
		e.next++
	}
	d := datagram{to: e.peer, number: e.next, size: overhead, eliciting: eliciting, load: load{items: items}}
	e.next++
	for _, it := range items {
		it.copies++
		d.size += it.size
	}
	if e.receiver.Pending() {
		if ack, ok := e.receiver.Ack(w.now); ok {
			ack.Ranges = slices.Clone(ack.Ranges)
			d.ack = &ack
		}
	}
	e.sender.Sent(w.now, d.number, d.size, eliciting, d.load)
	e.packets++
	e.out.carry(w, d)
}

// run goes on until both ends owe nothing and rest.
func (w *world) run(limit time.Duration) error {
	for {
		more, err := w.step(w.start.Add(limit))
		switch {
		case err != nil:
			return fmt.Errorf("at %v: %w", w.now.Sub(w.start), err)
		case more:
			continue
		}
		for _, e := range w.ends {
			if e.open > 0 || e.sender.InFlight() > 0 || e.receiver.Pending() {
				return fmt.Errorf("%s: %d items open, %d owed, %d in flight after %v", e.name, e.open, len(e.owed), e.sender.InFlight(), limit)
			}
			if n := e.sender.BytesInFlight(); n != 0 {
				return fmt.Errorf("%s: %d bytes in flight in no packet", e.name, n)
			}
		}
		return nil
	}
}
