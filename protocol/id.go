package protocol

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/google/uuid"
)

// PeerID is the Ed25519 public key of a person: who they are. A name is decoration.
type PeerID [ed25519.PublicKeySize]byte

// Instance names one run of one program: a random UUID (version 4), new at each start.
type Instance = uuid.UUID

// RoomID names a room or a direct conversation.
type RoomID = uuid.UUID

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Digest stands for a set of what one has: equal digests mean equal sets, as far as 64 bits can tell.
type Digest [8]byte

// String is the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText writes String.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Digest) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(d) {
		return errors.New("protocol: a digest has 16 hexadecimal digits")
	}
	var out Digest
	if _, err := hex.Decode(out[:], b); err != nil {
		return fmt.Errorf("protocol: digest: %w", err)
	}
	*d = out
	return nil
}

// String is the key in lower-case base32 (RFC 4648 section 6) without padding, 52 characters.
func (p PeerID) String() string { return idEncoding.EncodeToString(p[:]) }

// Short is the first four characters of String: enough to tell two people of one name apart.
func (p PeerID) Short() string { return p.String()[:4] }

// Compare orders keys by their bytes.
func (p PeerID) Compare(q PeerID) int { return bytes.Compare(p[:], q[:]) }

// IsZero tells whether p names nobody.
func (p PeerID) IsZero() bool { return p == PeerID{} }

// MarshalText writes String.
func (p PeerID) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what String wrote.
func (p *PeerID) UnmarshalText(b []byte) error {
	q, err := ParsePeerID(string(b))
	if err == nil {
		*p = q
	}
	return err
}

var errPeerID = errors.New("protocol: a peer key has 52 characters a-z and 2-7")

// ParsePeerID reads what PeerID.String wrote, in either case.
func ParsePeerID(s string) (PeerID, error) {
	s = strings.ToLower(s)
	b, err := idEncoding.DecodeString(s)
	if err != nil || len(b) != len(PeerID{}) {
		return PeerID{}, errPeerID
	}
	// The decoder skips line ends and ignores the bits beyond the key; one key has one spelling.
	if id := PeerID(b); id.String() == s {
		return id, nil
	}
	return PeerID{}, errPeerID
}

// NewInstance draws an instance from r.
func NewInstance(r io.Reader) (Instance, error) {
	id, err := uuid.NewRandomFromReader(r)
	if err != nil {
		return Instance{}, fmt.Errorf("protocol: instance: %w", err)
	}
	return id, nil
}

// Path is where datagrams to a peer go: an address, and the index of the interface they leave by (0: the system chooses).
type Path struct {
	Addr      netip.AddrPort
	Interface int
}

func (p Path) String() string { return fmt.Sprintf("%s%%%d", p.Addr, p.Interface) }
