package session

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"earshot/protocol"
)

// Overhead is what a packet adds to its payload. Bytes.
const Overhead = packetHeader + 3 + tagSize

// MaxPayload is what fits into a packet of protocol.MaxDatagram. Bytes.
const MaxPayload = protocol.MaxDatagram - Overhead

// responderRekeyDelay leaves the first new handshake to the initiator.
const responderRekeyDelay = time.Minute

// Errors of packets.
var (
	// ErrIndex is a datagram for a session or handshake that is not here.
	ErrIndex = errors.New("session: unknown index")
	// ErrAuth is a datagram that was not sealed under the keys of its session or handshake.
	ErrAuth = errors.New("session: not authentic")
	// ErrReplay is a packet number that was opened before, or is too far below the greatest to tell.
	ErrReplay = errors.New("session: replayed packet")
	// ErrExhausted is a packet number above protocol.MaxPacketNumber.
	ErrExhausted = errors.New("session: packet numbers used up")
	// ErrTooLong is a payload that does not fit a datagram.
	ErrTooLong = errors.New("session: payload too long")
)

// Session is a secured channel to a proven peer: the keys and numbers of one handshake.
// It prints as whose it is, never its keys.
type Session struct {
	peer          protocol.PeerID
	instance      protocol.Instance
	path          protocol.Path
	local, remote uint32
	initiator     bool
	rtt           time.Duration
	since         time.Time

	cipher                  Cipher
	send, receive           cipher.AEAD
	sendNonce, receiveNonce [chacha20poly1305.NonceSize]byte // here, so that they need no allocation
	next                    uint64
	window                  window
}

// Peer is whose key signed the handshake.
func (s *Session) Peer() protocol.PeerID { return s.peer }

// Instance is the run of the program that the peer says it is.
func (s *Session) Instance() protocol.Instance { return s.instance }

// Path is where the handshake came from and went to.
func (s *Session) Path() protocol.Path { return s.path }

// LocalIndex is the index in packets to this node, RemoteIndex in packets to the peer.
func (s *Session) LocalIndex() uint32  { return s.local }
func (s *Session) RemoteIndex() uint32 { return s.remote }

// Initiator tells whether this node began the handshake.
func (s *Session) Initiator() bool { return s.initiator }

// RTT is the round trip that the handshake took, 0 when a repetition made it ambiguous (Karn's rule, RFC 6298 section 3).
func (s *Session) RTT() time.Duration { return s.rtt }

// Since is when this side had the session.
func (s *Session) Since() time.Time { return s.since }

// Cipher is what seals its packets, in both directions.
func (s *Session) Cipher() Cipher { return s.cipher }

// Overhead is what a packet adds to its payload at most. Bytes.
func (s *Session) Overhead() int { return Overhead }

func (s *Session) String() string {
	return fmt.Sprintf("session %08x with %s", s.local, s.peer.Short())
}
func (s *Session) GoString() string { return s.String() }

// Seal appends to dst a packet that carries payload, and tells its number. The payload must not overlap dst's free space.
// It does not allocate when dst has room for the payload and Overhead. Errors: ErrTooLong, ErrExhausted.
func (s *Session) Seal(dst, payload []byte) (datagram []byte, number uint64, err error) {
	sealed := len(payload) + tagSize
	if sealed >= 1<<16 {
		return dst, 0, ErrTooLong
	}
	if s.next > protocol.MaxPacketNumber {
		return dst, 0, ErrExhausted
	}
	number = s.Skip()
	from := len(dst)
	dst = appendPacketHeader(dst, s.remote, number)
	header := dst[from : from+packetHeader]
	dst = appendBinLen(dst, sealed)
	binary.LittleEndian.PutUint64(s.sendNonce[4:], number)
	return s.send.Seal(dst, s.sendNonce[:], payload, header), number, nil
}

// Skip leaves one number out and tells which: whoever acknowledges it acknowledges what it never saw.
func (s *Session) Skip() (number uint64) {
	number = s.next
	s.next++
	return number
}

// Open checks a packet (SPEC section 4.7) and tells its payload, which lies in the datagram's own memory, and its number.
// The datagram is overwritten, also when it is not authentic.
// Errors: ErrIndex, ErrAuth, ErrReplay, ErrExhausted, or one that wraps protocol.ErrFields.
func (s *Session) Open(datagram []byte) (payload []byte, number uint64, err error) {
	p, ok := parsePacket(datagram)
	switch {
	case !ok:
		return nil, 0, errFields
	case p.receiver != s.local:
		return nil, 0, ErrIndex
	case p.number > protocol.MaxPacketNumber:
		return nil, 0, ErrExhausted
	}
	binary.LittleEndian.PutUint64(s.receiveNonce[4:], p.number)
	payload, err = s.receive.Open(p.sealed[:0], s.receiveNonce[:], p.sealed, p.header)
	if err != nil {
		return nil, p.number, ErrAuth
	}
	// Only now, or a forged number could shut the window.
	if !s.window.accept(p.number) {
		return nil, p.number, ErrReplay
	}
	return payload, p.number, nil
}

// RekeyDue tells whether this side should begin a new handshake (SPEC section 4.8): the initiator after
// protocol.RekeyAfter, the responder a minute later, either after protocol.RekeyPackets packets in one direction.
func (s *Session) RekeyDue(now time.Time) bool {
	after := protocol.RekeyAfter
	if !s.initiator {
		after += responderRekeyDelay
	}
	return now.Sub(s.since) >= after || max(s.next, s.window.greatest+1) >= protocol.RekeyPackets
}

// Expired tells whether the session is too old to be used (protocol.ExpireAfter).
func (s *Session) Expired(now time.Time) bool { return now.Sub(s.since) >= protocol.ExpireAfter }

// setKeys takes the two keys of the split, each for this one cipher.
func (s *Session) setKeys(c Cipher, send, receive [32]byte) {
	s.cipher, s.send, s.receive = c, c.aead(send), c.aead(receive)
}
