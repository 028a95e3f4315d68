package mail

import (
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// Place is where a sealed body stands, and for whom: it opens nowhere else.
type Place struct {
	Network *protocol.Network
	replica.Log
	Seq       uint64
	Recipient protocol.PeerID
}

// PlaceOf is the place of e's body, sealed for recipient. Only e's log and number matter.
func PlaceOf(network *protocol.Network, e replica.Entry, recipient protocol.PeerID) Place {
	return Place{network, e.Log, e.Seq, recipient}
}

func (p Place) check() error {
	switch {
	case p.Network == nil:
		return errors.New("no network")
	case p.Room != p.Network.DirectRoom(p.Author, p.Recipient):
		return errors.New("the room is not the direct conversation of author and recipient")
	}
	return nil
}

// context names what a body is sealed for, so that HPKE opens it for nothing else.
const context = "earshot 1 mail\x00"

// info is the info of HPKE (RFC 9180 section 5.1; SPEC section 7.7.2).
func (p Place) info() []byte {
	network := p.Network.ID()
	b := append([]byte(context), network[:]...)
	b = append(b, p.Room[:]...)
	b = append(b, p.Author[:]...)
	b = append(b, p.Recipient[:]...)
	b = binary.BigEndian.AppendUint64(b, p.Epoch)
	return binary.BigEndian.AppendUint64(b, p.Seq)
}

// Errors of Seal and Open. Each is wrapped with what it is about.
var (
	// ErrPlace is a key or a kind of line that nothing can be sealed with at this place.
	ErrPlace = errors.New("mail: cannot be sealed here")
	// ErrUnknownKey is a body that was sealed to a key which is gone, or never was ours.
	ErrUnknownKey = errors.New("mail: sealed to an unknown key")
	// ErrSealed is a body that does not open: damaged, sealed for another place, or not a line.
	ErrSealed = errors.New("mail: does not open")
)

// Seal makes the body of an entry of replica.KindSealed, for place alone. kind is replica.KindText or
// replica.KindAction, name and text are as in replica.EncodeBody. Errors are replica.ErrText and, for what the caller
// got wrong, ErrPlace.
func Seal(to PublicKey, place Place, kind replica.EntryKind, name, text string) ([]byte, error) {
	if err := place.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlace, err)
	}
	switch {
	case place.Recipient != to.owner || place.Network.ID() != to.network:
		return nil, fmt.Errorf("%w: %s is not the recipient's", ErrPlace, to)
	case kind != replica.KindText && kind != replica.KindAction:
		return nil, fmt.Errorf("%w: %s has no text", ErrPlace, kind)
	}
	if err := replica.CheckText(name, text); err != nil {
		return nil, err
	}
	key, err := kem.NewPublicKey(to.key.Public[:])
	if err != nil {
		return nil, fmt.Errorf("mail: seal: %w", err)
	}
	sealed, err := hpke.Seal(key, kdf, aead, place.info(), plain(kind, name, text))
	if err != nil {
		return nil, fmt.Errorf("mail: seal: %w", err)
	}
	return replica.EncodeSealed(to.ID(), sealed)
}

const plainFields = 3

func plain(kind replica.EntryKind, name, text string) []byte {
	e := protocol.NewEncoder()
	e.Array(plainFields)
	e.Uint(uint64(kind))
	e.Str(name)
	e.Str(text)
	return e.Bytes()
}

// Open opens the body of an entry of replica.KindSealed. place is where it was found; its Recipient is whose ring it is.
// Errors are ErrUnknownKey and ErrSealed.
func Open(ring *Ring, place Place, body []byte) (kind replica.EntryKind, name, text string, err error) {
	id, sealed, err := replica.DecodeSealed(body)
	if err == nil {
		err = place.check()
	}
	if err != nil {
		return 0, "", "", fmt.Errorf("%w: %w", ErrSealed, err)
	}
	key, ok := ring.find(id)
	if !ok {
		return 0, "", "", fmt.Errorf("%w: %s", ErrUnknownKey, KeyID(id))
	}
	b, err := hpke.Open(key, kdf, aead, place.info(), sealed)
	if err != nil {
		return 0, "", "", fmt.Errorf("%w: %w", ErrSealed, err)
	}
	if kind, name, text, err = parsePlain(b); err != nil {
		return 0, "", "", fmt.Errorf("%w: %w", ErrSealed, err)
	}
	return kind, name, text, nil
}

func parsePlain(b []byte) (kind replica.EntryKind, name, text string, err error) {
	if err := protocol.Scan(b); err != nil {
		return 0, "", "", err
	}
	d := protocol.NewDecoder(b)
	d.ArrayOf(plainFields)
	kind = replica.EntryKind(d.UintMax(255))
	if d.Err() == nil && kind != replica.KindText && kind != replica.KindAction {
		d.Fail("a %s within", kind)
	}
	name, text = d.StrMax(protocol.MaxName), d.StrMax(protocol.MaxText)
	return kind, name, text, d.End()
}
