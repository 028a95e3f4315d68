package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/flynn/noise"

	"earshot/protocol"
)

// Contexts keep what is signed and hashed here apart from anything else under the same keys.
const (
	prologueContext = "earshot 1 session"
	proofContext    = "earshot 1 session proof"
)

// Roles in a proof, so that one side's cannot be the other's.
const (
	roleInitiator = 1
	roleResponder = 2
)

// Errors of handshakes.
var (
	// ErrMAC is a handshake message from outside the network.
	ErrMAC = errors.New("session: wrong code in front of the handshake")
	// ErrSignature is a handshake that the identity named in it did not sign.
	ErrSignature = errors.New("session: wrong signature")
	// ErrOwn is a handshake with oneself.
	ErrOwn = errors.New("session: own instance")
	// ErrTarget is a handshake for, or an answer from, another instance than the wanted one.
	ErrTarget = errors.New("session: another instance")
)

// suite names and computes 25519_ChaChaPoly_SHA256. Its key pairs depend on the reader alone.
var suite = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashSHA256)

// self is what a node brings into each of its handshakes.
type self struct {
	identity *protocol.Identity
	instance protocol.Instance
	network  [32]byte
	psk      [32]byte
	ciphers  cipherSet
	static   noise.DHKey // new at each start, never stored
}

// ephemeral is the secret that makes one side's handshake state. flynn/noise does not take back every message that it
// refuses, so the state is then made again from this and from the messages that were good.
type ephemeral [keySize]byte

func (s *self) start(initiator bool, secret *ephemeral) (*noise.HandshakeState, error) {
	state, err := noise.NewHandshakeState(noise.Config{
		CipherSuite:   suite,
		Random:        bytes.NewReader(secret[:]),
		Pattern:       noise.HandshakeXX,
		Initiator:     initiator,
		Prologue:      append([]byte(prologueContext), s.network[:]...),
		PresharedKey:  s.psk[:],
		StaticKeypair: s.static,
	})
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return state, nil
}

// transcript is the handshake hash after the latest message.
func transcript(state *noise.HandshakeState) [32]byte { return [32]byte(state.ChannelBinding()) }

// write1 begins a handshake as its initiator (SPEC section 4.3).
func (s *self) write1(secret *ephemeral, target protocol.Instance) (*noise.HandshakeState, []byte, error) {
	state, err := s.start(true, secret)
	if err != nil {
		return nil, nil, err
	}
	payload := make([]byte, 0, payload1Size)
	payload = append(payload, 0x93)
	payload = appendBin(payload, s.instance[:])
	payload = appendBin(payload, target[:])
	payload = appendBin(payload, make([]byte, paddingSize))
	message, _, _, err := state.WriteMessage(nil, payload)
	if err != nil {
		return nil, nil, fmt.Errorf("session: %w", err)
	}
	return state, message, nil
}

// read1 begins a handshake as its responder.
func (s *self) read1(secret *ephemeral, message []byte) (state *noise.HandshakeState, sender, target protocol.Instance, err error) {
	if state, err = s.start(false, secret); err != nil {
		return nil, sender, target, err
	}
	payload, _, _, err := state.ReadMessage(nil, message)
	if err != nil {
		return nil, sender, target, ErrAuth
	}
	f := fields{rest: payload}
	if b := f.take(1); !f.bad && b[0] != 0x93 {
		f.bad = true
	}
	copy(sender[:], f.bin(len(sender)))
	copy(target[:], f.bin(len(target)))
	f.bin(paddingSize)
	if !f.end() || sender == (protocol.Instance{}) {
		return nil, sender, target, errFields
	}
	return state, sender, target, nil
}

// write2 answers as responder.
func (s *self) write2(state *noise.HandshakeState, l link) ([]byte, error) {
	message, _, _, err := state.WriteMessage(nil, s.prove(roleResponder, transcript(state), l))
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return message, nil
}

