package session

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"earshot/protocol"
)

// jar makes and checks cookies: while many handshakes are unfinished, whoever wants another must show that they
// receive what is sent to their address (SPEC section 4.5, after WireGuard, section 5.4.7 of its paper). It remembers nobody:
// a cookie is a code of the address under a secret that changes every protocol.CookieLifetime.
type jar struct {
	random          io.Reader
	newest, earlier *code
	since           time.Time
}

// turn sees to it that the newest secret is young enough, and the earlier one too.
func (j *jar) turn(now time.Time) error {
	age := now.Sub(j.since)
	if j.newest != nil && age < protocol.CookieLifetime {
		return nil
	}
	var secret [32]byte
	if err := draw(j.random, secret[:]); err != nil {
		return err
	}
	j.earlier = j.newest
	if age >= 2*protocol.CookieLifetime {
		j.earlier = nil
	}
	j.newest, j.since = newCode(secret[:]), now
	return nil
}

// bake makes the cookie of an address.
func (j *jar) bake(now time.Time, addr netip.AddrPort) ([cookieSize]byte, error) {
	if err := j.turn(now); err != nil {
		return [cookieSize]byte{}, err
	}
	return j.newest.sum(addressBytes(addr)), nil
}

// good tells whether message 1 shows a cookie of the address that it came from.
func (j *jar) good(now time.Time, addr netip.AddrPort, h handshake) bool {
	if len(h.cookieMAC) == 0 || j.turn(now) != nil {
		return false
	}
	for _, secret := range []*code{j.newest, j.earlier} {
		if secret == nil {
			continue
		}
		cookie := secret.sum(addressBytes(addr))
		if newCode(cookie[:]).check(h.cookieCovered, h.cookieMAC) {
			return true
		}
	}
	return false
}

func addressBytes(addr netip.AddrPort) []byte {
	ip := addr.Addr().Unmap().As16()
	return binary.BigEndian.AppendUint16(ip[:], addr.Port())
}

// sealCookie writes a cookie so that only who wrote the message 1 with this code, or heard it, can use it.
func sealCookie(key [32]byte, nonce []byte, cookie [cookieSize]byte, mac []byte) []byte {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic(err) // only another length of key is refused
	}
	return a.Seal(nil, nonce, cookie[:], mac)
}

// openCookie reads what sealCookie wrote.
func openCookie(key [32]byte, c cookieReply, mac []byte) ([]byte, error) {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic(err) // only another length of key is refused
	}
	cookie, err := a.Open(nil, c.nonce, c.sealed, mac)
	if err != nil {
		return nil, fmt.Errorf("%w: cookie", ErrAuth)
	}
	return cookie, nil
}
