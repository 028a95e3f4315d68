package protocol

import (
	"errors"
	"fmt"
)

// Kind is the second element of every datagram: what it carries (SPEC section 1.3).
type Kind uint8

// The kinds of datagrams.
const (
	KindAnnouncement Kind = 1 + iota
	KindCast
	KindHandshake1
	KindHandshake2
	KindHandshake3
	KindCookie
	KindPacket
	KindBench
)

var kindNames = [...]string{
	KindAnnouncement: "announcement",
	KindCast:         "cast",
	KindHandshake1:   "handshake 1",
	KindHandshake2:   "handshake 2",
	KindHandshake3:   "handshake 3",
	KindCookie:       "cookie",
	KindPacket:       "packet",
	KindBench:        "bench cast",
}

func (k Kind) String() string {
	if k == 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindNames[k]
}

// MarshalText writes String.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *Kind) UnmarshalText(b []byte) error {
	for i, name := range kindNames {
		if name != "" && name == string(b) {
			*k = Kind(i)
			return nil
		}
	}
	var n uint8
	if _, err := fmt.Sscanf(string(b), "kind %d", &n); err != nil {
		return fmt.Errorf("protocol: no kind of datagram is called %q", b)
	}
	*k = Kind(n)
	return nil
}

// Why a datagram is dropped before its content is looked at. ErrScan is the fifth.
var (
	// ErrSize is an empty datagram, or one above MaxReceive or, for packets, MaxPacket.
	ErrSize = errors.New("protocol: size")
	// ErrHeader is a datagram that does not begin with a version and a kind.
	ErrHeader = errors.New("protocol: no header")
	// ErrVersion is a datagram of another version of the protocol.
	ErrVersion = errors.New("protocol: unknown version")
	// ErrKind is a datagram of an unknown kind, or of another kind than was asked for.
	ErrKind = errors.New("protocol: unexpected kind")
	// ErrFields is a datagram whose fields are not those of its kind, or out of their bounds.
	ErrFields = errors.New("protocol: bad fields")
)

var (
	errEmpty    = fmt.Errorf("%w: empty", ErrSize)
	errTooLarge = fmt.Errorf("%w: too large", ErrSize)
)

// ParseKind checks size, encoding and version of a datagram and tells its kind. It does not allocate.
// Its errors wrap ErrSize, ErrScan, ErrHeader, ErrVersion or ErrKind.
func ParseKind(b []byte) (Kind, error) {
	switch {
	case len(b) == 0:
		return 0, errEmpty
	case len(b) > MaxPacket:
		return 0, errTooLarge
	}
	if err := Scan(b); err != nil {
		return 0, err
	}
	// Shortest encodings have been checked, so a small number is one byte and a short array header too.
	// No kind has 16 elements; another version might.
	if b[0] == 0xdc && isUint(b[3]) && b[3] != Version {
		return 0, ErrVersion
	}
	if b[0] < 0x92 || b[0] > 0x9f || !isUint(b[1]) {
		return 0, ErrHeader
	}
	if b[1] != Version {
		return 0, ErrVersion
	}
	if k := Kind(b[2]); k >= KindAnnouncement && k <= KindBench {
		if k != KindPacket && len(b) > MaxReceive {
			return k, errTooLarge
		}
		return k, nil
	}
	return 0, ErrKind
}

func isUint(c byte) bool { return c <= 0x7f || c >= 0xcc && c <= 0xcf }

// body begins to read the fields of a datagram of one kind, which has n elements with version and kind.
func body(b []byte, kind Kind, n int) (*Decoder, error) {
	k, err := ParseKind(b)
	if err != nil {
		return nil, err
	}
	if k != kind {
		return nil, ErrKind
	}
	d := NewDecoder(b)
	d.ArrayOf(n)
	d.Uint()
	d.Uint()
	return d, nil
}
