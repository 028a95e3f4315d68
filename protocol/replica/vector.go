package replica

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// LogRanges is numbers of one log.
type LogRanges struct {
	Log    Log
	Ranges protocol.RangeSet
}

// Digest stands for what is stored of an author in a room; it is zero if that is nothing. SPEC section 7.6.
func (x *Index) Digest(room protocol.RoomID, author protocol.PeerID) protocol.Digest {
	return x.author(room, author).sum()
}

func (a *authorIndex) sum() protocol.Digest {
	if a == nil {
		return protocol.Digest{}
	}
	if !a.fresh {
		a.digest, a.fresh = digest(a.logs), true
	}
	return a.digest
}

// digest hashes the epochs, ascending, of which something is stored.
func digest(logs []*logIndex) protocol.Digest {
	var b []byte
	for _, l := range logs {
		if len(l.stored) > 0 {
			b = appendLog(b, l.epoch, l.stored)
		}
	}
	return digestOf(b)
}

func appendLog(b []byte, epoch uint64, ranges []protocol.Range) []byte {
	b = binary.BigEndian.AppendUint64(b, epoch)
	b = binary.BigEndian.AppendUint64(b, uint64(len(ranges)))
	for _, r := range ranges {
		b = binary.BigEndian.AppendUint64(b, r.First)
		b = binary.BigEndian.AppendUint64(b, r.Last)
	}
	return b
}

func digestOf(b []byte) protocol.Digest {
	if len(b) == 0 {
		return protocol.Digest{}
	}
	h := sha256.Sum256(b)
	return protocol.Digest(h[:8])
}

// Heads stands for what is stored in some rooms, in whatever order they come: for the announcement.
func (x *Index) Heads(rooms []protocol.RoomID) protocol.Digest {
	rooms = slices.Clone(rooms)
	slices.SortFunc(rooms, func(a, b protocol.RoomID) int { return slices.Compare(a[:], b[:]) })
	var b []byte
	for _, id := range slices.Compact(rooms) {
		if d := x.rooms[id].sum(); d != (protocol.Digest{}) {
			b = append(append(b, id[:]...), d[:]...)
		}
	}
	return digestOf(b)
}

func (r *roomIndex) sum() protocol.Digest {
	if r == nil {
		return protocol.Digest{}
	}
	if !r.fresh {
		var b []byte
		for _, a := range r.authors {
			if d := a.sum(); d != (protocol.Digest{}) {
				b = append(append(b, a.author[:]...), d[:]...)
			}
		}
		r.digest, r.fresh = digestOf(b), true
	}
	return r.digest
}

// DigestPages is what is stored in a room, one digest per author, as Vectors of at most budget bytes each (at least 256).
// They begin a comparison and are to be sent in order; each says all about the authors From to To and needs no other.
func (x *Index) DigestPages(room protocol.RoomID, budget int) []frame.Vector {
	var authors []frame.AuthorDigest
	if r := x.rooms[room]; r != nil {
		for _, a := range r.authors {
			if d := a.sum(); d != (protocol.Digest{}) {
				authors = append(authors, frame.AuthorDigest{Author: a.author, Digest: d})
			}
		}
	}
	perPage := max(1, (max(budget, minBudget)-digestsOverhead)/authorDigestSize)
	var pages []frame.Vector
	var from protocol.PeerID
	for {
		page := &frame.Digests{From: from, To: lastPeer, Authors: authors}
		if len(authors) > perPage {
			page.Authors = authors[:perPage:perPage]
			page.To = page.Authors[perPage-1].Author
		}
		authors = authors[len(page.Authors):]
		pages = append(pages, frame.Vector{Room: room, Digests: page})
		if len(authors) == 0 {
			return pages
		}
		from = after(page.To)
	}
}

var lastPeer = protocol.PeerID(slices.Repeat([]byte{0xff}, len(protocol.PeerID{})))

// after is the key that follows p, which is not the last.
func after(p protocol.PeerID) protocol.PeerID {
	for i := len(p) - 1; i >= 0; i-- {
		p[i]++
		if p[i] != 0 {
			break
		}
	}
	return p
}

// Answer is the reply to a Vector, as Vectors of at most budget bytes each (at least 256); often there is none.
//
// To Digests: what is stored of the authors who differ, with the question for the other's. To Logs with that question: what
// is stored of them that the other lacks; or, where both sides have what they will ever have and still differ (one of them
// refused or deleted something), what is stored, so that the other learns it. Such a pair of digests is then not asked about
// again. Of many pages there come those whose turn it is with that peer in that room. The caller passes Vectors of rooms only that both sides are in, and calls Missing too.
func (x *Index) Answer(v frame.Vector, budget int, turn *Turn) []frame.Vector {
	budget = max(budget, minBudget)
	switch {
	case v.Digests != nil:
		return x.compare(v.Room, v.Digests, budget, turn)
	case v.Logs != nil:
		return x.reply(v.Room, v.Logs, budget, turn)
	}
	return nil
}

