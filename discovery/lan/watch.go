package lan

import (
	"context"
	"fmt"
	"time"
)

const (
	// settle is how long the system is given to finish what it began: an address that changes is one removed and one added.
	settle = 50 * time.Millisecond
	// poll is how often interfaces are looked at where the system does not tell, and in case it forgot to.
	poll = 5 * time.Second
)

// Watch says when what Interfaces answers has changed. Changes that nobody has taken yet are one.
// The channel is closed when ctx is done.
func Watch(ctx context.Context) <-chan struct{} {
	changed := make(chan struct{}, 1)
	// Opened and looked at before Watch returns, so that no change after it is missed.
	told, stop := tell()
	last := fingerprint()
	go func() {
		defer close(changed)
		defer stop()
		regular := time.NewTicker(poll)
		defer regular.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-told:
				// One hint is often the first of many.
				select {
				case <-ctx.Done():
					return
				case <-time.After(settle):
				}
				select {
				case <-told:
				default:
				}
			case <-regular.C:
			}
			now := fingerprint()
			if now == last {
				continue
			}
			last = now
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}()
	return changed
}

// fingerprint is equal for equal answers of Interfaces.
func fingerprint() string {
	all, err := Interfaces(nil)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(all)
}
