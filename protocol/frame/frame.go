// Package frame is what packets carry inside a session: small msgpack arrays, one after the other, that begin with
// their type (SPEC section 5).
//
// control.go has the frames about the session itself: Ack, Ping, Self, Peers, PathChallenge, PathResponse, Close.
// room.go has those about rooms: Entry and Part carry signed lines, Vector, Have and Want say who has what.
// read.go has Read: how far somebody has read a direct conversation.
// stream.go has those of streams: Chunk, Credit, Stop; and Pad, which finds out what a path takes. bench.go measures.
// packet.go takes a whole packet apart without an allocation.
//
// Every frame stands next to its own Append and parse function. Parse is strict: what it accepts, Append writes again
// byte for byte, so a receiver never works on something that the sender could have meant otherwise. A frame of a type
// that this version does not know is kept as Unknown and ignored, so that later versions can add types.
package frame

import (
	"bytes"
	"errors"
	"fmt"

	"earshot/protocol"
)

// Type is the first element of a frame.
type Type uint8

// The types of frames. 10 and 11 are reserved for files.
const (
	TypeAck           Type = 1
	TypePing          Type = 2
	TypeSelf          Type = 3
	TypePeers         Type = 4
	TypeVector        Type = 5
	TypeEntry         Type = 6
	TypePart          Type = 7
	TypeHave          Type = 8
	TypeWant          Type = 9
	TypeOffer         Type = 10
	TypeRequest       Type = 11
	TypeChunk         Type = 12
	TypeCredit        Type = 13
	TypePathChallenge Type = 14
	TypePathResponse  Type = 15
	TypeClose         Type = 16
	TypeRead          Type = 17
	TypeStop          Type = 18
	TypePad           Type = 19
	TypeBench         Type = 20
)

var typeNames = [...]string{
	TypeAck: "ack", TypePing: "ping", TypeSelf: "self", TypePeers: "peers", TypeVector: "vector", TypeEntry: "entry",
	TypePart: "part", TypeHave: "have", TypeWant: "want", TypeOffer: "offer", TypeRequest: "request",
	TypeChunk: "chunk", TypeCredit: "credit", TypePathChallenge: "path-challenge",
	TypePathResponse: "path-response", TypeClose: "close", TypeRead: "read",
	TypeStop: "stop", TypePad: "pad", TypeBench: "bench",
}

func (t Type) String() string {
	if int(t) >= len(typeNames) || typeNames[t] == "" {
		return fmt.Sprintf("type %d", uint8(t))
	}
	return typeNames[t]
}

// Frame is one of Ack, Ping, Self, Peers, Vector, Entry, Part, Have, Want, Chunk, Credit, PathChallenge, PathResponse,
// Close, Read, Stop, Pad, Bench and Unknown, each as a value. Every one has a String of a few words for traces.
type Frame interface {
	Type() Type
	// Append writes the frame. It trusts its fields; the limits are checked by Parse.
	Append(e *protocol.Encoder)
}

// Unknown is a frame of a type that this version does not know, whole.
type Unknown struct {
	Of  Type   `json:"of"`
	Raw []byte `json:"raw"`
}

// Type is the unknown type.
func (f Unknown) Type() Type { return f.Of }

// Append writes the frame as it came.
func (f Unknown) Append(e *protocol.Encoder) { e.Raw(f.Raw) }

func (f Unknown) String() string { return fmt.Sprintf("%s %d B", f.Of, len(f.Raw)) }

var (
	// ErrEmpty is a packet without frames.
	ErrEmpty = errors.New("frame: empty packet")
	// ErrFrame is wrapped by every refusal of a frame's fields; a refused encoding wraps protocol.ErrScan.
	ErrFrame = errors.New("frame: bad frame")
)

// Eliciting tells whether the receiver acknowledges a packet that holds f: every frame but Ack and Close
// (RFC 9000 section 13.2).
func Eliciting(f Frame) bool {
	t := f.Type()
	return t != TypeAck && t != TypeClose
}

// Parse reads the whole plaintext of a packet: at least one frame, and all of them good. The frames share no memory
// with payload.
func Parse(payload []byte) ([]Frame, error) {
	if len(payload) == 0 {
		return nil, ErrEmpty
	}
	frames := make([]Frame, 0, 4)
	d := protocol.NewDecoder(nil)
	for len(payload) > 0 {
		n, err := protocol.ScanPrefix(payload)
		if err != nil {
			return nil, fmt.Errorf("frame: %w", err)
		}
		f, err := parse(d, payload[:n])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFrame, err)
		}
		frames = append(frames, f)
		payload = payload[n:]
	}
	return frames, nil
}

// parse reads one frame that has passed the scan.
func parse(d *protocol.Decoder, raw []byte) (Frame, error) {
	d.Reset(raw)
	n := d.Array()
	t := Type(d.UintMax(1<<8 - 1))
	if d.Err() != nil {
		return nil, d.Err()
	}
	if t == 0 {
		return nil, errZeroType
	}
	read, elements := reader(t)
	if read == nil {
		return Unknown{t, bytes.Clone(raw)}, nil
	}
	if n != elements && t != TypeVector {
		return nil, fmt.Errorf("%s of %d elements", t, n)
	}
	f := read(d, n)
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	return f, nil
}

// reader is what reads the fields of a known type, and how many elements its array has, type included.
// Only a Vector has a form of another length, which it checks itself.
func reader(t Type) (read func(d *protocol.Decoder, n int) Frame, elements int) {
	switch t {
	case TypeAck:
		return parseAck, 3
	case TypePing:
		return parsePing, 1
	case TypeSelf:
		return parseSelf, 6
	case TypePeers:
		return parsePeers, 2
	case TypeVector:
		return parseVector, 6
	case TypeEntry:
		return parseEntry, 2
	case TypePart:
		return parsePart, 5
	case TypeHave:
		return parseHave, 5
	case TypeWant:
		return parseWant, 5
	case TypePathChallenge:
		return parsePathChallenge, 2
	case TypePathResponse:
		return parsePathResponse, 2
	case TypeClose:
		return parseClose, 3
	case TypeRead:
		return parseRead, 5
	case TypeChunk:
		return parseChunk, 5
	case TypeCredit:
		return parseCredit, 3
	case TypeStop:
		return parseStop, 3
	case TypePad:
		return parsePad, 2
	case TypeBench:
		return parseBench, 6
	}
	return nil, 0
}
