package replica

import (
	"crypto/sha256"
	"hash"
	"math/rand/v2"
	"slices"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// Sizes of a Vector, encoded, at the most. Bytes. Within them a page has fewer than protocol.MaxElements elements:
// a log takes at least 37 bytes for its first five, and lists at most protocol.MaxRanges ranges.
const (
	digestsOverhead  = 1 + 1 + 18 + 1 + 34 + 34 + 3
	authorDigestSize = 1 + 34 + 10
	logsOverhead     = 1 + 1 + 18 + 1 + 1 + 3
	// minBudget holds one digest, or one log with a few ranges between two bounds.
	minBudget = 256
	// noEpoch is above every epoch.
	noEpoch = protocol.MaxSafeInteger + 1
)

// A page of Logs speaks for whole authors, all their epochs, except where an author does not fit one page: if the first
// log of an author has no ranges, the page speaks of the epochs above that one only; if another log, the author's last,
// has none, it speaks of the epochs below that one only. So "nothing of this author" is one log of epoch 0 without ranges.

// statement is what a page says of one author's epochs, between two bounds that it does not speak of.
type statement struct {
	author       protocol.PeerID
	above, below uint64
	logs         []frame.LogRanges
}

// statements takes a page apart.
func statements(logs []frame.LogRanges) []statement {
	var all []statement
	for len(logs) > 0 {
		n := slices.IndexFunc(logs, func(l frame.LogRanges) bool { return l.Author != logs[0].Author })
		if n < 0 {
			n = len(logs)
		}
		s := statement{author: logs[0].Author, below: noEpoch, logs: logs[:n]}
		if len(s.logs[0].Ranges) == 0 {
			s.above, s.logs = s.logs[0].Epoch, s.logs[1:]
		}
		if k := len(s.logs) - 1; k >= 0 && len(s.logs[k].Ranges) == 0 {
			s.below, s.logs = s.logs[k].Epoch, s.logs[:k]
		}
		all = append(all, s)
		logs = logs[n:]
	}
	return all
}

// reading is what statements of one author have said so far, in the order of the epochs.
type reading struct {
	below  uint64 // the last bound, noEpoch at the end
	sum    hash.Hash
	any    bool // something is stored there
	wanted bool // some of it is missing here
	owed   bool // something is stored here and missing there
}

// read adds a statement to the reading of an author, and returns the reading once all epochs are told, nil before.
// A statement that continues nothing ends the reading without result.
func (a *authorIndex) read(s statement, wanted, owed bool) *reading {
	switch {
	case s.above == 0:
		a.reading = &reading{sum: sha256.New()}
	case a.reading == nil || s.above+1 != a.reading.below:
		a.reading = nil
		return nil
	}
	r := a.reading
	r.below, r.any, r.wanted, r.owed = s.below, r.any || len(s.logs) > 0, r.wanted || wanted, r.owed || owed
	for _, l := range s.logs {
		r.sum.Write(appendLog(nil, l.Epoch, l.Ranges))
	}
	if s.below < noEpoch {
		return nil
	}
	a.reading = nil
	return r
}

// digest is what the sender's must be.
func (r *reading) digest() (d protocol.Digest) {
	if r.any {
		copy(d[:], r.sum.Sum(nil))
	}
	return d
}

// packer fills pages of Logs.
type packer struct {
	room   protocol.RoomID
	ask    bool
	budget int
	page   []frame.LogRanges
	size   int
	pages  []frame.Vector
}

// Turn remembers which pages one peer is told next about one room, if there are more than protocol.MaxVectors of them: so all
// of them are told in the course of a few comparisons. It begins anywhere, since the next session may be as short as this one.
type Turn struct {
	rand  *rand.Rand
	begun [2]bool // of questions and of answers, which have different pages
	next  [2]int
}

// NewTurn returns the turn of a peer that has been told nothing yet. r is used only if it is needed.
func NewTurn(r *rand.Rand) *Turn { return &Turn{rand: r} }

// take is the pages whose turn it is.
func (t *Turn) take(pages []frame.Vector, ask bool) []frame.Vector {
	if len(pages) <= protocol.MaxVectors {
		return pages
	}
	i := 0
	if ask {
		i = 1
	}
	if !t.begun[i] {
		t.begun[i], t.next[i] = true, t.rand.IntN(len(pages))
	}
	from := t.next[i] % len(pages)
	t.next[i] = (from + protocol.MaxVectors) % len(pages)
	return slices.Concat(pages[from:], pages[:from])[:protocol.MaxVectors]
}

func newPacker(room protocol.RoomID, ask bool, budget int) *packer {
	return &packer{room: room, ask: ask, budget: budget, size: logsOverhead}
}

// add says all of an author: logs, which ascend by epoch.
func (p *packer) add(author protocol.PeerID, logs []frame.LogRanges) {
	bound := func(epoch uint64) frame.LogRanges { return frame.LogRanges{Author: author, Epoch: epoch} }
	if len(logs) == 0 {
		if p.size+boundSize > p.budget {
			p.flush()
		}
		p.put(bound(0))
		return
	}
	for i, l := range logs {
		l.Ranges = newest(l.Ranges, p.budget-logsOverhead-2*boundSize)
		spare := boundSize // for the bound that must follow if the next log does not fit
		if i+1 == len(logs) {
			spare = 0
		}
		if p.size+logSize(l)+spare > p.budget {
			if i > 0 {
				p.put(bound(l.Epoch))
			}
			p.flush()
			if i > 0 {
				p.put(bound(l.Epoch - 1))
			}
		}
		p.put(l)
	}
}

// boundSize is a log without ranges, at the most.
const boundSize = 1 + 34 + 9 + 1

func (p *packer) put(l frame.LogRanges) {
	p.page = append(p.page, l)
	p.size += logSize(l)
}

func (p *packer) flush() {
	if len(p.page) > 0 {
		p.pages = append(p.pages, frame.Vector{Room: p.room, Logs: &frame.Logs{Ask: p.ask, Logs: p.page}})
	}
	p.page, p.size = nil, logsOverhead
}

func (p *packer) done(turn *Turn) []frame.Vector {
	p.flush()
	return turn.take(p.pages, p.ask)
}

// newest is the last protocol.MaxRanges ranges, or as many as fit so many bytes: what is left out is said another time,
// when the holes between these have been filled.
func newest(ranges []protocol.Range, budget int) []protocol.Range {
	if extra := len(ranges) - protocol.MaxRanges; extra > 0 {
		ranges = ranges[extra:]
	}
	for len(ranges) > 1 && logSize(frame.LogRanges{Epoch: noEpoch, Ranges: ranges}) > budget {
		ranges = ranges[1:]
	}
	return ranges
}

// logSize is a log's size, encoded. Bytes.
func logSize(l frame.LogRanges) int {
	n := 1 + 34 + uintSize(l.Epoch) + arraySize(2*len(l.Ranges))
	for _, r := range l.Ranges {
		n += uintSize(r.First) + uintSize(r.Last)
	}
	return n
}

func arraySize(n int) int {
	if n < 16 {
		return 1
	}
	return 3
}

func uintSize(u uint64) int {
	switch {
	case u < 1<<7:
		return 1
	case u < 1<<8:
		return 2
	case u < 1<<16:
		return 3
	case u < 1<<32:
		return 5
	}
	return 9
}
