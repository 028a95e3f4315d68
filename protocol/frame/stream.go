package frame

import (
	"bytes"
	"fmt"

	"earshot/protocol"
)

// Chunk is a piece of a stream: bytes that stand at Offset of it. Pieces may come in any order, and overlap where they are
// sent again; the same offset never has two contents (RFC 9000 section 2.2).
type Chunk struct {
	Stream uint64 `json:"stream"` // from 1
	Offset uint64 `json:"offset"` // of the first byte; the last is below protocol.MaxSafeInteger
	Fin    bool   `json:"fin,omitempty"`
	Data   []byte `json:"data"` // may be empty with Fin
}

// Type is TypeChunk.
func (Chunk) Type() Type { return TypeChunk }

// Append writes the frame.
func (f Chunk) Append(e *protocol.Encoder) {
	e.Array(5)
	e.Uint(uint64(TypeChunk))
	e.Uint(f.Stream)
	e.Uint(f.Offset)
	e.Uint(flag(f.Fin))
	e.Bin(f.Data)
}

// ChunkOverhead is the most that a Chunk adds to its data. Bytes.
const ChunkOverhead = 1 + 1 + 9 + 9 + 1 + 3

func parseChunk(d *protocol.Decoder, _ int) Frame {
	f := readChunk(d)
	f.Data = bytes.Clone(f.Data)
	return f
}

// readChunk reads the fields after the type; Data shares the decoder's input.
func readChunk(d *protocol.Decoder) Chunk {
	f := Chunk{
		Stream: d.UintMax(protocol.MaxSafeInteger), Offset: d.UintMax(protocol.MaxSafeInteger),
		Fin: d.UintMax(1) == 1, Data: d.Bin(),
	}
	switch end := f.Offset + uint64(len(f.Data)); {
	case f.Stream == 0:
		d.Fail("stream 0")
	case len(f.Data) == 0 && !f.Fin:
		d.Fail("empty")
	case end > protocol.MaxSafeInteger:
		d.Fail("ends at %d", end)
	}
	return f
}

func (f Chunk) String() string {
	s := fmt.Sprintf("chunk %d at %d, %d B", f.Stream, f.Offset, len(f.Data))
	if f.Fin {
		s += ", the last"
	}
	return s
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// Credit lets the receiver send a stream up to Limit, or all streams together if Stream is 0. A lower limit than an earlier
// one has no effect (RFC 9000 section 4.1).
type Credit struct {
	Stream uint64 `json:"stream"`
	Limit  uint64 `json:"limit"` // bytes from the beginning
}

// Type is TypeCredit.
func (Credit) Type() Type { return TypeCredit }

// Append writes the frame.
func (f Credit) Append(e *protocol.Encoder) {
	e.Array(3)
	e.Uint(uint64(TypeCredit))
	e.Uint(f.Stream)
	e.Uint(f.Limit)
}

func parseCredit(d *protocol.Decoder, _ int) Frame {
	return Credit{d.UintMax(protocol.MaxSafeInteger), d.UintMax(protocol.MaxSafeInteger)}
}

func (f Credit) String() string {
	if f.Stream == 0 {
		return fmt.Sprintf("credit to %d for all", f.Limit)
	}
	return fmt.Sprintf("credit %d to %d", f.Stream, f.Limit)
}

// Stop ends a stream before its time: its sender sends no more of it, its receiver takes no more, whoever says so
// (RFC 9000 sections 19.4 and 19.5). A receiver's is answered with the sender's.
type Stop struct {
	Stream uint64 `json:"stream"`
	Length uint64 `json:"length"` // how much of it was sent, 0 from its receiver. Bytes
}

// Type is TypeStop.
func (Stop) Type() Type { return TypeStop }

// Append writes the frame.
func (f Stop) Append(e *protocol.Encoder) {
	e.Array(3)
	e.Uint(uint64(TypeStop))
	e.Uint(f.Stream)
	e.Uint(f.Length)
}

func parseStop(d *protocol.Decoder, _ int) Frame {
	f := Stop{d.UintMax(protocol.MaxSafeInteger), d.UintMax(protocol.MaxSafeInteger)}
	if f.Stream == 0 {
		d.Fail("stream 0")
	}
	return f
}

func (f Stop) String() string { return fmt.Sprintf("stop %d after %d B", f.Stream, f.Length) }

// Pad makes a packet longer, to find out whether the path takes it (RFC 8899 section 4.2).
type Pad struct {
	Length int `json:"length"` // zeros. Bytes
}

// PadOverhead is what a Pad adds to its zeros, from 256 of them on. Bytes.
const PadOverhead = 1 + 1 + 3

// Type is TypePad.
func (Pad) Type() Type { return TypePad }

// Append writes the frame.
func (f Pad) Append(e *protocol.Encoder) {
	e.Array(2)
	e.Uint(uint64(TypePad))
	e.Bin(make([]byte, f.Length))
}

func parsePad(d *protocol.Decoder, _ int) Frame {
	b := d.Bin()
	for _, x := range b {
		if x != 0 {
			d.Fail("not only zeros")
			break
		}
	}
	return Pad{len(b)}
}

func (f Pad) String() string { return fmt.Sprintf("pad %d B", f.Length) }
