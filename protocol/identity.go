package protocol

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
)

// Identity is a person's Ed25519 key pair (RFC 8032). It prints as its public half only.
type Identity struct{ key ed25519.PrivateKey }

// NewIdentity draws an identity from r.
func NewIdentity(r io.Reader) (*Identity, error) {
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(r, seed[:]); err != nil {
		return nil, fmt.Errorf("protocol: identity: %w", err)
	}
	return IdentityFromSeed(seed[:])
}

// IdentityFromSeed makes the identity of a 32-byte seed.
func IdentityFromSeed(seed []byte) (*Identity, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, errors.New("protocol: an identity seed has 32 bytes")
	}
	return &Identity{ed25519.NewKeyFromSeed(seed)}, nil
}

// ID is the public half.
func (i Identity) ID() PeerID { return PeerID(i.key.Public().(ed25519.PublicKey)) }

// Sign signs message.
func (i *Identity) Sign(message []byte) []byte { return ed25519.Sign(i.key, message) }

// Seed is the secret half, for the key file only.
func (i *Identity) Seed() []byte { return i.key.Seed() }

// String names the public half.
func (i Identity) String() string { return "identity " + i.ID().Short() }

// Format prints String whatever the verb, so that no %d or %+v shows the secret half.
func (i Identity) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, i.String()) }

// MarshalText writes String: the secret half is for the key file only.
func (i Identity) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// VerifySignature tells whether signature is id's over message, by the rules of SPEC section 2.1: the cofactorless
// check, on which implementations must agree because a log is one or is none.
func VerifySignature(id PeerID, message, signature []byte) bool {
	return len(signature) == ed25519.SignatureSize && ed25519.Verify(id[:], message, signature)
}
