package session

import (
	"bytes"
	"time"

	"github.com/flynn/noise"

	"earshot/protocol"
)

// stage is how far an own attempt has come (SPEC section 4.6).
type stage uint8

const (
	opening    stage = iota // message 1 is repeated until message 2 comes
	waiting                 // it gave way to the other's attempt, and opens again when that brings nothing
	confirming              // message 3 is repeated until Confirm
)

// attempt is an own handshake.
type attempt struct {
	index    uint32
	target   protocol.Instance // zero while unknown
	path     protocol.Path
	secret   ephemeral
	noise    *noise.HandshakeState // nil after a message that it refused
	first    []byte                // message 1 without a cookie
	mac      []byte                // of message 1
	message  []byte                // what is repeated
	stage    stage
	gaveWay  bool // once only, or whoever says to be the other could hold it up for ever
	cookie   bool // the first was answered at once
	sendings int  // of message, since it began or resumed
	firsts   int  // sendings of message 1 in all
	opened   time.Time
	began    time.Time
	due      time.Time
	session  *Session
}

// toward tells whether an attempt leads to an instance or, where that is unknown, to an address.
func (a *attempt) toward(target protocol.Instance, path protocol.Path) bool {
	var unknown protocol.Instance
	if target == unknown || a.target == unknown {
		return a.path.Addr == path.Addr
	}
	return a.target == target
}

// Connect begins an attempt to reach an instance (zero: whoever is there) at an address, unless one runs already.
// If the instance's own message 1 came first, that one has a second to get through.
func (e *Endpoint) Connect(now time.Time, target protocol.Instance, path protocol.Path) {
	for _, a := range e.attempts {
		if a.toward(target, path) {
			return
		}
	}
	a := &attempt{target: target, path: path, began: now}
	if err := e.open(a); err != nil {
		e.out.Failed = append(e.out.Failed, Failure{Target: target, Path: path, Err: err})
		return
	}
	e.attempts = append(e.attempts, a)
	for _, other := range e.answers {
		if !other.done && a.toward(other.instance, other.path) {
			a.giveWay(now)
			return
		}
	}
	e.try(now, a, "")
}

// open writes message 1.
func (e *Endpoint) open(a *attempt) error {
	if a.target == e.self.instance {
		return ErrOwn
	}
	if err := draw(e.random, a.secret[:]); err != nil {
		return err
	}
	state, message, err := e.self.write1(&a.secret, a.target)
	if err != nil {
		return err
	}
	a.index = e.newIndex()
	a.noise = state
	a.first = appendHandshake(nil, protocol.KindHandshake1, a.index, 0, message, e.mac)
	a.mac = a.first[len(a.first)-2-macSize : len(a.first)-2]
	a.message = a.first
	return nil
}

func (a *attempt) giveWay(now time.Time) {
	a.stage, a.gaveWay, a.due = waiting, true, now.Add(protocol.GlareResume)
}

// try sends the message of the stage, and sets the time of the next.
func (e *Endpoint) try(now time.Time, a *attempt, why string) {
	kind := protocol.KindHandshake3
	if a.stage == opening {
		kind = protocol.KindHandshake1
		a.firsts++
		a.opened = now
	}
	e.send(a.path, a.message, kind, why)
	pause := float64(protocol.HandshakeRepeat << a.sendings)
	pause *= 1 - protocol.HandshakeJitter + 2*protocol.HandshakeJitter*e.dice.Float64()
	a.sendings++
	a.due = now.Add(time.Duration(pause))
}

func (e *Endpoint) advanceAttempts(now time.Time) {
	e.attempts = remove(e.attempts, func(a *attempt) bool {
		switch {
		case now.Before(a.due):
		case a.stage == waiting:
			a.stage, a.sendings = opening, 0
			e.try(now, a, "resume")
		case a.sendings < protocol.HandshakeTries:
			e.try(now, a, "repeat")
		default:
			e.fail(a)
			return true
		}
		return false
	})
}

func (e *Endpoint) fail(a *attempt) {
	f := Failure{Target: a.target, Path: a.path, Err: ErrNoAnswer, Session: a.session}
	if a.session != nil {
		f.Err = ErrUnconfirmed
	} else {
		delete(e.used, a.index)
	}
	e.out.Failed = append(e.out.Failed, f)
}

