package replica

import (
	"slices"

	"earshot/protocol"
)

// Delete never fails.
func (m *MemStore) Delete(room protocol.RoomID, upTo Place) ([]LogRanges, error) {
	delete(m.marks, room)
	entries := m.rooms[room]
	end := len(entries)
	if upTo != (Place{}) {
		var found bool
		if end, found = slices.BinarySearchFunc(entries, upTo, byPlace); found {
			end++
		}
	}
	return m.remove(slices.Clone(entries[:min(end, PruneStep)])), nil
}

// Prune never fails.
func (m *MemStore) Prune(room protocol.RoomID, keep Keep) ([]LogRanges, error) {
	entries := m.rooms[room]
	excess := 0
	if keep.Newest > 0 {
		excess = int(max(uint64(len(entries)), keep.Newest) - keep.Newest)
	}
	var out []*memEntry
	old := !keep.Since.IsZero()
	for _, e := range entries {
		if !old && excess == 0 || len(out) == PruneStep {
			break
		}
		from, to := FirstCursor(keep.Since), FirstCursor(keep.Until)
		if old && e.id >= from && e.id < to {
			old = false
		}
		switch {
		case old && e.id < from:
		case excess > 0 && (e.Line == nil || !e.Line.Owed()):
		default:
			continue
		}
		excess = max(0, excess-1)
		out = append(out, e)
	}
	return m.remove(out), nil
}

// remove takes entries out and returns their numbers.
func (m *MemStore) remove(entries []*memEntry) []LogRanges {
	gone := map[Log]protocol.RangeSet{}
	for _, e := range entries {
		l, number := m.logs[e.entry.Log], protocol.Range{First: e.entry.Seq, Last: e.entry.Seq}
		is := func(x *memEntry) bool { return x == e }
		l.entries = slices.DeleteFunc(l.entries, is)
		l.gone.Add(number)
		m.rooms[e.entry.Room] = slices.DeleteFunc(m.rooms[e.entry.Room], is)
		m.ids = slices.DeleteFunc(m.ids, is)
		set := gone[e.entry.Log]
		set.Add(number)
		gone[e.entry.Log] = set
	}
	var out []LogRanges
	for log, set := range gone {
		out = append(out, LogRanges{log, set})
	}
	slices.SortFunc(out, func(a, b LogRanges) int { return a.Log.Compare(b.Log) })
	return out
}
