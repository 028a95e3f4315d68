package frame

import (
	"errors"
	"fmt"

	"earshot/protocol"
)

// Packet is the content of one packet, taken apart without an allocation for what bulk packets hold: it is used again for the
// next one. It is valid until then, and as long as the payload is not overwritten, which Chunks and Benches share memory with.
type Packet struct {
	Acks    []Ack
	Chunks  []Chunk
	Benches []Bench
	Others  []Frame // everything else, in memory of its own
	// Eliciting tells whether the packet must be acknowledged.
	Eliciting bool

	ranges []protocol.Range
	d      protocol.Decoder
}

// Parse takes a payload apart as the function Parse does: the same are refused.
func (p *Packet) Parse(payload []byte) error {
	clear(p.Others)
	p.Acks, p.Chunks, p.Benches, p.Others = p.Acks[:0], p.Chunks[:0], p.Benches[:0], p.Others[:0]
	p.ranges, p.Eliciting = p.ranges[:0], false
	if len(payload) == 0 {
		return ErrEmpty
	}
	for len(payload) > 0 {
		n, err := protocol.ScanPrefix(payload)
		if err != nil {
			return fmt.Errorf("frame: %w", err)
		}
		if err := p.add(payload[:n]); err != nil {
			return fmt.Errorf("%w: %w", ErrFrame, err)
		}
		payload = payload[n:]
	}
	return nil
}

// add takes one frame that has passed the scan.
func (p *Packet) add(raw []byte) error {
	d := &p.d
	d.Reset(raw)
	n := d.Array()
	t := Type(d.UintMax(1<<8 - 1))
	if d.Err() != nil {
		return d.Err()
	}
	if t == 0 {
		return errZeroType
	}
	if t != TypeAck && t != TypeClose {
		p.Eliciting = true
	}
	switch {
	case t == TypeAck && n == 3:
		var ack Ack
		ack, p.ranges = readAck(d, p.ranges)
		p.Acks = append(p.Acks, ack)
	case t == TypeChunk && n == 5:
		p.Chunks = append(p.Chunks, readChunk(d))
	case t == TypeBench && n == 6:
		p.Benches = append(p.Benches, readBench(d))
	default:
		f, err := parse(d, raw)
		if err != nil {
			return err
		}
		p.Others = append(p.Others, f)
		return nil
	}
	if err := d.End(); err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	return nil
}

var errZeroType = errors.New("type 0")
