package stream

import (
	"earshot/protocol"
	"earshot/protocol/frame"
)

// Piece is a part of a stream that a packet carries.
type Piece struct {
	Stream uint64 // 0: none
	Offset uint64
	Length int
	Fin    bool
	Again  bool // it was sent before
}

// Outgoing is a stream to the peer.
type Outgoing struct {
	id       uint64
	priority int
	memory   ring
	base     uint64 // everything below has arrived
	next     uint64 // everything from here on was never sent
	end      uint64 // what was written
	limit    uint64 // credit

	closed, finOwed, finDone bool

	lost    protocol.RangeSet // to be sent again
	arrived protocol.RangeSet // above base
}

// ID names the stream.
func (o *Outgoing) ID() uint64 { return o.id }

// Room is how many bytes Write takes now: as much as may be under way, and once more.
func (o *Outgoing) Room() int {
	if o.closed {
		return 0
	}
	most := 2 * (o.limit - o.base)
	return int(min(most, MaxWindow) - min(o.end-o.base, most, MaxWindow))
}

// Write adds bytes to the stream, and tells how many it took: at most Room.
func (o *Outgoing) Write(p []byte) int {
	p = p[:min(len(p), o.Room())]
	if len(p) == 0 {
		return 0
	}
	o.memory = o.memory.grown(int(o.end-o.base)+len(p), o.base, o.end)
	o.memory.put(o.end, p)
	o.end += uint64(len(p))
	return len(p)
}

// Close ends the stream after what was written.
func (o *Outgoing) Close() {
	if !o.closed {
		o.closed, o.finOwed = true, true
	}
}

// Done tells whether everything has arrived, the end too.
func (o *Outgoing) Done() bool { return o.finDone && o.base == o.end }

// Arrived is how many bytes have arrived without a hole.
func (o *Outgoing) Arrived() uint64 { return o.base }

// pending tells whether something could be sent: of what was lost, or new as far as the credit for all streams goes.
func (o *Outgoing) pending(credit uint64) bool {
	return len(o.lost) > 0 || o.next < min(o.end, o.limit) && credit > 0 || o.finOwed && o.next == o.end
}

// piece is what to send next, at most n bytes; fresh is how many of them were never sent.
func (o *Outgoing) piece(n int, credit uint64) (p Piece, fresh int) {
	p = Piece{Stream: o.id, Offset: o.next}
	if len(o.lost) > 0 {
		r := o.lost[0]
		p.Again = true
		p.Offset, p.Length = r.First, len(o.memory.at(r.First, min(n, int(r.Len()))))
		o.lost.Remove(protocol.Range{First: p.Offset, Last: p.Offset + uint64(p.Length) - 1})
	} else if most := int(min(uint64(n), min(o.end, o.limit)-min(o.next, o.limit), credit)); most > 0 {
		p.Length = len(o.memory.at(o.next, most))
		fresh = p.Length
		o.next += uint64(fresh)
	}
	if o.finOwed && p.Offset+uint64(p.Length) == o.end && len(o.lost) == 0 {
		p.Fin, o.finOwed = true, false
	}
	return p, fresh
}

// chunk is a piece with its bytes, which are valid until it is Acked.
func (o *Outgoing) chunk(p Piece) frame.Chunk {
	f := frame.Chunk{Stream: p.Stream, Offset: p.Offset, Fin: p.Fin}
	if p.Length > 0 {
		f.Data = o.memory.at(p.Offset, p.Length)
	}
	return f
}

// acked takes the word that a piece has arrived.
func (o *Outgoing) acked(p Piece) {
	if p.Fin {
		o.finDone, o.finOwed = true, false
	}
	first, end := max(p.Offset, o.base), p.Offset+uint64(p.Length)
	if first >= end {
		return
	}
	r := protocol.Range{First: first, Last: end - 1}
	if len(o.lost) > 0 {
		o.lost.Remove(r) // it was late, not lost
	}
	if first > o.base {
		o.arrived.Add(r)
		return
	}
	o.base = end
	for len(o.arrived) > 0 && o.arrived[0].First <= o.base {
		o.base = max(o.base, o.arrived[0].Last+1)
		o.arrived = append(o.arrived[:0], o.arrived[1:]...)
	}
}

// owe makes a piece owed again whose packet was lost, but for what has arrived in another one.
func (o *Outgoing) owe(p Piece) {
	if p.Fin && !o.finDone {
		o.finOwed = true
	}
	first, end := max(p.Offset, o.base), p.Offset+uint64(p.Length)
	if first >= end {
		return
	}
	o.lost.Add(protocol.Range{First: first, Last: end - 1})
	for _, r := range o.arrived {
		if r.First >= end {
			break
		}
		if r.Last >= first {
			o.lost.Remove(r)
		}
	}
}
