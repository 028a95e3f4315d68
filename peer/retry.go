package peer

import (
	"fmt"
	"slices"
	"time"

	"earshot/protocol/replica"
)

// retry is what the store did not take: a full disk may have room again.
type retry struct {
	due     time.Time
	wait    time.Duration
	entries []arrival
	held    int    // entries that are shown, not stored: here or on their way to the store once more
	trouble string // what the last note said
}

const (
	retryStoreMin = time.Second
	retryStoreMax = 30 * time.Second
	// retryEntries bounds what is kept for a store that refuses. What exceeds it counts as not received.
	retryEntries = 1000
)

// notStored keeps others' lines for another try and shows them as what they are, not kept. One's own are refused, so
// that whoever said them still has them, and with them those that wait and name them as their predecessors: their log
// ends here, since its last number was given away, and what came after it could never be shown to be complete.
func (c *Core) notStored(now time.Time, b *Batch) {
	r := &c.logs.retry
	var refused []arrival
	for _, a := range b.arrivals {
		if a.own {
			refused = append(refused, a)
			continue
		}
		if !a.shown {
			if r.held >= retryEntries {
				c.logs.index.Release(a.v)
				c.logs.quota.bytes[a.v.Entry().Author] -= len(a.v.Raw())
				continue
			}
			r.held++
			a.shown, a.unstored = true, true
			c.show(now, a)
		}
		r.entries = append(r.entries, a)
	}
	if len(refused) > 0 {
		refused = append(refused, c.logs.pending.takeOwn()...)
		if epoch, err := replica.NewEpoch(c.cfg.Rand); err == nil {
			c.rooms.epoch = epoch
		}
	}
	for _, a := range refused {
		c.keep.lines = slices.DeleteFunc(c.keep.lines, func(l *line) bool { return l == a.line })
		if a.reply != nil {
			a.reply(Message{}, fmt.Errorf("not stored: %w", b.Err))
		}
	}
	c.keep.again(b)
	r.wait = min(max(2*r.wait, retryStoreMin), retryStoreMax)
	r.due = now.Add(r.wait)
	if text := "nothing is stored at present: " + b.Err.Error(); text != r.trouble {
		r.trouble = text
		c.emit(Note{Text: text, Trouble: true})
	}
}

// advanceRetry tries the store again.
func (c *Core) advanceRetry(now time.Time) {
	r := &c.logs.retry
	if !due(now, r.due) {
		return
	}
	r.due = time.Time{}
	for _, a := range r.entries {
		c.logs.append(a)
	}
	r.entries = nil
	c.keep.paused = false
}

// storeWorks tells, once, that the store takes lines again.
func (c *Core) storeWorks(now time.Time) {
	r := &c.logs.retry
	if r.trouble == "" {
		return
	}
	*r = retry{entries: r.entries, held: r.held, due: r.due}
	if len(r.entries) > 0 {
		r.due = now
	}
	c.emit(Note{Text: "what is said is stored again"})
}
