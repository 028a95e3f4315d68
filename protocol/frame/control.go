package frame

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"earshot/protocol"
)

// Ack says which packets were received, which is all it says: nothing about the disk (SPEC section 5.2).
type Ack struct {
	Delay  time.Duration    `json:"delay_ns"` // since the largest number came, whole microseconds, at most protocol.MaxAckDelay of them
	Ranges []protocol.Range `json:"ranges"`   // 1 to protocol.MaxAckRanges, descending: the first holds the largest number
}

// Type is TypeAck.
func (Ack) Type() Type { return TypeAck }

// Append writes the frame.
func (f Ack) Append(e *protocol.Encoder) {
	e.Array(3)
	e.Uint(uint64(TypeAck))
	e.Uint(uint64(min(max(f.Delay.Microseconds(), 0), protocol.MaxAckDelay)))
	appendRanges(e, f.Ranges)
}

func parseAck(d *protocol.Decoder, _ int) Frame {
	f, _ := readAck(d, nil)
	return f
}

// readAck reads the fields after the type; the ranges are appended to memory, which is returned.
func readAck(d *protocol.Decoder, memory []protocol.Range) (Ack, []protocol.Range) {
	f := Ack{Delay: time.Duration(d.UintMax(protocol.MaxAckDelay)) * time.Microsecond}
	n := d.Array()
	if n < 2 || n%2 != 0 || n > 2*protocol.MaxAckRanges {
		d.Fail("%d numbers for ranges", n)
		return f, memory
	}
	from := len(memory)
	memory = slices.Grow(memory, n/2)
	for i := range n / 2 {
		r := protocol.Range{First: d.Uint(), Last: d.Uint()}
		if i > 0 {
			if before := memory[len(memory)-1]; r.Last >= before.First || r.Last+1 == before.First {
				d.Fail("range %s out of order", r)
			}
		}
		if r.Last < r.First {
			d.Fail("range %s out of order", r)
		}
		memory = append(memory, r)
	}
	f.Ranges = memory[from:len(memory):len(memory)]
	return f, memory
}

func (f Ack) String() string { return "ack " + protocol.RangeSet(f.Ranges).String() }

// Ping asks for an acknowledgement and carries nothing.
type Ping struct{}

// Type is TypePing.
func (Ping) Type() Type { return TypePing }

// Append writes the frame.
func (Ping) Append(e *protocol.Encoder) {
	e.Array(1)
	e.Uint(uint64(TypePing))
}

func parsePing(*protocol.Decoder, int) Frame { return Ping{} }

func (Ping) String() string { return "ping" }

// Self is everything about the sender that others show, whole each time: the greatest Counter holds.
type Self struct {
	Counter uint64   `json:"counter"`
	Name    string   `json:"name"`           // 1 to protocol.MaxName bytes
	Away    string   `json:"away,omitempty"` // empty: not away; up to protocol.MaxAway bytes
	Rooms   []string `json:"rooms"`          // the public rooms that the sender is in, without '#', none twice
	Key     []byte   `json:"key,omitempty"`  // for direct messages, with its signature: opaque here, empty or up to protocol.MaxSelfKey bytes
}

// Type is TypeSelf.
func (Self) Type() Type { return TypeSelf }

// Append writes the frame.
func (f Self) Append(e *protocol.Encoder) {
	e.Array(6)
	e.Uint(uint64(TypeSelf))
	e.Uint(f.Counter)
	e.Str(f.Name)
	e.Str(f.Away)
	e.Array(len(f.Rooms))
	for _, name := range f.Rooms {
		e.Str(name)
	}
	e.Bin(f.Key)
}

func parseSelf(d *protocol.Decoder, _ int) Frame {
	f := Self{Counter: d.Uint(), Name: d.StrMax(protocol.MaxName), Away: d.StrMax(protocol.MaxAway)}
	if f.Name == "" {
		d.Fail("no name")
	}
	n := d.Array()
	if n > protocol.MaxRooms {
		d.Fail("%d rooms", n)
		return f
	}
	for range n {
		name := d.StrMax(protocol.MaxRoomName)
		if name == "" || slices.Contains(f.Rooms, name) {
			d.Fail("room %q empty or twice", name)
		}
		f.Rooms = append(f.Rooms, name)
	}
	f.Key = bytes.Clone(d.BinMax(protocol.MaxSelfKey))
	return f
}

func (f Self) String() string {
	s := fmt.Sprintf("self %d %q", f.Counter, f.Name)
	if f.Away != "" {
		s += fmt.Sprintf(" away %q", f.Away)
	}
	for _, name := range f.Rooms {
		s += fmt.Sprintf(" %q", "#"+name)
	}
	return s
}

// Peer is an instance and its address.
type Peer struct {
	Instance protocol.Instance `json:"instance"`
	Addr     netip.AddrPort    `json:"address"`
}

// Peers passes on where others are: only instances with which the sender has a live session.
type Peers struct {
	Peers []Peer `json:"peers"` // 1 to protocol.MaxPeersFrame, none twice
}

