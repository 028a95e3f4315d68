package frame

import (
	"bytes"
	"cmp"
	"fmt"

	"earshot/protocol"
)

// Entry carries one whole signed entry; what is in it is the replica's to check.
type Entry struct {
	Raw []byte `json:"raw"` // 1 to protocol.MaxEntry bytes
}

// Type is TypeEntry.
func (Entry) Type() Type { return TypeEntry }

// Append writes the frame.
func (f Entry) Append(e *protocol.Encoder) {
	e.Array(2)
	e.Uint(uint64(TypeEntry))
	e.Bin(f.Raw)
}

func parseEntry(d *protocol.Decoder, _ int) Frame { return Entry{content(d)} }

func (f Entry) String() string { return fmt.Sprintf("entry %d B", len(f.Raw)) }

// Part is a piece of an entry that does not fit one packet. Each part is owed and acknowledged on its own.
type Part struct {
	ID    uint64 `json:"id"`    // of the entry, drawn by the sender, unique within the session
	Index uint64 `json:"index"` // from 0
	Count uint64 `json:"count"` // of all parts, 1 to protocol.MaxParts
	Data  []byte `json:"data"`  // not empty
}

// Type is TypePart.
func (Part) Type() Type { return TypePart }

// Append writes the frame.
func (f Part) Append(e *protocol.Encoder) {
	e.Array(5)
	e.Uint(uint64(TypePart))
	e.Uint(f.ID)
	e.Uint(f.Index)
	e.Uint(f.Count)
	e.Bin(f.Data)
}

func parsePart(d *protocol.Decoder, _ int) Frame {
	f := Part{ID: d.Uint(), Index: d.Uint(), Count: d.UintMax(protocol.MaxParts)}
	if f.Index >= f.Count {
		d.Fail("part %d of %d", f.Index, f.Count)
	}
	f.Data = content(d)
	return f
}

func (f Part) String() string {
	return fmt.Sprintf("part %d/%d of #%d %d B", f.Index+1, f.Count, f.ID, len(f.Data))
}

// content reads a copy of bytes that may not be empty.
func content(d *protocol.Decoder) []byte {
	b := d.BinMax(protocol.MaxEntry)
	if len(b) == 0 {
		d.Fail("no content")
	}
	return bytes.Clone(b)
}

// Have says which entries of its receiver the sender has stored since it last said so.
type Have struct {
	Room   protocol.RoomID  `json:"room"`
	Author protocol.PeerID  `json:"author"`
	Epoch  uint64           `json:"epoch"`
	Ranges []protocol.Range `json:"ranges"` // at least one, ascending, neither overlapping nor adjacent, 1 to protocol.MaxSafeInteger
}

// Type is TypeHave.
func (Have) Type() Type { return TypeHave }

// Append writes the frame.
func (f Have) Append(e *protocol.Encoder) { appendHave(e, TypeHave, f) }

func parseHave(d *protocol.Decoder, _ int) Frame { return readHave(d) }

func (f Have) String() string { return "have " + protocol.RangeSet(f.Ranges).String() }

// Want asks for entries.
type Want struct {
	Room   protocol.RoomID  `json:"room"`
	Author protocol.PeerID  `json:"author"`
	Epoch  uint64           `json:"epoch"`
	Ranges []protocol.Range `json:"ranges"` // as in Have
}

// Type is TypeWant.
func (Want) Type() Type { return TypeWant }

// Append writes the frame.
func (f Want) Append(e *protocol.Encoder) { appendHave(e, TypeWant, Have(f)) }

func parseWant(d *protocol.Decoder, _ int) Frame { return Want(readHave(d)) }

func (f Want) String() string {
	return "want " + f.Author.Short() + " " + protocol.RangeSet(f.Ranges).String()
}

func appendHave(e *protocol.Encoder, t Type, f Have) {
	e.Array(5)
	e.Uint(uint64(t))
	e.Bin(f.Room[:])
	e.Bin(f.Author[:])
	e.Uint(f.Epoch)
	appendRanges(e, f.Ranges)
}

func readHave(d *protocol.Decoder) Have {
	f := Have{Room: readRoom(d), Author: readPeer(d), Epoch: d.UintMax(protocol.MaxSafeInteger), Ranges: readRanges(d)}
	if len(f.Ranges) == 0 {
		d.Fail("no ranges")
	}
	return f
}

// Vector compares what two peers have of a room: first one digest per author, then ranges where digests differ.
// A comparison may take several Vectors, each of which stands alone.
type Vector struct {
	Room    protocol.RoomID `json:"room"`
	Digests *Digests        `json:"digests,omitempty"` // either this
	Logs    *Logs           `json:"logs,omitempty"`    // or this, never both
}

// Digests is a page: all that the sender has of the authors From to To, both included.
type Digests struct {
	From    protocol.PeerID `json:"from"`
	To      protocol.PeerID `json:"to"`
	Authors []AuthorDigest  `json:"authors"` // ascending, none twice, within From to To; may be empty
}

// AuthorDigest stands for everything that the sender has of one author in the room.
type AuthorDigest struct {
	Author protocol.PeerID `json:"author"`
	Digest protocol.Digest `json:"digest"`
}

// Logs says what the sender has of some logs.
type Logs struct {
	Ask  bool        `json:"ask,omitempty"` // the receiver is to answer with its own of the same authors
	Logs []LogRanges `json:"logs"`          // ascending by author and epoch, none twice; may be empty
}

