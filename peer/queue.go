package peer

import (
	"context"
	"sync"

	"earshot/protocol"
)

// feed is the queue from the loop to one reader. The loop never waits for it: a reader that is too slow
// gets one Resync in place of what it missed.
type feed struct {
	mu      sync.Mutex
	events  []Event
	dropped int
	closed  bool
	wake    chan struct{} // holds one token while something is pending
	gone    func(*feed)
}

func newFeed(gone func(*feed)) *feed { return &feed{wake: make(chan struct{}, 1), gone: gone} }

// put adds events.
func (f *feed) put(events []Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(events) == 0 {
		return
	}
	if f.dropped > 0 || len(f.events)+len(events) > protocol.MaxEvents {
		f.dropped += len(f.events) + len(events)
		f.events = nil
	} else {
		f.events = append(f.events, events...)
	}
	f.signal()
}

// end lets the reader take what is pending, then gives it ErrClosed.
func (f *feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.signal()
}

func (f *feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Next implements Feed.
func (f *feed) Next(ctx context.Context) ([]Event, error) {
	for {
		f.mu.Lock()
		events, closed := f.events, f.closed
		if f.dropped > 0 {
			events = []Event{Resync{Dropped: f.dropped}}
			f.dropped = 0
		}
		f.events = nil
		f.mu.Unlock()
		if len(events) > 0 {
			return events, nil
		}
		if closed {
			f.signal()
			return nil, ErrClosed
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close implements Feed.
func (f *feed) Close() {
	f.end()
	f.gone(f)
}
