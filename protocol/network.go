package protocol

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/google/uuid"
)

// Network is who may take part: the open network, which everybody on the LAN shares,
// or (with its own secret) a closed one. It prints as its name only.
type Network struct {
	name   string
	closed bool
	secret [32]byte
}

// OpenNetwork is the default network. Its secret is a public constant, so it keeps nobody out.
func OpenNetwork() *Network {
	return &Network{name: "open", secret: sha256.Sum256([]byte("earshot open network, version 1"))}
}

// Name is what the network is called on the screen.
func (n *Network) Name() string { return n.name }

func (n Network) String() string { return "network " + n.name }

// Format prints String whatever the verb, so that no %d or %+v shows the secret.
func (n Network) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, n.String()) }

// MarshalText writes String.
func (n Network) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// Closed tells whether a secret keeps outsiders out.
func (n *Network) Closed() bool { return n.closed }

// key derives one key for one purpose: HMAC-SHA256 under the network's secret.
func (n *Network) key(purpose string) [32]byte {
	h := hmac.New(sha256.New, n.secret[:])
	h.Write([]byte("earshot 1 " + purpose))
	return [32]byte(h.Sum(nil))
}

// ID names the network in signatures and room names without giving its secret away.
func (n *Network) ID() [32]byte { return n.key("id") }

// PSK is the pre-shared key of the Noise handshake.
func (n *Network) PSK() [32]byte { return n.key("psk") }

// MACKey is the key of the code in front of each handshake message.
func (n *Network) MACKey() [32]byte { return n.key("mac") }

// CookieKey is the key under which cookies are sealed.
func (n *Network) CookieKey() [32]byte { return n.key("cookie") }

// PublicRoom is the room that everybody who knows its name may join: a UUID version 8 from
// SHA-256 over network and name. The name has no leading '#'.
func (n *Network) PublicRoom(name string) RoomID {
	id := n.ID()
	return roomID([]byte("public"), id[:], []byte(name))
}

// DirectRoom is the conversation of two people, the same from both sides.
func (n *Network) DirectRoom(a, b PeerID) RoomID {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	id := n.ID()
	return roomID([]byte("direct"), id[:], a[:], b[:])
}

// roomID hashes its parts, all but the last of fixed length for one first part (RFC 9562 section 5.8).
func roomID(parts ...[]byte) RoomID {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	id := uuid.UUID(h.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