// Type is TypePeers.
func (Peers) Type() Type { return TypePeers }

// Append writes the frame.
func (f Peers) Append(e *protocol.Encoder) {
	e.Array(2)
	e.Uint(uint64(TypePeers))
	e.Array(len(f.Peers))
	for _, p := range f.Peers {
		addr := p.Addr.Addr().Unmap()
		e.Array(3)
		e.Bin(p.Instance[:])
		e.Bin(addr.AsSlice())
		e.Uint(uint64(p.Addr.Port()))
	}
}

func parsePeers(d *protocol.Decoder, _ int) Frame {
	n := d.Array()
	if n < 1 || n > protocol.MaxPeersFrame {
		d.Fail("%d peers", n)
		return Peers{}
	}
	f := Peers{make([]Peer, 0, n)}
	for range n {
		d.ArrayOf(3)
		p := Peer{Instance: protocol.Instance(d.BinOf(len(protocol.Instance{})))}
		addr := netip.AddrFrom4([4]byte(d.BinOf(4)))
		p.Addr = netip.AddrPortFrom(addr, uint16(d.UintMax(1<<16-1)))
		switch {
		case p.Instance == uuid.Nil:
			d.Fail("an instance of zeros")
		case addr.IsUnspecified() || addr.IsMulticast() || addr == broadcast || p.Addr.Port() == 0:
			d.Fail("nobody can be at %s", p.Addr)
		case slices.Contains(f.Peers, p):
			d.Fail("%s twice", p.Addr)
		}
		f.Peers = append(f.Peers, p)
	}
	return f
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func (f Peers) String() string { return fmt.Sprintf("peers %d", len(f.Peers)) }

// Token is what a path must bring back.
type Token [8]byte

func (t Token) String() string { return hex.EncodeToString(t[:]) }

// MarshalText writes String.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (t *Token) UnmarshalText(b []byte) error { return (*protocol.Digest)(t).UnmarshalText(b) }

// PathChallenge asks the receiver to send Data back along the path it came by (RFC 9000 section 8.2).
type PathChallenge struct {
	Data Token `json:"data"`
}

// Type is TypePathChallenge.
func (PathChallenge) Type() Type { return TypePathChallenge }

// Append writes the frame.
func (f PathChallenge) Append(e *protocol.Encoder) { appendToken(e, TypePathChallenge, f.Data) }

func parsePathChallenge(d *protocol.Decoder, _ int) Frame {
	return PathChallenge{Token(d.BinOf(len(Token{})))}
}

func (f PathChallenge) String() string { return "path-challenge " + f.Data.String() }

// PathResponse answers a PathChallenge with its Data.
type PathResponse struct {
	Data Token `json:"data"`
}

// Type is TypePathResponse.
func (PathResponse) Type() Type { return TypePathResponse }

// Append writes the frame.
func (f PathResponse) Append(e *protocol.Encoder) { appendToken(e, TypePathResponse, f.Data) }

func parsePathResponse(d *protocol.Decoder, _ int) Frame {
	return PathResponse{Token(d.BinOf(len(Token{})))}
}

func (f PathResponse) String() string { return "path-response " + f.Data.String() }

func appendToken(e *protocol.Encoder, t Type, data Token) {
	e.Array(2)
	e.Uint(uint64(t))
	e.Bin(data[:])
}

// Why a session is closed. A receiver treats an unknown code as CloseLeaving.
const (
	CloseLeaving  = 1 // the program ends, or the person goes
	CloseReplaced = 2 // a newer session of the same instance has taken over
	CloseProtocol = 3 // the receiver of this sent something that the protocol forbids
	CloseAbuse    = 4 // the receiver of this went beyond a limit
	CloseExpired  = 5 // nothing was acknowledged for too long, or the session's keys are too old
)

// Close is the last frame of a session. It is not acknowledged.
type Close struct {
	Code   uint64 `json:"code"`
	Reason string `json:"reason,omitempty"` // for people, up to protocol.MaxReason bytes
}

// Type is TypeClose.
func (Close) Type() Type { return TypeClose }

// Append writes the frame.
func (f Close) Append(e *protocol.Encoder) {
	e.Array(3)
	e.Uint(uint64(TypeClose))
	e.Uint(f.Code)
	e.Str(f.Reason)
}

func parseClose(d *protocol.Decoder, _ int) Frame {
	return Close{d.Uint(), d.StrMax(protocol.MaxReason)}
}

var closeNames = [...]string{
	CloseLeaving: "leaving", CloseReplaced: "replaced", CloseProtocol: "protocol", CloseAbuse: "abuse", CloseExpired: "expired",
}

func (f Close) String() string {
	s := fmt.Sprintf("close %d", f.Code)
	if f.Code > 0 && f.Code < uint64(len(closeNames)) {
		s = "close " + closeNames[f.Code]
	}
	if f.Reason != "" {
		s += fmt.Sprintf(" %q", f.Reason)
	}
	return s
}
