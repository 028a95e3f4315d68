package replica

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"

	"earshot/protocol"
)

// Status is what Accept says of an entry.
type Status uint8

// What an entry can be.
const (
	New       Status = iota + 1 // to be stored
	Duplicate                   // accepted before, or refused for good
	Fork                        // another content under an accepted number: not to be stored
)

func (s Status) String() string {
	return [...]string{New: "new", Duplicate: "duplicate", Fork: "fork"}[s]
}

// span is a run of accepted numbers without a hole. Of all its hashes only those at its two ends are kept, where a
// neighbour may still come: so the chain of hashes is checked at every joint, at 64 bytes for a run of any length.
// A zero hash is one that is not known.
type span struct {
	first, last uint64
	previous    [32]byte // hash of the entry before first
	head        [32]byte // hash of the entry last
}

// recentEntries is how many hashes of a log's latest arrivals are kept besides, to tell a second content under one number
// from a second copy of the first.
const recentEntries = 16

type recent struct {
	seq  uint64
	hash [32]byte
}

// logIndex is what is known of one log.
type logIndex struct {
	epoch  uint64
	spans  []span            // accepted, ascending
	stored protocol.RangeSet // of them
	recent []recent          // a ring by number, nil until something arrives
}

// find is the span that holds seq, or the one that would come after it.
func (l *logIndex) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(l.spans, seq, func(s span, seq uint64) int {
		switch {
		case s.last < seq:
			return -1
		case s.first > seq:
			return 1
		}
		return 0
	})
}

// hash is that of entry seq, if it is known still.
func (l *logIndex) hash(seq uint64) (h [32]byte, known bool) {
	if l.recent != nil {
		if r := l.recent[seq%recentEntries]; r.seq == seq {
			return r.hash, true
		}
	}
	i, found := l.find(seq)
	if found && l.spans[i].last == seq {
		h = l.spans[i].head
	}
	return h, h != [32]byte{}
}

// add puts s, which overlaps none, between the spans, and joins those that now touch.
// conflict is a neighbour whose hash does not fit, 0 if there is none.
func (l *logIndex) add(s span) (conflict uint64) {
	at, _ := l.find(s.first)
	end := at
	if at > 0 && l.spans[at-1].last == s.first-1 {
		at--
		before := l.spans[at]
		if differ(before.head, s.previous) {
			conflict = before.last
		}
		s.first, s.previous = before.first, before.previous
	}
	if end < len(l.spans) && l.spans[end].first-1 == s.last {
		after := l.spans[end]
		if differ(s.head, after.previous) {
			conflict = after.first
		}
		s.last, s.head = after.last, after.head
		end++
	}
	l.spans = slices.Replace(l.spans, at, end, s)
	return conflict
}

func differ(a, b [32]byte) bool { return a != b && a != [32]byte{} && b != [32]byte{} }

// accepted is the numbers of the spans.
func (l *logIndex) accepted() protocol.RangeSet {
	set := make(protocol.RangeSet, len(l.spans))
	for i, s := range l.spans {
		set[i] = protocol.Range{First: s.first, Last: s.last}
	}
	return set
}

// authorIndex is what is known of one author in one room.
type authorIndex struct {
	author  protocol.PeerID
	logs    []*logIndex       // by epoch
	digest  protocol.Digest   // of what is stored
	fresh   bool              // digest holds
	settled []protocol.Digest // of others, that hold nothing we lack as long as our own digest is this one
	reading *reading          // of somebody's Logs
}

// roomIndex is what is known of one room.
type roomIndex struct {
	authors []*authorIndex // by key
	digest  protocol.Digest
	fresh   bool // digest holds
}

// Conflict is two entries that one author cannot honestly have signed: Other, and the one that was accepted as number Held
// of the same log. Either both have one number, or they are neighbours and the later does not name the hash of the earlier.
type Conflict struct {
	Log   Log
	Held  uint64
	Other Verified
}

// Index knows what is accepted and what is stored of every log, as ranges. SPEC section 7.4.
type Index struct {
	rooms     map[protocol.RoomID]*roomIndex
	forked    map[protocol.PeerID]bool
	conflicts []Conflict
}

