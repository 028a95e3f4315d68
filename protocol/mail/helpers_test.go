package mail

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

const day = 24 * time.Hour

var (
	noon = time.UnixMilli(1_700_000_000_123).UTC()
	lan  = protocol.OpenNetwork()
)

// who is the identity that a name always has.
func who(name string) *protocol.Identity {
	id, err := protocol.IdentityFromSeed([]byte(name + strings.Repeat(".", 32))[:32])
	if err != nil {
		panic(err)
	}
	return id
}

// chance is a reader that gives the same bytes each time.
func chance(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

// owner is somebody with a ring, and the program's running time.
type owner struct {
	t    testing.TB
	id   *protocol.Identity
	ring *Ring
	now  time.Time
	ran  time.Duration
}

func owns(t testing.TB, name string) *owner {
	t.Helper()
	o := &owner{t: t, id: who(name), ring: NewRing(chance(name[0])), now: noon}
	o.runs(0)
	return o
}

// runs lets the program run on.
func (o *owner) runs(d time.Duration) (saved bool) {
	o.t.Helper()
	o.now, o.ran = o.now.Add(d), o.ran+d
	saved, err := o.ring.Advance(o.now, o.ran)
	if err != nil {
		o.t.Fatal(err)
	}
	return saved
}

// rests stops the program, and starts it again after d from its file.
func (o *owner) rests(d time.Duration) {
	o.t.Helper()
	ring, err := UnmarshalRing(o.ring.Marshal(), chance(byte(o.now.Unix())))
	if err != nil {
		o.t.Fatal(err)
	}
	o.ring, o.now, o.ran = ring, o.now.Add(d), 0
	o.runs(0)
}

// tells is what others learn from the owner's Self.
func (o *owner) tells() PublicKey {
	o.t.Helper()
	key, ok := o.ring.Current()
	if !ok {
		o.t.Fatal("no key")
	}
	k, err := ParseStatement(Statement(o.id, lan, key), o.id.ID(), lan)
	if err != nil {
		o.t.Fatal(err)
	}
	return k
}

// from is the place of an entry of somebody to the owner.
func (o *owner) from(author string, seq uint64) Place {
	return between(author, o.id, 300, seq)
}

func between(author string, to *protocol.Identity, epoch, seq uint64) Place {
	a := who(author).ID()
	return Place{lan, replica.Log{Room: lan.DirectRoom(a, to.ID()), Author: a, Epoch: epoch}, seq, to.ID()}
}

func sealed(t testing.TB, to PublicKey, p Place, text string) []byte {
	t.Helper()
	body, err := Seal(to, p, replica.KindText, "alice", text)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// opens tells what the owner reads.
func (o *owner) opens(p Place, body []byte) (string, error) {
	_, _, text, err := Open(o.ring, p, body)
	return text, err
}

func encoded(write func(*protocol.Encoder)) []byte {
	e := protocol.NewEncoder()
	write(e)
	return bytes.Clone(e.Bytes())
}

// flips gives b with each of its bits flipped.
func flips(b []byte, try func(bit int, b []byte)) {
	b = bytes.Clone(b)
	for bit := range 8 * len(b) {
		b[bit/8] ^= 1 << (bit % 8)
		try(bit, b)
		b[bit/8] ^= 1 << (bit % 8)
	}
}
