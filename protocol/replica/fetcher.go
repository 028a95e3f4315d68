package replica

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// Request is a Want and the peer it goes to.
type Request struct {
	To   protocol.Instance
	Want frame.Want
}

// Fetcher decides what to ask whom, how much of it and when again. SPEC section 8.4.
//
// What has just been learned of is asked for after a short random time, since it is often on its way already. Each log is
// asked for from its newest number down, all logs of a room in turn. A peer owes at most a window of numbers at once.
// What a peer does not bring in time is asked of another one, if another has it.
type Fetcher struct {
	rand    *rand.Rand
	sources []*source // by instance
	logs    []*wanted // by log
	byLog   map[Log]*wanted
	rooms   map[protocol.RoomID]*roomWants
	turn    Log       // the log served last
	last    time.Time // of Advance or Learn
	next    time.Time
	blocked bool // something waits for a window
}

// source is a peer that has what is missing here.
type source struct {
	id     protocol.Instance
	claims map[Log]protocol.RangeSet
	out    uint64    // numbers that it owes
	fails  int       // times in a row that it brought nothing
	rest   time.Time // until then it is asked for nothing new
}

// ask is numbers of one log with one history.
type ask struct {
	numbers protocol.RangeSet
	to      protocol.Instance // asked last
	tries   int               // times that nothing came
	at      time.Time         // when it is due, or overdue if it is out
	out     bool              // a peer owes it
	moved   bool              // some of it came since
}

// wanted is a log of which something is missing. Each number is in one ask.
type wanted struct {
	log  Log
	asks []*ask
}

type roomWants struct {
	logs  int
	asked uint64 // for the first time, since something was missing
}

// NewFetcher returns a fetcher that knows of nothing missing.
func NewFetcher(r *rand.Rand) *Fetcher {
	return &Fetcher{rand: r, byLog: map[Log]*wanted{}, rooms: map[protocol.RoomID]*roomWants{}}
}

// Learn takes note that from has numbers of a log that are missing here, as Index.Missing says.
// Beyond protocol.MaxClaims logs of one peer it forgets, until a later Vector.
func (f *Fetcher) Learn(now time.Time, from protocol.Instance, log Log, ranges protocol.RangeSet) {
	if len(ranges) == 0 {
		return
	}
	f.last = now
	i, found := f.find(from)
	if !found {
		f.sources = slices.Insert(f.sources, i, &source{id: from, claims: map[Log]protocol.RangeSet{}})
	}
	s := f.sources[i]
	claims, known := s.claims[log]
	if !known && len(s.claims) >= protocol.MaxClaims || len(claims)+len(ranges) > protocol.MaxElements {
		return
	}
	s.claims[log] = join(claims, ranges)

	w := f.want(log)
	fresh := ranges.Clone()
	var idle *ask
	for _, a := range w.asks {
		fresh = fresh.Minus(a.numbers)
		if !a.out && a.tries == 0 {
			idle = a
		}
	}
	if len(fresh) == 0 {
		return
	}
	if idle == nil {
		idle = &ask{at: now.Add(protocol.WantMin + time.Duration(f.rand.Int64N(int64(protocol.WantMax-protocol.WantMin)+1)))}
		w.asks = append(w.asks, idle)
	}
	idle.numbers = join(idle.numbers, fresh)
	f.due(idle.at)
}

func (f *Fetcher) find(id protocol.Instance) (int, bool) {
	return slices.BinarySearchFunc(f.sources, id, func(s *source, id protocol.Instance) int {
		return bytes.Compare(s.id[:], id[:])
	})
}

func (f *Fetcher) source(id protocol.Instance) *source {
	if i, found := f.find(id); found {
		return f.sources[i]
	}
	return nil
}

func (f *Fetcher) want(log Log) *wanted {
	w := f.byLog[log]
	if w == nil {
		w = &wanted{log: log}
		f.byLog[log] = w
		i, _ := f.position(log)
		f.logs = slices.Insert(f.logs, i, w)
		if f.rooms[log.Room] == nil {
			f.rooms[log.Room] = &roomWants{}
		}
		f.rooms[log.Room].logs++
	}
	return w
}

func (f *Fetcher) position(log Log) (int, bool) {
	return slices.BinarySearchFunc(f.logs, log, func(w *wanted, log Log) int { return w.log.Compare(log) })
}

