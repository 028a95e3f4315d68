package replica

import (
	"errors"
	"fmt"
)

// Proof is that an author forked a log: two entries, as signed, that one honest author cannot have written both.
// Anybody can check it with CheckProof.
type Proof struct{ First, Second []byte }

// ErrNoProof is two entries that do not contradict each other.
var ErrNoProof = errors.New("replica: no proof of a fork")

// Proof joins a conflict with the held entry, loaded from the store by its Log and Held.
func (c Conflict) Proof(held []byte) (Proof, error) {
	p := Proof{First: held, Second: c.Other.raw}
	log, err := CheckProof(p)
	if err == nil && log != c.Log {
		err = fmt.Errorf("%w: of another log", ErrNoProof)
	}
	return p, err
}

// CheckProof verifies both entries and that they contradict each other: one log and one number with different bytes,
// or two numbers in a row of which the later does not name the hash of the earlier. It returns the log.
func CheckProof(p Proof) (Log, error) {
	a, err := Verify(p.First)
	if err != nil {
		return Log{}, err
	}
	b, err := Verify(p.Second)
	if err != nil {
		return Log{}, err
	}
	if a.entry.Seq > b.entry.Seq {
		a, b = b, a
	}
	same := a.entry.Seq == b.entry.Seq && a.hash != b.hash
	torn := a.entry.Seq+1 == b.entry.Seq && a.hash != b.entry.Previous
	if a.entry.Log != b.entry.Log || !same && !torn {
		return Log{}, ErrNoProof
	}
	return a.entry.Log, nil
}