// NewIndex returns an index of the logs that a store holds.
func NewIndex(states []LogState) *Index {
	x := &Index{rooms: map[protocol.RoomID]*roomIndex{}, forked: map[protocol.PeerID]bool{}}
	for _, s := range states {
		_, a, l := x.reach(s.Log)
		l.stored = s.Ranges.Clone()
		for _, r := range s.Ranges {
			l.add(span{first: r.First, last: r.Last})
		}
		for _, r := range s.Gone.Minus(s.Ranges) {
			l.add(span{first: r.First, last: r.Last})
		}
		if i, found := l.find(s.Ranges.Max()); found && l.spans[i].last == s.Ranges.Max() {
			l.spans[i].head = s.Head
		}
		a.fresh = false
	}
	return x
}

// reach finds a log's place in the index and makes it if need be.
func (x *Index) reach(log Log) (*roomIndex, *authorIndex, *logIndex) {
	r := x.rooms[log.Room]
	if r == nil {
		r = &roomIndex{}
		x.rooms[log.Room] = r
	}
	i, found := slices.BinarySearchFunc(r.authors, log.Author, byAuthor)
	if !found {
		r.authors = slices.Insert(r.authors, i, &authorIndex{author: log.Author})
	}
	a := r.authors[i]
	i, found = slices.BinarySearchFunc(a.logs, log.Epoch, byEpoch)
	if !found {
		a.logs = slices.Insert(a.logs, i, &logIndex{epoch: log.Epoch})
	}
	return r, a, a.logs[i]
}

func byAuthor(a *authorIndex, id protocol.PeerID) int { return a.author.Compare(id) }
func byEpoch(l *logIndex, epoch uint64) int           { return cmp.Compare(l.epoch, epoch) }

func (x *Index) author(room protocol.RoomID, id protocol.PeerID) *authorIndex {
	r := x.rooms[room]
	if r == nil {
		return nil
	}
	i, found := slices.BinarySearchFunc(r.authors, id, byAuthor)
	if !found {
		return nil
	}
	return r.authors[i]
}

func (x *Index) log(log Log) *logIndex {
	a := x.author(log.Room, log.Author)
	if a == nil {
		return nil
	}
	i, found := slices.BinarySearchFunc(a.logs, log.Epoch, byEpoch)
	if !found {
		return nil
	}
	return a.logs[i]
}

// Accept takes note of an entry. Of two contents under one number it keeps the first. An entry that does not fit the hashes
// of its neighbours is New all the same, since each number is kept once and no number is refused: otherwise two nodes that
// met the halves of a fork in different orders would never agree. Either way the author is marked, once: see Conflicts.
func (x *Index) Accept(v Verified) Status {
	e := v.entry
	_, _, l := x.reach(e.Log)
	if _, found := l.find(e.Seq); found {
		if h, known := l.hash(e.Seq); known && h != v.hash {
			x.conflict(e.Log, e.Seq, v)
			return Fork
		}
		return Duplicate
	}
	if held := l.add(span{e.Seq, e.Seq, e.Previous, v.hash}); held > 0 {
		x.conflict(e.Log, held, v)
	}
	if l.recent == nil {
		l.recent = make([]recent, recentEntries)
	}
	l.recent[e.Seq%recentEntries] = recent{e.Seq, v.hash}
	return New
}

func (x *Index) conflict(log Log, held uint64, other Verified) {
	if !x.forked[log.Author] {
		x.forked[log.Author] = true
		x.conflicts = append(x.conflicts, Conflict{log, held, other})
	}
}

// Conflicts is the forks found since the last call, one per author. With the held entry from the store, Conflict becomes a Proof.
func (x *Index) Conflicts() []Conflict {
	c := x.conflicts
	x.conflicts = nil
	return c
}

// Forked tells whether an author is known to have signed two contents for one place.
func (x *Index) Forked(author protocol.PeerID) bool { return x.forked[author] }

