package peer

import (
	"slices"
	"strings"
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
	damage  string // what is wrong with the file for as long as it is used
}

const (
	retryStoreMin = time.Second
	retryStoreMax = 30 * time.Second
	// retryEntries bounds what is kept for a store that refuses. What exceeds it counts as not received.
	retryEntries = 1000
)

// notStored is the error of an own line that the store refused.
type notStored struct{ error }

func (e notStored) Error() string { return "not stored: " + plain(e.error) }
func (e notStored) Unwrap() error { return e.error }

// plain is an error of the store for somebody who knows only the file that it names.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "store: ") }

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
	c.keep.again(b)
	for _, a := range refused {
		c.keep.lines = slices.DeleteFunc(c.keep.lines, func(l *line) bool { return l == a.line })
		if a.reply != nil {
			a.reply(Message{}, notStored{b.Err})
		}
	}
	r.wait = min(max(2*r.wait, retryStoreMin), retryStoreMax)
	r.due = now.Add(r.wait)
	if text := "nothing is stored at present: " + plain(b.Err); text != r.trouble {
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
	if r.trouble != "" && !slices.ContainsFunc(c.keep.setup, func(s replica.Setting) bool { return s.Key == retried }) {
		c.keep.setting(replica.Setting{Key: retried, Value: now.UTC().Format(time.RFC3339)}) // so that there is something to write
	}
}

// retried is the setting that is written to see whether the store takes anything.
const retried = "store.retried"

// storeWorks tells, once, that the store takes lines again.
func (c *Core) storeWorks(now time.Time) {
	r := &c.logs.retry
	if r.trouble == "" {
		return
	}
	*r = retry{entries: r.entries, held: r.held, due: r.due, damage: r.damage}
	c.keep.paused = false
	if len(r.entries) > 0 {
		r.due = now
	}
	c.emit(Note{Text: "what is said is stored again"})
}

// Damaged tells of a store that has found out, while it is used, that a part of its file is damaged.
func (c *Core) Damaged(err error) {
	r := &c.logs.retry
	r.damage = "some of what is stored may be lost: end earshot, then see to it: " + plain(err)
	c.emit(Note{Text: r.damage, Trouble: true})
}

// standing is what is wrong with the store at present.
func (r *retry) standing() []string {
	return slices.DeleteFunc([]string{r.damage, r.trouble}, func(s string) bool { return s == "" })
}