func (f *Fetcher) due(at time.Time) {
	if f.next.IsZero() || at.Before(f.next) {
		f.next = at
	}
}

// Got takes note that a number is missing no longer, wherever it came from.
func (f *Fetcher) Got(log Log, seq uint64) {
	w := f.byLog[log]
	if w == nil {
		return
	}
	for _, a := range w.asks {
		if !a.numbers.Contains(seq) {
			continue
		}
		a.numbers.Remove(protocol.Range{First: seq, Last: seq})
		if s := f.source(a.to); a.out && s != nil {
			a.moved = true
			s.out--
			s.fails, s.rest = 0, time.Time{}
			if f.blocked && s.out <= protocol.WantBacklog/2 {
				f.due(f.last)
			}
		}
		break
	}
	f.tidy(w)
}

// tidy forgets asks without numbers, and a log without asks.
func (f *Fetcher) tidy(w *wanted) {
	w.asks = slices.DeleteFunc(w.asks, func(a *ask) bool { return len(a.numbers) == 0 })
	if len(w.asks) > 0 {
		return
	}
	delete(f.byLog, w.log)
	if i, found := f.position(w.log); found {
		f.logs = slices.Delete(f.logs, i, i+1)
	}
	if len(f.logs) == 0 {
		f.next = time.Time{}
	}
	for _, s := range f.sources {
		delete(s.claims, w.log)
	}
	if r := f.rooms[w.log.Room]; r.logs > 1 {
		r.logs--
	} else {
		delete(f.rooms, w.log.Room)
	}
}

// Gone forgets what an instance has: its session is over. What it owed is asked of others at once.
func (f *Fetcher) Gone(id protocol.Instance) {
	i, found := f.find(id)
	if !found {
		return
	}
	f.sources = slices.Delete(f.sources, i, i+1)
	for _, w := range slices.Clone(f.logs) {
		for _, a := range w.asks {
			if a.out && a.to == id {
				a.out, a.at = false, f.last
				// Asked before, so it need not wait for its turn behind what never was.
				a.tries = max(1, a.tries)
			}
			a.numbers = both(a.numbers, f.claimed(w.log))
		}
		f.tidy(w)
	}
	if len(f.logs) > 0 {
		f.due(f.last)
	}
}

// Forget drops a room that this node has left.
func (f *Fetcher) Forget(room protocol.RoomID) {
	for _, w := range slices.Clone(f.logs) {
		if w.log.Room != room {
			continue
		}
		for _, a := range w.asks {
			f.recall(a)
			a.numbers = nil
		}
		f.tidy(w)
	}
}

// recall takes back what a peer owes.
func (f *Fetcher) recall(a *ask) {
	if s := f.source(a.to); a.out && s != nil {
		s.out -= a.numbers.Len()
	}
	a.out = false
}

// claimed is what any peer has of a log.
func (f *Fetcher) claimed(log Log) (all protocol.RangeSet) {
	for _, s := range f.sources {
		all = join(all, s.claims[log])
	}
	return all
}

// Missing is what is known to be missing of a log. It may be a lie of a peer's.
func (f *Fetcher) Missing(log Log) (all protocol.RangeSet) {
	if w := f.byLog[log]; w != nil {
		for _, a := range w.asks {
			all = join(all, a.numbers)
		}
	}
	return all
}

// Asked is who has been asked last for a number that is missing, false if nobody.
func (f *Fetcher) Asked(log Log, seq uint64) (protocol.Instance, bool) {
	if w := f.byLog[log]; w != nil {
		for _, a := range w.asks {
			if a.numbers.Contains(seq) {
				return a.to, a.to != protocol.Instance{}
			}
		}
	}
	return protocol.Instance{}, false
}

// Deadline is when Advance is due, zero if never.
func (f *Fetcher) Deadline() time.Time { return f.next }

// both is what two sets have in common.
func both(s, t protocol.RangeSet) protocol.RangeSet { return s.Minus(s.Minus(t)) }

// join is what is in either set: a new one.
func join(s, t protocol.RangeSet) protocol.RangeSet {
	s = s.Clone()
	for _, r := range t {
		s.Add(r)
	}
	return s
}
