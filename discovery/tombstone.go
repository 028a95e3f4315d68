package discovery

import (
	"time"

	"earshot/protocol"
)

// tombstones are the instances that said they leave. What they announced just before may still be on its way.
type tombstones struct {
	until map[protocol.Instance]time.Time
	order []protocol.Instance // oldest first
}

func (t *tombstones) add(now time.Time, i protocol.Instance) {
	t.remove(i)
	for len(t.order) > 0 && (len(t.order) >= protocol.MaxTombstones || !now.Before(t.until[t.order[0]])) {
		t.remove(t.order[0])
	}
	if t.until == nil {
		t.until = map[protocol.Instance]time.Time{}
	}
	t.until[i] = now.Add(protocol.TombstoneTime)
	t.order = append(t.order, i)
}

func (t *tombstones) remove(i protocol.Instance) {
	if _, ok := t.until[i]; !ok {
		return
	}
	delete(t.until, i)
	for k, x := range t.order {
		if x == i {
			t.order = append(t.order[:k], t.order[k+1:]...)
			return
		}
	}
}

func (t *tombstones) has(now time.Time, i protocol.Instance) bool { return now.Before(t.until[i]) }
