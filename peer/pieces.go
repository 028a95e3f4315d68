package peer

import (
	"errors"
	"fmt"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// pieces puts entries together that came in parts. It exists only inside a session, so only peers can fill it.
type pieces struct {
	open  []*puzzle
	bytes int
	done  protocol.RangeSet // numbers of entries that are complete
	next  uint64            // of one's own entries in parts
}

// puzzle is one entry of which parts are missing.
type puzzle struct {
	id       uint64
	parts    [][]byte
	have     int
	bytes    int
	deadline time.Time
}

var (
	errPieces   = errors.New("peer: too many unfinished entries")
	errPartSize = errors.New("peer: part contradicts an earlier one")
)

// add takes one part, and returns the whole entry once it is complete.
func (p *pieces) add(now time.Time, f frame.Part) ([]byte, error) {
	if p.done.Contains(f.ID) {
		return nil, nil
	}
	var z *puzzle
	for _, o := range p.open {
		if o.id == f.ID {
			z = o
		}
	}
	if z == nil {
		if len(p.open) >= protocol.MaxPartial {
			return nil, errPieces
		}
		z = &puzzle{id: f.ID, parts: make([][]byte, f.Count), deadline: now.Add(protocol.PartialTimeout)}
		p.open = append(p.open, z)
	}
	if uint64(len(z.parts)) != f.Count || f.Index >= f.Count {
		return nil, errPartSize
	}
	if z.parts[f.Index] != nil {
		return nil, nil
	}
	if z.bytes+len(f.Data) > protocol.MaxEntry || p.bytes+len(f.Data) > protocol.MaxPartialBytes {
		return nil, fmt.Errorf("%w: %d bytes", errPieces, p.bytes)
	}
	z.parts[f.Index] = append([]byte{}, f.Data...)
	z.have++
	z.bytes += len(f.Data)
	p.bytes += len(f.Data)
	if z.have < len(z.parts) {
		return nil, nil
	}
	raw := make([]byte, 0, z.bytes)
	for _, part := range z.parts {
		raw = append(raw, part...)
	}
	p.forget(z)
	p.done.Add(protocol.Range{First: z.id, Last: z.id})
	if len(p.done) > 64 {
		p.done = p.done[len(p.done)-64:]
	}
	return raw, nil
}

func (p *pieces) forget(z *puzzle) {
	for i, o := range p.open {
		if o == z {
			p.open = append(p.open[:i], p.open[i+1:]...)
			p.bytes -= z.bytes
			return
		}
	}
}

func (p *pieces) deadline() time.Time {
	var d time.Time
	for _, z := range p.open {
		d = earliest(d, z.deadline)
	}
	return d
}

// advance gives up on what has waited too long; whoever sends it will be asked for it again.
func (p *pieces) advance(now time.Time) {
	for i := len(p.open) - 1; i >= 0; i-- {
		if z := p.open[i]; due(now, z.deadline) {
			p.forget(z)
		}
	}
}

// cut makes the frames of an entry: one Entry, or Parts where it does not fit a packet.
func (p *pieces) cut(raw []byte) []frame.Frame {
	if len(raw) <= protocol.PartSize {
		return []frame.Frame{frame.Entry{Raw: raw}}
	}
	count := (len(raw) + protocol.PartSize - 1) / protocol.PartSize
	out := make([]frame.Frame, 0, count)
	for i := range count {
		out = append(out, frame.Part{
			ID: p.next, Index: uint64(i), Count: uint64(count),
			Data: raw[i*protocol.PartSize : min(len(raw), (i+1)*protocol.PartSize)],
		})
	}
	p.next++
	return out
}