// Confirm says that the first packet of a session was opened: message 3 has arrived.
func (e *Endpoint) Confirm(localIndex uint32) {
	e.attempts = remove(e.attempts, func(a *attempt) bool {
		return a.stage == confirming && a.index == localIndex
	})
}

// yield decides a glare: it tells whether the other's message 1 is to be answered. The smaller instance's attempt
// goes on, the larger one's gives way. After protocol.GlareResume the larger one tries again: by then the smaller one
// has had its time, and whichever gets through first is good.
func (e *Endpoint) yield(now time.Time, other protocol.Instance, path protocol.Path) bool {
	smaller := bytes.Compare(e.self.instance[:], other[:]) < 0
	for _, a := range e.attempts {
		if smaller && a.toward(other, path) && (a.stage == confirming || a.stage == opening && now.Sub(a.began) < protocol.GlareResume) {
			return false
		}
	}
	for _, a := range e.attempts {
		if a.stage == opening && !a.gaveWay && a.toward(other, path) {
			a.giveWay(now)
		}
	}
	return true
}

// reached ends the attempts to an instance whose own attempt got through. One that has yielded a session already is
// given up only for the same peer.
func (e *Endpoint) reached(p proof, path protocol.Path) {
	e.attempts = remove(e.attempts, func(a *attempt) bool {
		if !a.toward(p.instance, path) {
			return false
		}
		if a.stage != confirming {
			delete(e.used, a.index)
			return true
		}
		if a.session.peer != p.peer {
			return false
		}
		e.out.Failed = append(e.out.Failed, Failure{a.target, a.path, ErrReplaced, a.session})
		return true
	})
}

func (e *Endpoint) receive2(now time.Time, path protocol.Path, h handshake) error {
	a := e.own(h.receiver)
	if a == nil {
		return ErrIndex
	}
	if a.stage == confirming {
		return ErrDuplicate
	}
	if a.noise == nil {
		state, _, err := e.self.write1(&a.secret, a.target)
		if err != nil {
			return err
		}
		a.noise = state
	}
	// Whatever is wrong with it, the attempt goes on: the right answer may still come.
	state := a.noise
	a.noise = nil
	l := link{initiator: a.index, responder: h.sender}
	p, err := e.self.read2(state, h.noise, l)
	if err != nil {
		return err
	}
	if a.target != (protocol.Instance{}) && p.instance != a.target {
		return ErrTarget
	}
	message, send, receive, err := e.self.write3(state, l)
	if err != nil {
		return err
	}
	if path.Addr == a.path.Addr {
		a.path = path // now the interface is known too
	}
	s := &Session{
		peer: p.peer, instance: p.instance, path: a.path,
		local: a.index, remote: h.sender, initiator: true, since: now,
	}
	if a.firsts == 1 {
		s.rtt = now.Sub(a.opened)
	}
	s.setKeys(e.self.ciphers.common(p.ciphers), send, receive)
	a.target, a.session, a.secret = p.instance, s, ephemeral{}
	a.message = appendHandshake(nil, protocol.KindHandshake3, a.index, h.sender, message, e.mac)
	a.stage, a.sendings = confirming, 0
	e.out.Established = append(e.out.Established, s)
	e.try(now, a, "")
	return nil
}

func (e *Endpoint) receiveCookie(now time.Time, datagram []byte) error {
	c, ok := parseCookie(datagram)
	if !ok {
		return errFields
	}
	a := e.own(c.receiver)
	if a == nil || a.stage == confirming {
		return ErrIndex
	}
	cookie, err := openCookie(e.cookieKey, c, a.mac)
	if err != nil {
		return err
	}
	a.message = withCookie(a.first, cookie)
	// At once, but only the first time: else each forged cookie would call forth a message.
	if a.stage == opening && !a.cookie {
		a.cookie = true
		a.firsts++
		e.send(a.path, a.message, protocol.KindHandshake1, "cookie")
	}
	return nil
}

// own is the attempt with an index.
func (e *Endpoint) own(index uint32) *attempt {
	for _, a := range e.attempts {
		if a.index == index {
			return a
		}
	}
	return nil
}