// read2 takes the responder's answer as initiator.
func (s *self) read2(state *noise.HandshakeState, message []byte, l link) (proof, error) {
	h := transcript(state)
	payload, _, _, err := state.ReadMessage(nil, message)
	if err != nil {
		return proof{}, ErrAuth
	}
	return s.check(roleResponder, h, l, state.PeerStatic(), payload)
}

// write3 ends the handshake as initiator.
func (s *self) write3(state *noise.HandshakeState, l link) (message []byte, send, receive [32]byte, err error) {
	message, toResponder, toInitiator, err := state.WriteMessage(nil, s.prove(roleInitiator, transcript(state), l))
	if err != nil {
		return nil, send, receive, fmt.Errorf("session: %w", err)
	}
	return message, toResponder.UnsafeKey(), toInitiator.UnsafeKey(), nil
}

// read3 ends the handshake as responder.
func (s *self) read3(state *noise.HandshakeState, message []byte, l link) (p proof, send, receive [32]byte, err error) {
	h := transcript(state)
	payload, toResponder, toInitiator, err := state.ReadMessage(nil, message)
	if err != nil {
		return proof{}, send, receive, ErrAuth
	}
	p, err = s.check(roleInitiator, h, l, state.PeerStatic(), payload)
	return p, toInitiator.UnsafeKey(), toResponder.UnsafeKey(), err
}

// proof is who the other side is: it has signed this handshake.
type proof struct {
	peer     protocol.PeerID
	instance protocol.Instance
	ciphers  cipherSet
}

// link is the indices of the two sides. They travel outside the Noise messages, so the proofs cover them:
// else a changed index would make a session that leads nowhere.
type link struct{ initiator, responder uint32 }

// statement is what a proof signs (SPEC section 4.4): role, network, the handshake so far, the indices, the ciphers that it
// has, and the Noise key that speaks for the identity.
func (s *self) statement(role byte, h [32]byte, l link, ciphers cipherSet, static []byte) []byte {
	b := append([]byte(proofContext), role)
	b = append(b, s.network[:]...)
	b = append(b, h[:]...)
	b = binary.BigEndian.AppendUint32(b, l.initiator)
	b = binary.BigEndian.AppendUint32(b, l.responder)
	b = append(b, byte(ciphers))
	return append(b, static...)
}

// prove writes the payload of messages 2 and 3.
func (s *self) prove(role byte, h [32]byte, l link) []byte {
	id := s.identity.ID()
	b := append(make([]byte, 0, proofSize), 0x94)
	b = appendBin(b, id[:])
	b = appendBin(b, s.instance[:])
	b = appendBin(b, []byte{byte(s.ciphers)})
	return appendBin(b, s.identity.Sign(s.statement(role, h, l, s.ciphers, s.static.Public)))
}

// check reads the payload of messages 2 and 3.
func (s *self) check(role byte, h [32]byte, l link, static, payload []byte) (proof, error) {
	var p proof
	f := fields{rest: payload}
	if b := f.take(1); !f.bad && b[0] != 0x94 {
		f.bad = true
	}
	copy(p.peer[:], f.bin(len(p.peer)))
	copy(p.instance[:], f.bin(len(p.instance)))
	if b := f.bin(1); !f.bad {
		p.ciphers = cipherSet(b[0])
	}
	signature := f.bin(64)
	switch {
	case !f.end() || p.instance == (protocol.Instance{}):
		return proof{}, errFields
	case p.instance == s.instance:
		return proof{}, ErrOwn
	case !protocol.VerifySignature(p.peer, s.statement(role, h, l, p.ciphers, static), signature):
		return proof{}, ErrSignature
	}
	return p, nil
}

// draw reads a secret.
func draw(random io.Reader, b []byte) error {
	if _, err := io.ReadFull(random, b); err != nil {
		return fmt.Errorf("session: randomness: %w", err)
	}
	return nil
}
