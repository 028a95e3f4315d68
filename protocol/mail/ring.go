package mail

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"earshot/protocol"
)

// The one suite of SPEC section 7.7.2.
var (
	kem  = hpke.DHKEM(ecdh.X25519())
	kdf  = hpke.HKDFSHA256()
	aead = hpke.ChaCha20Poly1305()
)

// Ring holds the own mail keys: the current one, which others seal to, and older ones, for what was sealed before they
// heard of it. A key is current for protocol.MailKeyAge and its private half is kept for protocol.MailKeyKept more, both
// counted in the time that its owner's program has been running. A Ring prints as the public half of the current key.
type Ring struct {
	rand   io.Reader
	keys   []pair        // newest first
	uptime time.Duration // at the latest Advance
	now    time.Time     // the same, zero before
	due    time.Duration // of running, until the file must be written again
}

// pair is one own key.
type pair struct {
	key    Key
	secret [32]byte      // X25519
	age    time.Duration // running time as the current key, or since it is not
}

// NewRing is an empty ring that draws keys from rand, the first at the first Advance.
func NewRing(rand io.Reader) *Ring { return &Ring{rand: rand, due: protocol.MailKeySave} }

// Advance draws a new key when the current one is old enough, and forgets those that have been kept long enough.
// uptime is how long the program has been running (since its start or any other moment, as long as one Ring lives);
// now is only noted in a new key. If save is true, Marshal must be stored before anything else is done with the ring:
// above all before a statement of the new key leaves, for what others seal to it must not be lost in a crash.
// The error is rand's: the current key stays then.
func (r *Ring) Advance(now time.Time, uptime time.Duration) (save bool, err error) {
	ran := max(uptime-r.uptime, 0)
	r.uptime, r.now = uptime, now
	kept := r.keys[:0]
	for i, p := range r.keys {
		p.age += ran
		if i == 0 || p.age < protocol.MailKeyKept {
			kept = append(kept, p)
		}
	}
	save = len(kept) < len(r.keys)
	clear(r.keys[len(kept):]) // the private halves
	r.keys = kept
	if len(r.keys) == 0 || r.keys[0].age >= protocol.MailKeyAge {
		var p pair
		if p, err = draw(r.rand, now); err == nil {
			if len(r.keys) > 0 {
				r.keys[0].age = 0
			}
			r.keys = slices.Insert(r.keys, 0, p)
			save = true
		}
	}
	if r.due -= ran; r.due <= 0 {
		save = true
	}
	if save {
		r.due = protocol.MailKeySave
	}
	return save, err
}

// Deadline is when Advance has something to do, if the program runs until then: zero before the first Advance.
func (r *Ring) Deadline() time.Time {
	if r.now.IsZero() {
		return time.Time{}
	}
	next := r.due
	for i, p := range r.keys {
		next = min(next, most(i)-p.age)
	}
	if len(r.keys) == 0 || next <= 0 {
		next = retry // no key could be drawn
	}
	return r.now.Add(next)
}

// retry is when a key is drawn again after randomness failed.
const retry = time.Minute

// Current is the key that others are to seal to. ok is false before the first Advance.
func (r *Ring) Current() (k Key, ok bool) {
	if len(r.keys) == 0 {
		return Key{}, false
	}
	return r.keys[0].key, true
}

// find is the private half of a key.
func (r *Ring) find(id KeyID) (hpke.PrivateKey, bool) {
	for _, p := range r.keys {
		if p.key.ID() == id {
			k, err := kem.NewPrivateKey(p.secret[:])
			return k, err == nil
		}
	}
	return nil, false
}

func draw(rand io.Reader, now time.Time) (pair, error) {
	var secret [32]byte
	if _, err := io.ReadFull(rand, secret[:]); err != nil {
		return pair{}, fmt.Errorf("mail: key: %w", err)
	}
	ms := min(max(now.UnixMilli(), 0), protocol.MaxWall)
	return pairOf(secret, wall(uint64(ms)))
}

func pairOf(secret [32]byte, created time.Time) (pair, error) {
	k, err := ecdh.X25519().NewPrivateKey(secret[:])
	if err != nil {
		return pair{}, fmt.Errorf("mail: key: %w", err)
	}
	return pair{key: Key{[32]byte(k.PublicKey().Bytes()), created}, secret: secret}, nil
}

const (
	ringVersion = 1
	ringFields  = 4
)

// ErrRing is a file that is no ring.
var ErrRing = errors.New("mail: bad ring")

// Marshal is the ring with its private halves, for a file that nobody but its owner can read.
func (r *Ring) Marshal() []byte {
	e := protocol.NewEncoder()
	e.Array(2)
	e.Uint(ringVersion)
	e.Array(len(r.keys))
	for i, p := range r.keys {
		id := p.key.ID()
		e.Array(ringFields)
		e.Bin(id[:])
		e.Bin(p.secret[:])
		e.Uint(uint64(p.key.Created.UnixMilli()))
		e.Uint(uint64(min(p.age, most(i)) / time.Millisecond))
	}
	return bytes.Clone(e.Bytes())
}

// most is the greatest age that matters of the i-th key.
func most(i int) time.Duration {
	if i == 0 {
		return protocol.MailKeyAge
	}
	return protocol.MailKeyKept
}

// UnmarshalRing reads what Marshal wrote, under strict rules: what it accepts, Marshal writes as the same bytes.
// The error is ErrRing and never tells what is in the file.
func UnmarshalRing(b []byte, rand io.Reader) (*Ring, error) {
	if err := protocol.Scan(b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRing, err)
	}
	r := NewRing(rand)
	d := protocol.NewDecoder(b)
	d.ArrayOf(2)
	if v := d.Uint(); v != ringVersion {
		d.Fail("version %d", v)
	}
	n := d.Array()
	if n > protocol.MaxMailKeys {
		d.Fail("%d keys", n)
	}
	for i := 0; i < n && d.Err() == nil; i++ {
		d.ArrayOf(ringFields)
		id, secret := KeyID(d.BinOf(len(KeyID{}))), [32]byte(d.BinOf(32))
		created := wall(d.UintMax(protocol.MaxWall))
		age := time.Duration(d.UintMax(uint64(most(i)/time.Millisecond))) * time.Millisecond
		if d.Err() != nil {
			break
		}
		p, err := pairOf(secret, created)
		p.age = age
		if _, twice := r.find(id); err != nil || twice || p.key.ID() != id {
			d.Fail("key %d is damaged", i)
		}
		r.keys = append(r.keys, p)
	}
	if err := d.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRing, err)
	}
	return r, nil
}

// String names the public half of the current key.
func (r Ring) String() string {
	if len(r.keys) == 0 {
		return "mail ring, empty"
	}
	return fmt.Sprintf("mail ring of %d, %s", len(r.keys), r.keys[0].key.ID())
}

// Format prints String whatever the verb, so that no %d or %+v shows a private half.
func (r Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// MarshalText writes String: the private halves are for their file only.
func (r Ring) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (p pair) String() string { return p.key.String() }

// Format prints String, as that of Ring.
func (p pair) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }
