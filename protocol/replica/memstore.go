package replica

import (
	"cmp"
	"slices"

	"earshot/protocol"
)

// MemStore is a Store in memory: for tests, and for those who want nothing kept.
type MemStore struct {
	rooms map[protocol.RoomID][]*Verified // by place
	logs  map[Log]*memLog
}

type memLog struct {
	entries []*Verified // by number
	lamport uint64
}

// NewMemStore returns an empty store.
func NewMemStore() *MemStore {
	return &MemStore{rooms: map[protocol.RoomID][]*Verified{}, logs: map[Log]*memLog{}}
}

// Append never fails.
func (m *MemStore) Append(batch []Verified) error {
	for i := range batch {
		v := batch[i]
		l := m.logs[v.entry.Log]
		if l == nil {
			l = &memLog{}
			m.logs[v.entry.Log] = l
		}
		at, found := slices.BinarySearchFunc(l.entries, v.entry.Seq, bySeq)
		if found {
			continue
		}
		l.entries = slices.Insert(l.entries, at, &v)
		l.lamport = max(l.lamport, v.entry.Lamport)
		room := m.rooms[v.entry.Room]
		at, _ = slices.BinarySearchFunc(room, v.entry.Place(), byPlace)
		m.rooms[v.entry.Room] = slices.Insert(room, at, &v)
	}
	return nil
}

func bySeq(v *Verified, seq uint64) int    { return cmp.Compare(v.entry.Seq, seq) }
func byPlace(v *Verified, place Place) int { return v.entry.Place().Compare(place) }

// Load never fails.
func (m *MemStore) Load(log Log, first, last uint64, limit int) ([][]byte, error) {
	l := m.logs[log]
	if l == nil {
		return nil, nil
	}
	var raws [][]byte
	at, _ := slices.BinarySearchFunc(l.entries, first, bySeq)
	for _, v := range l.entries[at:] {
		if v.entry.Seq > last || len(raws) >= limit {
			break
		}
		raws = append(raws, v.raw)
	}
	return raws, nil
}

// Page never fails.
func (m *MemStore) Page(room protocol.RoomID, before Place, n int) ([]Verified, error) {
	entries := m.rooms[room]
	end := len(entries)
	if before != (Place{}) {
		end, _ = slices.BinarySearchFunc(entries, before, byPlace)
	}
	var page []Verified
	for _, v := range entries[max(0, end-max(0, n)):end] {
		page = append(page, *v)
	}
	return page, nil
}

// Logs never fails.
func (m *MemStore) Logs() ([]LogState, error) {
	states := make([]LogState, 0, len(m.logs))
	for log, l := range m.logs {
		s := LogState{Log: log, Lamport: l.lamport, Head: l.entries[len(l.entries)-1].hash}
		for _, v := range l.entries {
			s.Ranges.Add(protocol.Range{First: v.entry.Seq, Last: v.entry.Seq})
		}
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b LogState) int { return a.Log.Compare(b.Log) })
	return states, nil
}

// Close does nothing: there is nothing to give back.
func (m *MemStore) Close() error { return nil }