// MarkForked marks an author for whom there is a Proof already.
func (x *Index) MarkForked(author protocol.PeerID) { x.forked[author] = true }

// Seen tells whether raw may be dropped before its signature is checked: a number that is accepted, with no sign that the
// content is another one. The error is Peek's.
func (x *Index) Seen(raw []byte) (bool, error) {
	log, seq, err := Peek(raw)
	if err != nil {
		return false, err
	}
	l := x.log(log)
	if l == nil {
		return false, nil
	}
	if _, found := l.find(seq); !found {
		return false, nil
	}
	h, known := l.hash(seq)
	return !known || h == sha256.Sum256(raw), nil
}

// Accepted tells whether a number is accepted, or refused for good.
func (x *Index) Accepted(log Log, seq uint64) bool {
	l := x.log(log)
	if l == nil {
		return false
	}
	_, found := l.find(seq)
	return found
}

// Stored takes note that the disk has an entry, which is accepted too if it was not: now it may be served and reported.
func (x *Index) Stored(v Verified) {
	if !x.Accepted(v.entry.Log, v.entry.Seq) {
		x.Accept(v)
	}
	r, a, l := x.reach(v.entry.Log)
	l.stored.Add(protocol.Range{First: v.entry.Seq, Last: v.entry.Seq})
	a.changed(r)
}

// Refuse gives numbers up for good, whether they are here or not: what a quota keeps out or retention has deleted.
// They are neither served nor asked for again.
func (x *Index) Refuse(log Log, numbers protocol.Range) {
	r, a, l := x.reach(log)
	for _, hole := range (protocol.RangeSet{numbers}).Minus(l.accepted()) {
		l.add(span{first: hole.First, last: hole.Last})
	}
	l.stored.Remove(numbers)
	a.changed(r)
}

// Release takes back that an entry was accepted: it is not stored and will not be, for the time being. It is missing again,
// to be learned of from others.
func (x *Index) Release(v Verified) {
	e := v.entry
	r, a, l := x.reach(e.Log)
	i, found := l.find(e.Seq)
	if !found || l.stored.Contains(e.Seq) {
		return
	}
	s := l.spans[i]
	var left []span
	if s.first < e.Seq {
		left = append(left, span{s.first, e.Seq - 1, s.previous, e.Previous})
	}
	if s.last > e.Seq {
		left = append(left, span{e.Seq + 1, s.last, v.hash, s.head})
	}
	l.spans = slices.Replace(l.spans, i, i+1, left...)
	if l.recent != nil && l.recent[e.Seq%recentEntries].seq == e.Seq {
		l.recent[e.Seq%recentEntries] = recent{}
	}
	a.changed(r)
}

func (a *authorIndex) changed(r *roomIndex) {
	a.fresh, a.settled, r.fresh = false, nil, false
}

// Ranges is what is stored of a log: a copy.
func (x *Index) Ranges(log Log) protocol.RangeSet {
	if l := x.log(log); l != nil {
		return l.stored.Clone()
	}
	return nil
}

// Last is the greatest number accepted in a log, with its hash if that is known: where an own log goes on.
func (x *Index) Last(log Log) (seq uint64, hash [32]byte) {
	l := x.log(log)
	if l == nil || len(l.spans) == 0 {
		return 0, hash
	}
	s := l.spans[len(l.spans)-1]
	return s.last, s.head
}

// Rooms is the rooms that have logs here, ascending.
func (x *Index) Rooms() []protocol.RoomID {
	return slices.SortedFunc(maps.Keys(x.rooms), func(a, b protocol.RoomID) int { return bytes.Compare(a[:], b[:]) })
}

// Logs is the logs of a room in which something is accepted, ascending.
func (x *Index) Logs(room protocol.RoomID) []Log {
	r := x.rooms[room]
	if r == nil {
		return nil
	}
	var logs []Log
	for _, a := range r.authors {
		for _, l := range a.logs {
			if len(l.spans) > 0 {
				logs = append(logs, Log{room, a.author, l.epoch})
			}
		}
	}
	return logs
}
