package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	"earshot/protocol"
)

// The sizes of what the datagrams carry, in bytes (SPEC sections 4.2, 4.3 and 4.7). Each datagram of a handshake has one size only.
const (
	macSize    = 16
	tagSize    = 16
	keySize    = 32
	nonceSize  = 24
	cookieSize = 16

	noise1Size = protocol.HandshakeSize - (1 + 1 + 1 + 6 + 3 + 18 + 2) // with an empty cookie code
	noise2Size = keySize + keySize + tagSize + proofSize + tagSize
	noise3Size = keySize + tagSize + proofSize + tagSize

	payload1Size = noise1Size - keySize - tagSize
	paddingSize  = payload1Size - (1 + 18 + 18 + 3)
	proofSize    = 1 + 34 + 18 + 3 + 66
	sealedCookie = cookieSize + tagSize

	packetHeader = 1 + 1 + 1 + 6 + 10 // associated data: all before the sealed part's own header
)

// errFields is a datagram whose fields are not those of its kind.
var errFields = fmt.Errorf("session: %w", protocol.ErrFields)

// Every field has one width, so a datagram is taken apart by comparing its msgpack headers (SPEC section 4.2).
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) take(n int) []byte {
	if f.bad || n > len(f.rest) {
		f.bad = true
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

// head reads the array header of n elements, version and kind.
func (f *fields) head(n int, kind protocol.Kind) {
	if b := f.take(3); !f.bad && (b[0] != 0x90|byte(n) || b[1] != protocol.Version || b[2] != byte(kind)) {
		f.bad = true
	}
}

// bin reads bytes of one of the lengths given, in the shortest encoding.
func (f *fields) bin(lengths ...int) []byte {
	n := f.binLen()
	for _, want := range lengths {
		if n == want {
			return f.take(n)
		}
	}
	f.bad = true
	return nil
}

// binLen reads the header of bytes in the shortest encoding.
func (f *fields) binLen() int {
	b := f.take(2)
	if f.bad {
		return -1
	}
	switch b[0] {
	case 0xc4:
		return int(b[1])
	case 0xc5:
		if low := f.take(1); !f.bad && b[1] > 0 {
			return int(b[1])<<8 | int(low[0])
		}
	}
	f.bad = true
	return -1
}

func (f *fields) index() uint32 {
	if b := f.bin(4); !f.bad {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// end tells whether all was as it must be and nothing is left.
func (f *fields) end() bool { return !f.bad && len(f.rest) == 0 }

func appendHead(b []byte, n int, kind protocol.Kind) []byte {
	return append(b, 0x90|byte(n), protocol.Version, byte(kind))
}

func appendBinLen(b []byte, n int) []byte {
	if n < 1<<8 {
		return append(b, 0xc4, byte(n))
	}
	return append(b, 0xc5, byte(n>>8), byte(n))
}

func appendBin(b, field []byte) []byte { return append(appendBinLen(b, len(field)), field...) }

func appendIndex(b []byte, index uint32) []byte {
	return binary.BigEndian.AppendUint32(appendBinLen(b, 4), index)
}

// handshake is a handshake datagram taken apart. Its slices share the datagram.
type handshake struct {
	sender, receiver uint32
	noise            []byte
	mac              []byte
	covered          []byte // what mac is over
	cookieMAC        []byte // message 1: empty or macSize bytes
	cookieCovered    []byte // what cookieMAC is over
}

func parseHandshake(b []byte, kind protocol.Kind) (handshake, bool) {
	var h handshake
	f := fields{rest: b}
	size := 0
	switch kind {
	case protocol.KindHandshake1:
		f.head(6, kind)
		h.sender = f.index()
		size = noise1Size
	case protocol.KindHandshake2, protocol.KindHandshake3:
		f.head(6, kind)
		h.sender = f.index()
		h.receiver = f.index()
		size = noise2Size
		if kind == protocol.KindHandshake3 {
			size = noise3Size
		}
	default:
		return h, false
	}
	h.noise = f.bin(size)
	h.covered = b[:len(b)-len(f.rest)]
	h.mac = f.bin(macSize)
	if kind == protocol.KindHandshake1 {
		h.cookieCovered = b[:len(b)-len(f.rest)]
		h.cookieMAC = f.bin(0, macSize)
	}
	return h, f.end()
}

// appendHandshake writes a handshake datagram; the cookie code of a message 1 stays empty.
func appendHandshake(b []byte, kind protocol.Kind, sender, receiver uint32, noise []byte, code *code) []byte {
	from := len(b)
	b = appendIndex(appendHead(b, 6, kind), sender)
	if kind != protocol.KindHandshake1 {
		b = appendIndex(b, receiver)
	}
	b = appendBin(b, noise)
	mac := code.sum(b[from:])
	b = appendBin(b, mac[:])
	if kind == protocol.KindHandshake1 {
		b = appendBinLen(b, 0)
	}
	return b
}

// withCookie writes a message 1 again, with the code that shows the cookie.
func withCookie(first, cookie []byte) []byte {
	covered := first[:len(first)-2]
	mac := newCode(cookie).sum(covered)
	return appendBin(append(make([]byte, 0, len(first)+macSize), covered...), mac[:])
}

// cookieReply is a cookie datagram taken apart.
type cookieReply struct {
	receiver      uint32
	nonce, sealed []byte
}

func parseCookie(b []byte) (cookieReply, bool) {
	f := fields{rest: b}
	f.head(5, protocol.KindCookie)
	c := cookieReply{receiver: f.index(), nonce: f.bin(nonceSize), sealed: f.bin(sealedCookie)}
	return c, f.end()
}

func appendCookie(b []byte, receiver uint32, nonce, sealed []byte) []byte {
	b = appendIndex(appendHead(b, 5, protocol.KindCookie), receiver)
	return appendBin(appendBin(b, nonce), sealed)
}

// packet is a packet datagram taken apart.
type packet struct {
	receiver uint32
	number   uint64
	header   []byte // associated data
	sealed   []byte
}

// packetFront is what each packet begins with: the headers of the array and of the receiver, version and kind. Packets
// are many, so their header is taken apart by its offsets.
var packetFront = [5]byte{0x95, protocol.Version, byte(protocol.KindPacket), 0xc4, 4}

func parsePacket(b []byte) (packet, bool) {
	var p packet
	if len(b) < packetHeader || [5]byte(b) != packetFront || b[9] != 0xc4 || b[10] != 8 {
		return p, false
	}
	p.receiver = binary.BigEndian.Uint32(b[5:])
	p.number = binary.BigEndian.Uint64(b[11:])
	p.header = b[:packetHeader]
	f := fields{rest: b[packetHeader:]}
	if n := f.binLen(); !f.bad {
		p.sealed = f.take(n)
	}
	return p, f.end()
}

func appendPacketHeader(b []byte, receiver uint32, number uint64) []byte {
	b = binary.BigEndian.AppendUint32(append(b, packetFront[:]...), receiver)
	return binary.BigEndian.AppendUint64(append(b, 0xc4, 8), number)
}

// Index is the receiver's index of a packet datagram that passed protocol.ParseKind.
func Index(datagram []byte) (uint32, error) {
	if len(datagram) < packetHeader || [5]byte(datagram) != packetFront {
		return 0, errFields
	}
	return binary.BigEndian.Uint32(datagram[5:]), nil
}

// code computes HMAC-SHA256 under one key, the first 16 bytes of it (RFC 2104 section 5).
type code struct {
	h   hash.Hash
	buf [sha256.Size]byte
}

func newCode(key []byte) *code { return &code{h: hmac.New(sha256.New, key)} }

func (c *code) sum(b []byte) [macSize]byte {
	c.h.Reset()
	c.h.Write(b)
	return [macSize]byte(c.h.Sum(c.buf[:0]))
}

func (c *code) check(b, mac []byte) bool {
	want := c.sum(b)
	return hmac.Equal(want[:], mac)
}
