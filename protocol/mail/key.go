package mail

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"earshot/protocol"
)

// KeyID tells the mail keys of one owner apart: the first 8 bytes of SHA-256 over the public half.
type KeyID [8]byte

func (k KeyID) String() string { return hex.EncodeToString(k[:]) }

// Key is the public half of an own mail key.
type Key struct {
	Public  [32]byte  // X25519 (RFC 7748)
	Created time.Time // by the owner's clock, whole milliseconds
}

// ID names the key.
func (k Key) ID() KeyID {
	sum := sha256.Sum256(k.Public[:])
	return KeyID(sum[:])
}

func (k Key) String() string { return "mail key " + k.ID().String() }

// PublicKey is a mail key whose owner has signed for it in one network: only ParseStatement makes one.
// The zero value belongs to nobody. Values can be compared.
type PublicKey struct {
	key       Key
	owner     protocol.PeerID
	network   [32]byte
	signature [64]byte
}

// Owner is who can open what is sealed to the key.
func (k PublicKey) Owner() protocol.PeerID { return k.owner }

// Key is what the owner signed for.
func (k PublicKey) Key() Key { return k.key }

// ID names the key.
func (k PublicKey) ID() KeyID { return k.key.ID() }

// Statement is the bytes that ParseStatement read, for those who keep the key while its owner is away.
func (k PublicKey) Statement() []byte { return statement(k.key, k.signature) }

func (k PublicKey) String() string { return fmt.Sprintf("%s of %s", k.key, k.owner.Short()) }

// Errors of ParseStatement. Each is wrapped with what it is about.
var (
	// ErrStatement is a statement that breaks the rules of its encoding, or whose key nothing can be sealed to.
	ErrStatement = errors.New("mail: bad statement")
	// ErrSignature is a statement that its alleged owner did not sign, or not for this network.
	ErrSignature = errors.New("mail: bad signature")
)

const (
	statementVersion = 1
	statementFields  = 4
	// signatureSize is what the signature takes with its header: it stands last.
	signatureSize = 2 + 64
	// statementContext keeps a signature over a statement from being taken for one over anything else.
	statementContext = "earshot 1 mail key\x00"
)

func statement(k Key, signature [64]byte) []byte {
	e := protocol.NewEncoder()
	e.Array(statementFields)
	e.Uint(statementVersion)
	e.Bin(k.Public[:])
	e.Uint(uint64(k.Created.UnixMilli()))
	e.Bin(signature[:])
	return bytes.Clone(e.Bytes())
}

// stated is what a statement's signature is over (SPEC section 7.7.1).
func stated(network [32]byte, blob []byte) []byte {
	message := append([]byte(statementContext), network[:]...)
	return append(message, blob[:len(blob)-signatureSize]...)
}

// Statement says, signed by id, that key is its mail key in network: the Key of a Self (SPEC section 5.5).
// It panics if the time of key is none that an entry may have.
func Statement(id *protocol.Identity, network *protocol.Network, key Key) []byte {
	if ms := key.Created.UnixMilli(); ms < 0 || ms > protocol.MaxWall {
		panic(fmt.Sprintf("mail: a key created at %d ms", ms))
	}
	blob := statement(key, [64]byte{})
	copy(blob[len(blob)-64:], id.Sign(stated(network.ID(), blob)))
	return blob
}

// ParseStatement checks encoding and signature of a statement that was heard from id in network. An empty one means
// that its owner has no mail key; ask before. Errors are ErrStatement and ErrSignature.
func ParseStatement(blob []byte, id protocol.PeerID, network *protocol.Network) (PublicKey, error) {
	if len(blob) > protocol.MaxSelfKey {
		return PublicKey{}, fmt.Errorf("%w: %d bytes", ErrStatement, len(blob))
	}
	if err := protocol.Scan(blob); err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	k := PublicKey{owner: id, network: network.ID()}
	d := protocol.NewDecoder(blob)
	d.ArrayOf(statementFields)
	if v := d.Uint(); v != statementVersion {
		d.Fail("version %d", v)
	}
	k.key.Public = [32]byte(d.BinOf(32))
	k.key.Created = wall(d.UintMax(protocol.MaxWall))
	k.signature = [64]byte(d.BinOf(64))
	if err := d.End(); err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if !protocol.VerifySignature(id, stated(k.network, blob), k.signature[:]) {
		return PublicKey{}, fmt.Errorf("%w: %s", ErrSignature, id.Short())
	}
	if smallOrder(k.key.Public) {
		return PublicKey{}, fmt.Errorf("%w: a key of small order", ErrStatement)
	}
	return k, nil
}

// wall is a time of milliseconds since 1970, in UTC so that keys can be compared.
func wall(ms uint64) time.Time { return time.UnixMilli(int64(ms)).UTC() }

// anybody is some private key. Clamping makes each a multiple of 8, so that it takes every point of small order to
// zero (RFC 7748 section 6.1), which crypto/ecdh refuses, as it would when something is sealed to that point.
var anybody, _ = ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{1}, 32))

func smallOrder(public [32]byte) bool {
	point, err := ecdh.X25519().NewPublicKey(public[:])
	if err == nil {
		_, err = anybody.ECDH(point)
	}
	return err != nil
}
