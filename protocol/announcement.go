package protocol

import (
	"fmt"

	"github.com/google/uuid"
)

// Announcement says that an instance is there and by which port it is reached (SPEC section 3). Its address is the
// source address of the datagram. It is a hint and never a proof, for anybody can send one in any instance's name.
type Announcement struct {
	Instance     Instance `json:"instance"`
	Counter      uint64   `json:"counter"`      // grows by one with each announcement: tells how many of them arrive
	Port         uint16   `json:"port"`         // the instance's private UDP port, not 0
	Capabilities uint64   `json:"capabilities"` // a bit per optional feature; unknown bits are ignored
	Digest       Digest   `json:"digest"`       // of the heads of the public rooms: changes when there is something new
}

// Append writes the whole datagram.
func (a Announcement) Append(e *Encoder) {
	e.Array(7)
	e.Uint(Version)
	e.Uint(uint64(KindAnnouncement))
	e.Bin(a.Instance[:])
	e.Uint(a.Counter)
	e.Uint(uint64(a.Port))
	e.Uint(a.Capabilities)
	e.Bin(a.Digest[:])
}

// ParseAnnouncement reads a whole datagram. Its errors are those of ParseKind, ErrKind and ErrFields.
func ParseAnnouncement(b []byte) (Announcement, error) {
	d, err := body(b, KindAnnouncement, 7)
	if err != nil {
		return Announcement{}, err
	}
	a := Announcement{
		Instance:     Instance(d.BinOf(len(Instance{}))),
		Counter:      d.Uint(),
		Port:         uint16(d.UintMax(1<<16 - 1)),
		Capabilities: d.Uint(),
		Digest:       Digest(d.BinOf(len(Digest{}))),
	}
	if a.Instance == uuid.Nil {
		d.Fail("protocol: an instance of zeros")
	}
	if a.Port == 0 {
		d.Fail("protocol: port 0")
	}
	if err := d.End(); err != nil {
		return Announcement{}, fmt.Errorf("%w: %w", ErrFields, err)
	}
	return a, nil
}
