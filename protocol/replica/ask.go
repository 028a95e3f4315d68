package replica

import (
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// Advance returns what is to be asked now.
func (f *Fetcher) Advance(now time.Time) []Request {
	f.last = now
	f.expire(now)
	var requests []Request
	for _, w := range f.logs {
		for _, a := range slices.Clone(w.asks) {
			if !a.out && a.tries > 0 && !a.at.After(now) {
				f.again(now, w, a, &requests)
			}
		}
		w.asks = slices.DeleteFunc(w.asks, func(a *ask) bool { return len(a.numbers) == 0 })
	}
	for f.pass(now, &requests) {
	}
	f.plan(now)
	return requests
}

// expire takes back what has not come in time.
func (f *Fetcher) expire(now time.Time) {
	var failed []*source
	for _, w := range slices.Clone(f.logs) {
		for _, a := range w.asks {
			if !a.out || a.at.After(now) {
				continue
			}
			if a.moved {
				a.moved, a.at = false, now.Add(backoff(a.tries))
				continue
			}
			if s := f.source(a.to); s != nil && !slices.Contains(failed, s) {
				failed = append(failed, s)
			}
			f.recall(a)
			a.tries++
			a.at = now
			if a.tries >= protocol.WantTries {
				f.giveUp(w.log, a)
			}
		}
		f.tidy(w)
	}
	for _, s := range failed {
		s.rest = now.Add(backoff(s.fails))
		s.fails++
	}
}

// giveUp forgets numbers, and that anybody has them.
func (f *Fetcher) giveUp(log Log, a *ask) {
	for _, s := range f.sources {
		if claims := s.claims[log].Minus(a.numbers); len(claims) > 0 {
			s.claims[log] = claims
		} else {
			delete(s.claims, log)
		}
	}
	a.numbers = nil
}

func backoff(tries int) time.Duration {
	d := protocol.WantBackoff
	for ; tries > 0 && d < protocol.WantBackoffMax; tries-- {
		d *= 2
	}
	return min(d, protocol.WantBackoffMax)
}

// again asks for what did not come: of another peer, and of the same only what nobody else has.
func (f *Fetcher) again(now time.Time, w *wanted, a *ask, requests *[]Request) {
	var others protocol.RangeSet
	for _, s := range f.sources {
		if s.id != a.to {
			others = join(others, s.claims[w.log])
		}
	}
	for len(a.numbers) > 0 {
		var fit []*source
		for _, s := range f.sources {
			numbers := both(a.numbers, s.claims[w.log])
			if s.id == a.to {
				numbers = numbers.Minus(others)
			}
			if len(numbers) > 0 && s.out < protocol.WantWindow {
				fit = append(fit, s)
			}
		}
		if len(fit) == 0 {
			return
		}
		s := fit[f.rand.IntN(len(fit))]
		numbers := both(a.numbers, s.claims[w.log])
		if s.id == a.to {
			numbers = numbers.Minus(others)
		}
		numbers = top(numbers, protocol.WantWindow-s.out)
		a.numbers = a.numbers.Minus(numbers)
		f.send(now, w, s, numbers, a.tries, requests)
	}
}

// pass asks once for the next numbers of each log that were not asked for before. It returns false if there was nothing to ask.
func (f *Fetcher) pass(now time.Time, requests *[]Request) (sent bool) {
	start, found := f.position(f.turn)
	if found {
		start++
	}
	for i := range f.logs {
		w := f.logs[(start+i)%len(f.logs)]
		j := slices.IndexFunc(w.asks, func(a *ask) bool { return !a.out && a.tries == 0 && !a.at.After(now) })
		if j < 0 {
			continue
		}
		a, room := w.asks[j], f.rooms[w.log.Room]
		window := uint64(protocol.WantWindow)
		if room.asked >= protocol.FirstPage {
			window = protocol.WantBacklog
		}
		s := f.newestSource(now, w.log, a.numbers, window/2)
		if s == nil {
			continue
		}
		share := min(protocol.WantBacklog, max(1, uint64(protocol.FirstPage/room.logs)))
		numbers := top(both(a.numbers, s.claims[w.log]), min(share, window-s.out))
		a.numbers = a.numbers.Minus(numbers)
		if len(a.numbers) == 0 {
			w.asks = slices.Delete(w.asks, j, j+1)
		}
		room.asked += numbers.Len()
		f.send(now, w, s, numbers, 0, requests)
		f.turn, sent = w.log, true
	}
	return sent
}

// newestSource is one, by chance, of the peers that have the greatest of the numbers that can be had now.
func (f *Fetcher) newestSource(now time.Time, log Log, numbers protocol.RangeSet, busy uint64) *source {
	var (
		fit  []*source
		best uint64
	)
	for _, s := range f.sources {
		if s.out > busy || s.rest.After(now) {
			continue
		}
		newest := both(numbers, s.claims[log]).Max()
		if newest > best {
			fit, best = nil, newest
		}
		if newest > 0 && newest == best {
			fit = append(fit, s)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return fit[f.rand.IntN(len(fit))]
}

// send makes s owe numbers, and joins Wants of one log to one peer.
func (f *Fetcher) send(now time.Time, w *wanted, s *source, numbers protocol.RangeSet, tries int, requests *[]Request) {
	s.out += numbers.Len()
	at := now.Add(backoff(tries))
	j := slices.IndexFunc(w.asks, func(a *ask) bool {
		return a.out && a.to == s.id && a.tries == tries && a.at.Equal(at) && len(a.numbers)+len(numbers) <= protocol.MaxRanges
	})
	if j < 0 {
		w.asks = append(w.asks, &ask{to: s.id, tries: tries, at: at, out: true})
		j = len(w.asks) - 1
	}
	a := w.asks[j]
	i := slices.IndexFunc(*requests, func(r Request) bool {
		return r.To == s.id && Log{r.Want.Room, r.Want.Author, r.Want.Epoch} == w.log && slices.Equal(r.Want.Ranges, a.numbers)
	})
	before := a.numbers
	if i < 0 {
		*requests = append(*requests, Request{s.id, frame.Want{Room: w.log.Room, Author: w.log.Author, Epoch: w.log.Epoch}})
		i, before = len(*requests)-1, nil
	}
	(*requests)[i].Want.Ranges = join(before, numbers)
	a.numbers = join(a.numbers, numbers)
}

// plan finds out when something is due next.
func (f *Fetcher) plan(now time.Time) {
	f.next, f.blocked = time.Time{}, false
	for _, w := range f.logs {
		for _, a := range w.asks {
			switch {
			case a.out || a.at.After(now):
				f.due(a.at)
			default:
				// It waits for room in a window, which Got or the end of an ask will make, or for the end of a rest.
				f.blocked = true
				for _, s := range f.sources {
					if s.rest.After(now) && len(both(a.numbers, s.claims[w.log])) > 0 {
						f.due(s.rest)
					}
				}
			}
		}
	}
}

// top is the n greatest numbers, fewer if they would take more than protocol.MaxRanges ranges.
func top(s protocol.RangeSet, n uint64) protocol.RangeSet {
	var out protocol.RangeSet
	for i := len(s) - 1; i >= 0 && n > 0 && len(out) < protocol.MaxRanges; i-- {
		r := s[i]
		if r.Len() > n {
			r.First = r.Last - n + 1
		}
		n -= r.Len()
		out.Add(r)
	}
	return out
}
