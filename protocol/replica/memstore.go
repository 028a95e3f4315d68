package replica

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"earshot/protocol"
)

// MemStore is a Store in memory: for tests, and for those who want nothing kept. One goroutine uses it at a time.
type MemStore struct {
	logs     map[Log]*memLog
	rooms    map[protocol.RoomID][]*memEntry // by place
	ids      []*memEntry                     // by cursor
	states   []RoomState
	contacts map[protocol.PeerID]Contact
	marks    map[protocol.RoomID]Mark
	settings map[string]string
	mail     map[Log]map[uint64]Mail
	forks    map[protocol.PeerID]Proof
}

type memLog struct {
	entries []*memEntry // by number
	gone    protocol.RangeSet
	lamport uint64
}

type memEntry struct {
	Stored
	id Cursor
}

// NewMemStore returns an empty store.
func NewMemStore() *MemStore {
	return &MemStore{
		logs: map[Log]*memLog{}, rooms: map[protocol.RoomID][]*memEntry{},
		contacts: map[protocol.PeerID]Contact{}, marks: map[protocol.RoomID]Mark{}, settings: map[string]string{},
		mail: map[Log]map[uint64]Mail{}, forks: map[protocol.PeerID]Proof{},
	}
}

func bySeq(e *memEntry, seq uint64) int    { return cmp.Compare(e.entry.Seq, seq) }
func byPlace(e *memEntry, place Place) int { return e.entry.Place().Compare(place) }
func byID(e *memEntry, id Cursor) int      { return cmp.Compare(e.id, id) }

// whole is the time as a store keeps it.
func whole(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()) }

// Commit never fails.
func (m *MemStore) Commit(b Batch) error {
	for _, r := range b.Restored {
		for _, x := range r.Ranges {
			m.log(r.Log).gone.Remove(x)
		}
	}
	for _, v := range b.Entries {
		m.insert(v)
	}
	for _, r := range b.Refused {
		l := m.log(r.Log)
		for _, x := range r.Ranges {
			l.gone.Add(x)
		}
		for _, e := range l.entries {
			l.gone.Remove(protocol.Range{First: e.entry.Seq, Last: e.entry.Seq})
		}
	}
	for _, p := range b.Forks {
		if log, _, err := Peek(p.First); err == nil {
			if _, known := m.forks[log.Author]; !known {
				m.forks[log.Author] = Proof{bytes.Clone(p.First), bytes.Clone(p.Second)}
			}
		}
	}
	for _, x := range b.Bodies {
		if e := m.find(x.Log, x.Seq); e != nil {
			e.Plain = &x
		}
	}
	for _, l := range b.Lines {
		if e := m.find(l.Log, l.Seq); e != nil {
			e.Line = l.clone()
		}
	}
	m.commitState(b)
	return nil
}

func (m *MemStore) commitState(b Batch) {
	for _, r := range b.Rooms {
		r.JoinedAt = whole(r.JoinedAt)
		if i := slices.IndexFunc(m.states, func(x RoomState) bool { return x.ID == r.ID }); i >= 0 {
			m.states[i] = r
		} else {
			m.states = append(m.states, r)
		}
	}
	for _, c := range b.Contacts {
		c.Seen, c.Rooms, c.Key = whole(c.Seen), slices.Clone(c.Rooms), bytes.Clone(c.Key)
		m.contacts[c.ID] = c
	}
	for _, x := range b.Marks {
		m.marks[x.Room] = x
	}
	for _, s := range b.Settings {
		if m.settings[s.Key] = s.Value; s.Value == "" {
			delete(m.settings, s.Key)
		}
	}
	for _, x := range b.Mail {
		carried := m.mail[x.Log]
		if carried == nil {
			carried = map[uint64]Mail{}
			m.mail[x.Log] = carried
		}
		if _, held := carried[x.Seq]; len(x.Raw) == 0 {
			delete(carried, x.Seq)
		} else if !held {
			x.Raw, x.Accepted = bytes.Clone(x.Raw), whole(x.Accepted)
			carried[x.Seq] = x
		}
	}
}

func (l LineState) clone() *LineState {
	l.At, l.Audience, l.Reached = whole(l.At), slices.Clone(l.Audience), slices.Clone(l.Reached)
	for i := range l.Reached {
		l.Reached[i].At = whole(l.Reached[i].At)
	}
	if !l.Read.IsZero() {
		l.Read = whole(l.Read)
	}
	return &l
}

func (m *MemStore) log(log Log) *memLog {
	l := m.logs[log]
	if l == nil {
		l = &memLog{}
		m.logs[log] = l
	}
	return l
}

func (m *MemStore) find(log Log, seq uint64) *memEntry {
	l := m.logs[log]
	if l == nil {
		return nil
	}
	at, found := slices.BinarySearchFunc(l.entries, seq, bySeq)
	if !found {
		return nil
	}
	return l.entries[at]
}

func (m *MemStore) insert(v Verified) {
	l := m.log(v.entry.Log)
	at, found := slices.BinarySearchFunc(l.entries, v.entry.Seq, bySeq)
	if found || l.gone.Contains(v.entry.Seq) {
		return
	}
	e := &memEntry{Stored{Verified: v}, m.newID(v.entry.Wall)}
	l.entries = slices.Insert(l.entries, at, e)
	l.lamport = max(l.lamport, v.entry.Lamport)
	room := m.rooms[v.entry.Room]
	at, _ = slices.BinarySearchFunc(room, v.entry.Place(), byPlace)
	m.rooms[v.entry.Room] = slices.Insert(room, at, e)
	at, _ = slices.BinarySearchFunc(m.ids, e.id, byID)
	m.ids = slices.Insert(m.ids, at, e)
}