// LogRanges is what the sender has of one log.
type LogRanges struct {
	Author protocol.PeerID  `json:"author"`
	Epoch  uint64           `json:"epoch"`
	Ranges []protocol.Range `json:"ranges"` // as in Have, but may be empty
}

// The two forms of a Vector.
const (
	vectorDigests = 0
	vectorLogs    = 1
)

// Type is TypeVector.
func (Vector) Type() Type { return TypeVector }

// Append writes the frame. One of Digests and Logs must be there.
func (f Vector) Append(e *protocol.Encoder) {
	if f.Digests != nil {
		e.Array(6)
		e.Uint(uint64(TypeVector))
		e.Bin(f.Room[:])
		e.Uint(vectorDigests)
		e.Bin(f.Digests.From[:])
		e.Bin(f.Digests.To[:])
		e.Array(len(f.Digests.Authors))
		for _, a := range f.Digests.Authors {
			e.Array(2)
			e.Bin(a.Author[:])
			e.Bin(a.Digest[:])
		}
		return
	}
	e.Array(5)
	e.Uint(uint64(TypeVector))
	e.Bin(f.Room[:])
	e.Uint(vectorLogs)
	var ask uint64
	if f.Logs.Ask {
		ask = 1
	}
	e.Uint(ask)
	e.Array(len(f.Logs.Logs))
	for _, l := range f.Logs.Logs {
		e.Array(3)
		e.Bin(l.Author[:])
		e.Uint(l.Epoch)
		appendRanges(e, l.Ranges)
	}
}

func parseVector(d *protocol.Decoder, n int) Frame {
	f := Vector{Room: readRoom(d)}
	form := d.UintMax(vectorLogs)
	if n != 6-int(form) {
		d.Fail("%d elements", n)
	}
	if d.Err() != nil {
		return f
	}
	if form == vectorDigests {
		f.Digests = readDigests(d)
	} else {
		f.Logs = readLogs(d)
	}
	return f
}

func readDigests(d *protocol.Decoder) *Digests {
	p := &Digests{From: readPeer(d), To: readPeer(d)}
	if p.From.Compare(p.To) > 0 {
		d.Fail("page ends before it begins")
	}
	for i := range d.Array() {
		d.ArrayOf(2)
		a := AuthorDigest{readPeer(d), protocol.Digest(d.BinOf(len(protocol.Digest{})))}
		if a.Author.Compare(p.From) < 0 || a.Author.Compare(p.To) > 0 {
			d.Fail("author %s outside the page", a.Author.Short())
		}
		if i > 0 && a.Author.Compare(p.Authors[i-1].Author) <= 0 {
			d.Fail("author %s out of order", a.Author.Short())
		}
		if d.Err() != nil {
			break
		}
		p.Authors = append(p.Authors, a)
	}
	return p
}

func readLogs(d *protocol.Decoder) *Logs {
	p := &Logs{Ask: d.UintMax(1) == 1}
	for i := range d.Array() {
		d.ArrayOf(3)
		l := LogRanges{readPeer(d), d.UintMax(protocol.MaxSafeInteger), readRanges(d)}
		if i > 0 && l.compare(p.Logs[i-1]) <= 0 {
			d.Fail("log %s %d out of order", l.Author.Short(), l.Epoch)
		}
		if d.Err() != nil {
			break
		}
		p.Logs = append(p.Logs, l)
	}
	return p
}

func (l LogRanges) compare(m LogRanges) int {
	return cmp.Or(l.Author.Compare(m.Author), cmp.Compare(l.Epoch, m.Epoch))
}

func (f Vector) String() string {
	switch {
	case f.Digests != nil:
		return fmt.Sprintf("vector %d digests", len(f.Digests.Authors))
	case f.Logs == nil:
		return "vector"
	}
	s := "vector logs"
	if f.Logs.Ask {
		s = "vector ask"
	}
	for _, l := range f.Logs.Logs {
		has := "none"
		if len(l.Ranges) > 0 {
			has = protocol.RangeSet(l.Ranges).String()
		}
		s += " " + l.Author.Short() + " " + has
	}
	return s
}

func appendRanges(e *protocol.Encoder, ranges []protocol.Range) {
	e.Array(2 * len(ranges))
	for _, r := range ranges {
		e.Uint(r.First)
		e.Uint(r.Last)
	}
}

// readRanges reads sequence numbers: ascending, neither overlapping nor adjacent, 1 to protocol.MaxSafeInteger.
func readRanges(d *protocol.Decoder) []protocol.Range {
	n := d.Array()
	if n == 0 {
		return nil
	}
	if n%2 != 0 {
		d.Fail("%d numbers for ranges", n)
		return nil
	}
	ranges := make([]protocol.Range, 0, n/2)
	next := uint64(1) // the least number that a range may begin with
	for range n / 2 {
		r := protocol.Range{First: d.UintMax(protocol.MaxSafeInteger), Last: d.UintMax(protocol.MaxSafeInteger)}
		if r.First < next || r.Last < r.First {
			d.Fail("range %s out of order", r)
			return nil
		}
		ranges = append(ranges, r)
		next = r.Last + 2
	}
	return ranges
}

func readRoom(d *protocol.Decoder) protocol.RoomID {
	return protocol.RoomID(d.BinOf(len(protocol.RoomID{})))
}

func readPeer(d *protocol.Decoder) protocol.PeerID {
	return protocol.PeerID(d.BinOf(len(protocol.PeerID{})))
}
