package lan

import "time"

// Alarm rings when a time has come, like a time.Timer, but about as exactly as the network is fast: a program that has nothing
// to do waits in epoll_wait, which counts in milliseconds, so that a time.Timer is up to 1 ms late. On a LAN that is twenty
// round trips, and as long as it takes to find out that a packet was lost. On Linux an Alarm is some 50 µs late (timerfd(2));
// elsewhere it is a time.Timer.
type Alarm struct {
	C    <-chan struct{} // gets a value when it rings; a ring that nobody has taken yet is not rung again
	set  func(time.Duration)
	stop func()
}

// NewAlarm is an Alarm that is not set. exact false makes one of the time package's, which testing/synctest has in its hand.
// Each time it rings it calls rung as well, from another goroutine.
func NewAlarm(exact bool, rung func()) *Alarm {
	if exact {
		if a := exactAlarm(rung); a != nil {
			return a
		}
	}
	c := make(chan struct{}, 1)
	t := time.AfterFunc(time.Hour, func() {
		ring(c)
		rung()
	})
	t.Stop()
	return &Alarm{C: c, set: func(d time.Duration) { t.Reset(d) }, stop: func() { t.Stop() }}
}

// Set makes it ring once after d, at once if that is not positive, instead of when it was set to before.
// A ring that has come already may still be in C. One goroutine sets and stops it.
func (a *Alarm) Set(d time.Duration) { a.set(d) }

// Stop ends it for good.
func (a *Alarm) Stop() { a.stop() }

func ring(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