// newID is the first cursor after all that entries of the same millisecond have.
func (m *MemStore) newID(wall time.Time) Cursor {
	id := FirstCursor(wall)
	for {
		next := id + cursorsPerMilli
		at, _ := slices.BinarySearchFunc(m.ids, next, byID)
		if at == 0 || m.ids[at-1].id < id {
			return id
		}
		if last := m.ids[at-1].id; last+1 < next {
			return last + 1
		}
		id = next // 65,536 entries in one millisecond: they go on in the next
	}
}

// cursorsPerMilli is how many entries of one millisecond have their own place among all hits.
const cursorsPerMilli = 1 << 16

// FirstCursor is the least cursor that an entry of this time can have: wall time in milliseconds, then 16 bits that
// number what came in the same one. Below 2^63 it leaves some for those who all claim the end of time.
func FirstCursor(wall time.Time) Cursor {
	return Cursor(min(max(wall.UnixMilli(), 0), protocol.MaxWall-cursorsPerMilli)) * cursorsPerMilli
}

// Load never fails.
func (m *MemStore) Load(log Log, first, last uint64, limit int) ([][]byte, error) {
	l := m.logs[log]
	if l == nil {
		return nil, nil
	}
	var raws [][]byte
	at, _ := slices.BinarySearchFunc(l.entries, first, bySeq)
	for _, e := range l.entries[at:] {
		if e.entry.Seq > last || len(raws) >= limit {
			break
		}
		raws = append(raws, e.raw)
	}
	return raws, nil
}

// Page never fails.
func (m *MemStore) Page(room protocol.RoomID, before Place, n int) ([]Stored, error) {
	entries := m.rooms[room]
	end := len(entries)
	if before != (Place{}) {
		end, _ = slices.BinarySearchFunc(entries, before, byPlace)
	}
	return page(entries[max(0, end-max(0, n)):end]), nil
}

// PageAfter never fails.
func (m *MemStore) PageAfter(room protocol.RoomID, after Place, n int) ([]Stored, error) {
	entries := m.rooms[room]
	at, found := slices.BinarySearchFunc(entries, after, byPlace)
	if found {
		at++
	}
	return page(entries[at:min(at+max(0, n), len(entries))]), nil
}

func page(entries []*memEntry) []Stored {
	var out []Stored
	for _, e := range entries {
		out = append(out, e.copy())
	}
	return out
}

func (e *memEntry) copy() Stored {
	s := e.Stored
	if s.Plain != nil {
		plain := *s.Plain
		s.Plain = &plain
	}
	if s.Line != nil {
		s.Line = s.Line.clone()
	}
	return s
}

// Search reads everything. It fails with ErrQuery only.
func (m *MemStore) Search(q Query) (hits []Hit, older Cursor, err error) {
	if err := q.Check(); err != nil {
		return nil, 0, err
	}
	low, high := q.Span()
	end, _ := slices.BinarySearchFunc(m.ids, high, byID)
	for _, e := range slices.Backward(m.ids[:end]) {
		if len(hits) >= q.Limit || e.id < low {
			break
		}
		if q.Fits(e.Stored) {
			hits = append(hits, Hit{e.copy(), e.id})
			if len(hits) == q.Limit {
				older = e.id
			}
		}
	}
	return hits, older, nil
}

// State never fails.
func (m *MemStore) State() (State, error) {
	s := State{Rooms: slices.Clone(m.states)}
	for log, l := range m.logs {
		x := LogState{Log: log, Lamport: l.lamport, Gone: l.gone.Clone()}
		for _, e := range l.entries {
			x.Ranges.Add(protocol.Range{First: e.entry.Seq, Last: e.entry.Seq})
			x.Head = e.hash
			if e.Line != nil && e.Line.Owed() {
				s.Lines = append(s.Lines, *e.Line.clone())
			}
		}
		s.Logs = append(s.Logs, x)
	}
	for _, c := range m.contacts {
		c.Rooms, c.Key = slices.Clone(c.Rooms), bytes.Clone(c.Key)
		s.Contacts = append(s.Contacts, c)
	}
	for _, x := range m.marks {
		s.Marks = append(s.Marks, x)
	}
	for k, v := range m.settings {
		s.Settings = append(s.Settings, Setting{k, v})
	}
	for _, carried := range m.mail {
		for _, x := range carried {
			s.Mail = append(s.Mail, x)
		}
	}
	authors := map[*byte]protocol.PeerID{}
	for author, p := range m.forks {
		authors[&p.First[0]] = author
		s.Forks = append(s.Forks, p)
	}
	slices.SortFunc(s.Logs, func(a, b LogState) int { return a.Log.Compare(b.Log) })
	slices.SortFunc(s.Contacts, func(a, b Contact) int { return a.ID.Compare(b.ID) })
	slices.SortFunc(s.Lines, func(a, b LineState) int { return cmp.Or(a.Log.Compare(b.Log), cmp.Compare(a.Seq, b.Seq)) })
	slices.SortFunc(s.Marks, func(a, b Mark) int { return bytes.Compare(a.Room[:], b.Room[:]) })
	slices.SortFunc(s.Settings, func(a, b Setting) int { return strings.Compare(a.Key, b.Key) })
	slices.SortFunc(s.Mail, func(a, b Mail) int { return cmp.Or(a.Log.Compare(b.Log), cmp.Compare(a.Seq, b.Seq)) })
	slices.SortFunc(s.Forks, func(a, b Proof) int { return authors[&a.First[0]].Compare(authors[&b.First[0]]) })
	return s, nil
}

// Close does nothing: there is nothing to give back.
func (m *MemStore) Close() error { return nil }