func (x *Index) compare(room protocol.RoomID, page *frame.Digests, budget int, turn *Turn) []frame.Vector {
	var ours []*authorIndex
	if r := x.rooms[room]; r != nil {
		i, _ := slices.BinarySearchFunc(r.authors, page.From, byAuthor)
		for ; i < len(r.authors) && r.authors[i].author.Compare(page.To) <= 0; i++ {
			ours = append(ours, r.authors[i])
		}
	}
	p := newPacker(room, true, budget)
	theirs := page.Authors
	for len(ours) > 0 || len(theirs) > 0 {
		// The lesser author of the two lists; both lists ascend.
		order := -1
		switch {
		case len(ours) == 0:
			order = 1
		case len(theirs) > 0:
			order = ours[0].author.Compare(theirs[0].Author)
		}
		var (
			a  *authorIndex
			id protocol.PeerID
			d  protocol.Digest
		)
		if order <= 0 {
			a, id, ours = ours[0], ours[0].author, ours[1:]
		}
		if order >= 0 {
			id, d, theirs = theirs[0].Author, theirs[0].Digest, theirs[1:]
		}
		if d != a.sum() && (a == nil || !slices.Contains(a.settled, d)) {
			p.add(id, a.storedLogs(0, noEpoch))
		}
	}
	return p.done(turn)
}

func (x *Index) reply(room protocol.RoomID, page *frame.Logs, budget int, turn *Turn) []frame.Vector {
	p := newPacker(room, false, budget)
	for _, s := range statements(page.Logs) {
		a := x.author(room, s.author)
		if a == nil {
			continue
		}
		owed := lacking(s.logs, a.storedLogs(s.above, s.below))
		r := a.read(s, len(x.missing(room, s.logs)) > 0, len(owed) > 0)
		all := false
		if r != nil && !r.wanted {
			// What is owed is told alone at first; if nothing came of it, the other side does not want it.
			if d := r.digest(); d != a.sum() {
				all = a.settle(d) || !r.owed
			}
		}
		switch {
		case !page.Ask:
		case all:
			p.add(s.author, a.storedLogs(0, noEpoch))
		case len(owed) > 0:
			p.add(s.author, owed)
		}
	}
	return p.done(turn)
}

// maxSettled is how many digests of others are remembered per author.
const maxSettled = 8

// settle remembers that what has digest d holds nothing that is missing here. It returns true if that was known.
func (a *authorIndex) settle(d protocol.Digest) (known bool) {
	if slices.Contains(a.settled, d) {
		return true
	}
	if len(a.settled) == maxSettled {
		a.settled = slices.Delete(a.settled, 0, 1)
	}
	a.settled = append(a.settled, d)
	return false
}

// storedLogs is what is stored of the author's epochs between two bounds, both excluded.
func (a *authorIndex) storedLogs(above, below uint64) []frame.LogRanges {
	if a == nil {
		return nil
	}
	var logs []frame.LogRanges
	for _, l := range a.logs {
		if len(l.stored) > 0 && l.epoch > above && l.epoch < below {
			logs = append(logs, frame.LogRanges{Author: a.author, Epoch: l.epoch, Ranges: l.stored.Clone()})
		}
	}
	return logs
}

// lacking is those of our logs of which somebody who has theirs lacks something.
func lacking(theirs, ours []frame.LogRanges) []frame.LogRanges {
	var out []frame.LogRanges
	for _, o := range ours {
		for len(theirs) > 0 && theirs[0].Epoch < o.Epoch {
			theirs = theirs[1:]
		}
		var t protocol.RangeSet
		if len(theirs) > 0 && theirs[0].Epoch == o.Epoch {
			t = theirs[0].Ranges
		}
		if len(protocol.RangeSet(o.Ranges).Minus(t)) > 0 {
			out = append(out, o)
		}
	}
	return out
}

// Missing is what the sender of a Vector has stored and we have neither accepted nor refused: for Fetcher.Learn.
func (x *Index) Missing(v frame.Vector) []LogRanges {
	if v.Logs == nil {
		return nil
	}
	return x.missing(v.Room, v.Logs.Logs)
}

func (x *Index) missing(room protocol.RoomID, logs []frame.LogRanges) []LogRanges {
	var missing []LogRanges
	for _, l := range logs {
		m := LogRanges{Log{room, l.Author, l.Epoch}, slices.Clone(l.Ranges)}
		if l.Epoch == 0 {
			continue
		}
		if have := x.log(m.Log); have != nil {
			m.Ranges = m.Ranges.Minus(have.accepted())
		}
		if len(m.Ranges) > 0 {
			missing = append(missing, m)
		}
	}
	return missing
}

// Covered is what the sender of a Vector proves to have stored of an author: for that author, as good as a Have.
// Equal digests prove it of everything that is stored here.
func (x *Index) Covered(v frame.Vector, author protocol.PeerID) []LogRanges {
	var covered []LogRanges
	switch {
	case v.Logs != nil:
		for _, l := range v.Logs.Logs {
			if l.Author == author && len(l.Ranges) > 0 {
				covered = append(covered, LogRanges{Log{v.Room, author, l.Epoch}, slices.Clone(l.Ranges)})
			}
		}
	case v.Digests != nil:
		a := x.author(v.Room, author)
		for _, d := range v.Digests.Authors {
			if a == nil || d.Author != author || d.Digest != a.sum() {
				continue
			}
			for _, l := range a.storedLogs(0, noEpoch) {
				covered = append(covered, LogRanges{Log{v.Room, author, l.Epoch}, l.Ranges})
			}
		}
	}
	return covered
}
