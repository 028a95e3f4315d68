package session

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"time"

	"earshot/protocol"
)

// Errors of an endpoint: why a datagram was dropped, or why an attempt failed.
var (
	// ErrGlare is a message 1 from an instance to which the own attempt goes on.
	ErrGlare = errors.New("session: own attempt goes on")
	// ErrDuplicate is a message that has been taken already.
	ErrDuplicate = errors.New("session: duplicate")
	// ErrCookie is a message 1 that was answered with a cookie.
	ErrCookie = errors.New("session: cookie demanded")
	// ErrHalfOpen is a message 1 too many, in all or from its source.
	ErrHalfOpen = errors.New("session: too many unfinished handshakes")
	// ErrRate is a message 1 beyond what Config.Answer allows.
	ErrRate = errors.New("session: too many handshakes")
	// ErrNoAnswer is an attempt that nobody answered.
	ErrNoAnswer = errors.New("session: no answer")
	// ErrUnconfirmed is an attempt that was answered, but no packet came after it.
	ErrUnconfirmed = errors.New("session: not confirmed")
	// ErrReplaced is an attempt that was answered but not confirmed before the peer's own attempt got through:
	// the peer is here, by the session that this made.
	ErrReplaced = errors.New("session: replaced by the peer's own attempt")
)

// Config is what an endpoint works with. Identity, Network, Instance and Rand are needed.
type Config struct {
	Identity *protocol.Identity
	Network  *protocol.Network
	Instance protocol.Instance
	Rand     io.Reader // secrets come from here: crypto/rand, or a seeded source in a simulation

	// Answer tells whether one more message 1 may be answered; nil: each. It is asked only for those that come from
	// within the network and repeat none that was answered, so that outsiders cannot use the answers up.
	Answer func(now time.Time, from netip.AddrPort) bool

	// AES tells that this machine computes AES and GHASH in hardware: with a peer of which the same is true,
	// packets are sealed with AES256GCM.
	AES bool
}

// Endpoint runs the handshakes of one node. Attempts are bounded by their caller, answers by protocol.MaxHalfOpen.
type Endpoint struct {
	self      self
	random    io.Reader
	dice      *rand.Rand // indices, jitter and nonces, which are no secrets
	mac       *code
	cookieKey [32]byte
	jar       jar
	attempts  []*attempt // in the order in which they began
	answers   []*answer  // in the order in which they came
	used      map[uint32]struct{}
	answer    func(now time.Time, from netip.AddrPort) bool
	out       Output
}

// Output is what came about since it was last asked for.
type Output struct {
	Sends       []Send
	Established []*Session
	Failed      []Failure
}

// Send is a datagram to be sent. Its bytes must not be changed: they may be sent again.
type Send struct {
	Path protocol.Path
	Data []byte
	Kind protocol.Kind
	Why  string // "repeat", "resume" or "cookie", or empty
}

// Failure is an attempt that came to nothing.
type Failure struct {
	Target  protocol.Instance // zero if it was not known and nobody answered
	Path    protocol.Path
	Err     error    // ErrNoAnswer, ErrUnconfirmed, ErrReplaced, ErrOwn, or no randomness
	Session *Session // with ErrUnconfirmed and ErrReplaced: the one that was yielded; it wants its Release
}

// NewEndpoint draws the Noise key pair of this start. It fails only when Rand does.
func NewEndpoint(c Config) (*Endpoint, error) {
	static, err := suite.GenerateKeypair(c.Rand)
	if err != nil {
		return nil, errors.Join(errors.New("session: randomness"), err)
	}
	var seed [32]byte
	if err := draw(c.Rand, seed[:]); err != nil {
		return nil, err
	}
	var ciphers cipherSet
	if c.AES {
		ciphers |= setAES
	}
	mac := c.Network.MACKey()
	return &Endpoint{
		self: self{
			identity: c.Identity, instance: c.Instance, ciphers: ciphers, static: static,
			network: c.Network.ID(), psk: c.Network.PSK(),
		},
		random:    c.Rand,
		dice:      rand.New(rand.NewChaCha8(seed)),
		mac:       newCode(mac[:]),
		cookieKey: c.Network.CookieKey(),
		jar:       jar{random: c.Rand},
		used:      map[uint32]struct{}{},
		answer:    c.Answer,
	}, nil
}

// Receive takes a handshake or cookie datagram that passed protocol.ParseKind. An error is the reason of a drop, and
// says that nothing but perhaps a pause of an own attempt came of it; ErrCookie says that a cookie is sent instead.
func (e *Endpoint) Receive(now time.Time, path protocol.Path, kind protocol.Kind, datagram []byte) error {
	if kind == protocol.KindCookie {
		return e.receiveCookie(now, datagram)
	}
	h, ok := parseHandshake(datagram, kind)
	if !ok {
		return errFields
	}
	// Before anything else is done for it: outsiders get no reaction.
	if !e.mac.check(h.covered, h.mac) {
		return ErrMAC
	}
	switch kind {
	case protocol.KindHandshake1:
		return e.receive1(now, path, h)
	case protocol.KindHandshake2:
		return e.receive2(now, path, h)
	default:
		return e.receive3(now, path, h)
	}
}

// Advance does what is due: repeats, resumes, gives up.
func (e *Endpoint) Advance(now time.Time) {
	e.advanceAttempts(now)
	e.advanceAnswers(now)
}

// Deadline is when Advance has something to do, zero if never.
func (e *Endpoint) Deadline() time.Time {
	var first time.Time
	earlier := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for _, a := range e.attempts {
		earlier(a.due)
	}
	for _, a := range e.answers {
		earlier(a.expires)
	}
	return first
}

// Output tells what is to be done, and forgets it.
func (e *Endpoint) Output() Output {
	out := e.out
	e.out = Output{}
	return out
}

// Release says that a session is over: its index may be used again.
func (e *Endpoint) Release(localIndex uint32) {
	e.Confirm(localIndex)
	e.answers = remove(e.answers, func(a *answer) bool { return a.index == localIndex })
	delete(e.used, localIndex)
}

// HalfOpen is how many handshakes of others are unfinished.
func (e *Endpoint) HalfOpen() int {
	n := 0
	for _, a := range e.answers {
		if !a.done {
			n++
		}
	}
	return n
}

// Connecting is how many own attempts have not ended.
func (e *Endpoint) Connecting() int { return len(e.attempts) }

// newIndex draws an index that no session and no handshake has. It is never 0.
func (e *Endpoint) newIndex() uint32 {
	for {
		index := e.dice.Uint32()
		if _, taken := e.used[index]; !taken && index != 0 {
			e.used[index] = struct{}{}
			return index
		}
	}
}

func (e *Endpoint) send(path protocol.Path, data []byte, kind protocol.Kind, why string) {
	e.out.Sends = append(e.out.Sends, Send{Path: path, Data: data, Kind: kind, Why: why})
}

// remove takes out of s what is gone, and keeps the order.
func remove[T any](s []*T, gone func(*T) bool) []*T {
	kept := s[:0]
	for _, x := range s {
		if !gone(x) {
			kept = append(kept, x)
		}
	}
	clear(s[len(kept):])
	return kept
}
