package session

import (
	"bytes"
	"time"

	"github.com/flynn/noise"

	"earshot/protocol"
)

// answer is a handshake of somebody else's. After its end it is kept a while, so that what was repeated meanwhile
// is known for that.
type answer struct {
	index, remote uint32
	instance      protocol.Instance // claimed by message 1, proven by message 3
	path          protocol.Path     // of the first message 1
	secret        ephemeral
	noise         *noise.HandshakeState // nil after a message that it refused
	first         []byte                // the Noise part of message 1
	second        []byte                // message 2
	sendings      int
	sent          time.Time
	expires       time.Time
	done          bool
}

func (a *answer) link() link { return link{initiator: a.remote, responder: a.index} }

func (e *Endpoint) receive1(now time.Time, path protocol.Path, h handshake) error {
	for _, a := range e.answers {
		if a.remote == h.sender && bytes.Equal(a.first, h.noise) {
			if a.done {
				return ErrDuplicate
			}
			// To where this one came from: it may have come another way, and the answer is no longer than it.
			e.reply(now, a, path, "repeat")
			return nil
		}
	}
	if err := e.admit(now, path, h); err != nil {
		return err
	}
	a := &answer{remote: h.sender, path: path, first: bytes.Clone(h.noise)}
	if err := draw(e.random, a.secret[:]); err != nil {
		return err
	}
	state, sender, target, err := e.self.read1(&a.secret, a.first)
	switch {
	case err != nil:
		return err
	case sender == e.self.instance:
		return ErrOwn
	case target != e.self.instance && target != (protocol.Instance{}):
		return ErrTarget
	case !e.yield(now, sender, path):
		return ErrGlare
	}
	a.index, a.instance, a.noise = e.newIndex(), sender, state
	message, err := e.self.write2(state, a.link())
	if err != nil {
		delete(e.used, a.index)
		return err
	}
	a.second = appendHandshake(nil, protocol.KindHandshake2, a.index, a.remote, message, e.mac)
	e.answers = append(e.answers, a)
	e.reply(now, a, path, "")
	return nil
}

// admit bounds what strangers can make this node do and remember (SPEC section 4.5).
func (e *Endpoint) admit(now time.Time, path protocol.Path, h handshake) error {
	all, source := 0, 0
	for _, a := range e.answers {
		if a.done {
			continue
		}
		all++
		if a.path.Addr == path.Addr || a.path.Addr.Addr() == path.Addr.Addr() && !path.Addr.Addr().IsLoopback() {
			source++
		}
	}
	if all >= protocol.CookieFrom && !e.jar.good(now, path.Addr, h) {
		cookie, err := e.jar.bake(now, path.Addr)
		if err != nil {
			return err
		}
		nonce := make([]byte, nonceSize)
		for i := range nonce {
			nonce[i] = byte(e.dice.Uint32())
		}
		sealed := sealCookie(e.cookieKey, nonce, cookie, h.mac)
		e.send(path, appendCookie(nil, h.sender, nonce, sealed), protocol.KindCookie, "")
		return ErrCookie
	}
	if e.answer != nil && !e.answer(now, path.Addr) {
		return ErrRate
	}
	if all >= protocol.MaxHalfOpen || source >= protocol.MaxHalfOpenPerSource {
		return ErrHalfOpen
	}
	return nil
}

// reply sends message 2.
func (e *Endpoint) reply(now time.Time, a *answer, path protocol.Path, why string) {
	a.sendings++
	a.sent = now
	a.expires = now.Add(protocol.HalfOpenTimeout)
	e.send(path, a.second, protocol.KindHandshake2, why)
}

func (e *Endpoint) receive3(now time.Time, path protocol.Path, h handshake) error {
	var a *answer
	for _, x := range e.answers {
		if x.index == h.receiver && x.remote == h.sender {
			a = x
		}
	}
	if a == nil {
		return ErrIndex
	}
	if a.done {
		return ErrDuplicate
	}
	state, err := e.resume(a)
	if err != nil {
		return err
	}
	// Whatever is wrong with it, the right one may still come.
	a.noise = nil
	p, send, receive, err := e.self.read3(state, h.noise, a.link())
	if err != nil {
		return err
	}
	if p.instance != a.instance {
		return ErrTarget
	}
	s := &Session{
		peer: p.peer, instance: p.instance, path: path,
		local: a.index, remote: a.remote, since: now,
	}
	if a.sendings == 1 {
		s.rtt = now.Sub(a.sent)
	}
	s.setKeys(e.self.ciphers.common(p.ciphers), send, receive)
	a.done, a.secret = true, ephemeral{}
	a.expires = now.Add(protocol.HalfOpenTimeout)
	e.reached(p, path)
	e.out.Established = append(e.out.Established, s)
	return nil
}

// resume is the Noise state after message 2.
func (e *Endpoint) resume(a *answer) (*noise.HandshakeState, error) {
	if a.noise != nil {
		return a.noise, nil
	}
	state, _, _, err := e.self.read1(&a.secret, a.first)
	if err != nil {
		return nil, err
	}
	_, err = e.self.write2(state, a.link()) // Ed25519 signatures are deterministic, so these are the bytes that were sent
	return state, err
}

func (e *Endpoint) advanceAnswers(now time.Time) {
	e.answers = remove(e.answers, func(a *answer) bool {
		if now.Before(a.expires) {
			return false
		}
		if !a.done {
			delete(e.used, a.index)
		}
		return true
	})
}
