package discovery

import "time"

// window lets a number of events happen within any stretch of time, exactly.
type window struct {
	limit int
	per   time.Duration
	taken []time.Time // the last ones, up to limit, oldest first
}

// next is when another event may happen.
func (w *window) next(now time.Time) time.Time {
	if len(w.taken) < w.limit {
		return now
	}
	return later(now, w.taken[0].Add(w.per))
}

func (w *window) open(now time.Time) bool { return !now.Before(w.next(now)) }

func (w *window) take(now time.Time) {
	if len(w.taken) == w.limit {
		copy(w.taken, w.taken[1:])
		w.taken = w.taken[:w.limit-1]
	}
	w.taken = append(w.taken, now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earlier is the first of two times of which either may be zero, which means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
