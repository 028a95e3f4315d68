package mail

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

// Alice last met bob when his key was young. He runs for a month and has a new one; what she seals to the old one still
// opens for 40 days of running, and not after.
func TestOldKeysOpenForFortyDays(t *testing.T) {
	bob := owns(t, "bob")
	old := bob.tells()
	place := bob.from("alice", 1)
	body := sealed(t, old, place, "are you there?")

	bob.runs(30*day - time.Second)
	if bob.tells() != old {
		t.Fatal("a new key before its time")
	}
	if !bob.runs(time.Second) {
		t.Error("a new key is to be saved at once")
	}
	young := bob.tells()
	if young.ID() == old.ID() || !young.Key().Created.Equal(noon.Add(30*day)) {
		t.Fatalf("after 30 days the key is %s, created %s", young, young.Key().Created)
	}
	if text, err := bob.opens(bob.from("alice", 2), sealed(t, young, bob.from("alice", 2), "new")); text != "new" || err != nil {
		t.Errorf("with the new key: %q, %v", text, err)
	}
	bob.runs(40*day - time.Second) // and another key on the way
	if text, err := bob.opens(place, body); text != "are you there?" || err != nil {
		t.Errorf("a second before its end: %q, %v", text, err)
	}
	if !bob.runs(time.Second) {
		t.Error("that a key is gone is to be saved at once")
	}
	if _, err := bob.opens(place, body); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("after 70 days: %v", err)
	}
	if text, err := bob.opens(bob.from("alice", 3), sealed(t, young, bob.from("alice", 3), "newer")); text != "newer" || err != nil {
		t.Errorf("the next key, 40 days old: %q, %v", text, err)
	}
}

// A key counts its owner's running time, so that nothing runs out while nobody could have opened anything.
func TestKeysRestWhileTheirOwnerDoes(t *testing.T) {
	bob := owns(t, "bob")
	bob.runs(29 * day)
	old := bob.tells()
	body := sealed(t, old, bob.from("alice", 1), "happy new year")
	bob.rests(400 * day)
	if bob.tells() != old {
		t.Error("a new key, though the old one ran for 29 days only")
	}
	if text, err := bob.opens(bob.from("alice", 1), body); text != "happy new year" || err != nil {
		t.Errorf("after a year away: %q, %v", text, err)
	}
	bob.runs(day)
	if bob.tells() == old {
		t.Error("no new key after 30 days of running")
	}
	bob.rests(400 * day)
	bob.runs(40*day - time.Millisecond)
	if _, err := bob.opens(bob.from("alice", 1), body); err != nil {
		t.Errorf("before 40 more days of running: %v", err)
	}
	bob.runs(time.Millisecond)
	if _, err := bob.opens(bob.from("alice", 1), body); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("after them: %v", err)
	}
}

func TestRingIsSavedAgainWhileItAges(t *testing.T) {
	bob := owns(t, "bob")
	if bob.runs(protocol.MailKeySave - 1) {
		t.Error("saved before an hour")
	}
	if !bob.runs(1) {
		t.Error("not saved after an hour")
	}
	if bob.runs(0) {
		t.Error("saved twice")
	}
	if _, err := bob.ring.Advance(bob.now, 0); err != nil { // the running time fell
		t.Error(err)
	}
	if at := bob.ring.Deadline(); !at.Equal(bob.now.Add(protocol.MailKeySave)) {
		t.Errorf("next at %s, now is %s", at, bob.now)
	}
}

// Whoever calls Advance at the deadlines, and only then, gets everything in time.
func TestDeadlinesAreEnough(t *testing.T) {
	bob := owns(t, "bob")
	var changed []string
	last := bob.ring.String()
	for bob.ran < 101*day {
		next := bob.ring.Deadline().Sub(bob.now)
		if next <= 0 || next > time.Hour {
			t.Fatalf("a deadline in %s", next)
		}
		bob.runs(next)
		if s := bob.ring.String(); s != last {
			changed = append(changed, fmt.Sprintf("%d:%d", bob.ran/day, len(bob.ring.keys)))
			last = s
		}
		if len(bob.ring.keys) > protocol.MaxMailKeys {
			t.Fatalf("%d keys", len(bob.ring.keys))
		}
	}
	if got := strings.Join(changed, " "); got != "30:2 60:3 70:2 90:3 100:2" {
		t.Errorf("keys at %s", got)
	}
}

func TestNoRandomnessNoNewKey(t *testing.T) {
	ring := NewRing(bytes.NewReader(make([]byte, 32)))
	if !ring.Deadline().IsZero() {
		t.Error("a deadline before it began")
	}
	if _, ok := ring.Current(); ok {
		t.Error("a key before it began")
	}
	if save, err := ring.Advance(noon, 0); !save || err != nil {
		t.Fatal(save, err)
	}
	first, _ := ring.Current()
	_, err := ring.Advance(noon.Add(30*day), 30*day)
	if k, _ := ring.Current(); err == nil || k != first {
		t.Errorf("a key from nowhere: %v, %v", k, err)
	}
	if at := ring.Deadline(); !at.After(noon.Add(30 * day)) {
		t.Errorf("tried again at %s without end", at)
	}
	if _, err := ring.Advance(noon.Add(31*day), 31*day); err == nil {
		t.Error("a key from nowhere, a day later")
	}
	if r, err := UnmarshalRing(ring.Marshal(), nil); err != nil || r.String() != ring.String() {
		t.Errorf("a key that is older than it should be came back as %v, %v", r, err)
	}
	ring.rand = chance(1)
	if save, err := ring.Advance(noon.Add(31*day+retry), 31*day+retry); !save || err != nil {
		t.Error(save, err)
	}
	if k, _ := ring.Current(); k == first {
		t.Error("no key although there is randomness again")
	}
}

func TestRingComesBackFromItsFile(t *testing.T) {
	bob := owns(t, "bob")
	bob.runs(30 * day)
	bob.runs(30 * day)
	bob.runs(1234567 * time.Microsecond)
	file := bob.ring.Marshal()
	ring, err := UnmarshalRing(file, chance(2))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ring.Marshal(), file) || ring.String() != bob.ring.String() || len(ring.keys) != 3 {
		t.Errorf("came back as %s, was %s", ring, bob.ring)
	}
	for n := range file {
		if _, err := UnmarshalRing(file[:n], nil); !errors.Is(err, ErrRing) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	flips(file, func(bit int, b []byte) {
		r, err := UnmarshalRing(b, nil)
		if err == nil && !bytes.Equal(r.Marshal(), b) {
			t.Fatalf("bit %d flipped, and it is half understood", bit)
		}
		if err == nil {
			if a, _ := r.Current(); a.Public != bob.ring.keys[0].key.Public {
				t.Fatalf("bit %d flipped, and it is another key", bit)
			}
		} else if !errors.Is(err, ErrRing) {
			t.Fatal(err)
		}
	})
	empty, err := UnmarshalRing(NewRing(nil).Marshal(), chance(3))
	if err != nil {
		t.Fatal(err)
	}
	if save, err := empty.Advance(noon, 0); !save || err != nil {
		t.Errorf("an empty ring: %t, %v", save, err)
	}
}

// A clock that stands before 1970 must not make a key that cannot be stated or saved.
func TestKeyOfAStrangeClock(t *testing.T) {
	for _, now := range []time.Time{{}, time.UnixMilli(-5), time.UnixMilli(1 << 60)} {
		ring := NewRing(chance(1))
		if _, err := ring.Advance(now, 0); err != nil {
			t.Fatal(err)
		}
		key, _ := ring.Current()
		if _, err := ParseStatement(Statement(who("bob"), lan, key), who("bob").ID(), lan); err != nil {
			t.Errorf("%s: %v", now, err)
		}
		if _, err := UnmarshalRing(ring.Marshal(), nil); err != nil {
			t.Errorf("%s: %v", now, err)
		}
	}
}

func TestHostileRings(t *testing.T) {
	pairs := func(n int) [][]byte {
		r := rand.NewChaCha8([32]byte{9})
		var out [][]byte
		for range n {
			p, err := draw(r, noon)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, encoded(func(e *protocol.Encoder) {
				id := p.key.ID()
				e.Array(4)
				e.Bin(id[:])
				e.Bin(p.secret[:])
				e.Uint(5)
				e.Uint(5)
			}))
		}
		return out
	}
	file := func(version uint64, pairs ...[]byte) []byte {
		return encoded(func(e *protocol.Encoder) {
			e.Array(2)
			e.Uint(version)
			e.Array(len(pairs))
			e.Raw(bytes.Join(pairs, nil))
		})
	}
	four := pairs(4)
	if _, err := UnmarshalRing(file(1, four[:3]...), nil); err != nil {
		t.Fatalf("before it is changed: %v", err)
	}
	tooOld := func(i int, age time.Duration) []byte {
		aged := bytes.Clone(four[i])
		return append(aged[:len(aged)-1], encoded(func(e *protocol.Encoder) { e.Uint(uint64(age / time.Millisecond)) })...)
	}
	if _, err := UnmarshalRing(file(1, tooOld(0, 30*day), tooOld(1, 40*day)), nil); err != nil {
		t.Fatalf("as old as may be: %v", err)
	}
	otherID := bytes.Clone(four[0])
	otherID[4]++
	for name, b := range map[string][]byte{
		"empty":              {},
		"version 2":          file(2, four[0]),
		"four keys":          file(1, four...),
		"a key twice":        file(1, four[0], four[0]),
		"not the key's id":   file(1, otherID),
		"too old to be new":  file(1, tooOld(0, 30*day+time.Millisecond)),
		"too old to be kept": file(1, four[0], tooOld(1, 40*day+time.Millisecond)),
		"bytes behind it":    append(file(1, four[0]), 0),
	} {
		if r, err := UnmarshalRing(b, nil); !errors.Is(err, ErrRing) {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

func TestRingIsNeverPrinted(t *testing.T) {
	bob := owns(t, "bob")
	bob.runs(30 * day)
	var said strings.Builder
	for _, v := range []any{bob.ring, *bob.ring, bob.ring.keys, bob.ring.keys[0], &bob.ring.keys[1], map[string]any{"ring": bob.ring}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%08b"} {
			fmt.Fprintf(&said, verb+"\n", v)
		}
	}
	text, err := json.Marshal(map[string]any{"ring": bob.ring, "value": *bob.ring})
	if err != nil {
		t.Fatal(err)
	}
	said.Write(text)
	if _, err := UnmarshalRing(bob.ring.Marshal()[:60], nil); err != nil {
		said.WriteString(err.Error())
	}
	for _, p := range bob.ring.keys {
		secret := p.secret[:8]
		for _, form := range []string{
			string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
			strings.Trim(fmt.Sprint(secret), "[]"), strings.Trim(fmt.Sprintf("%08b", secret), "[]"),
		} {
			if strings.Contains(said.String(), form) {
				t.Errorf("a private half is shown as %q", form)
			}
		}
	}
	if !strings.Contains(said.String(), bob.tells().ID().String()) {
		t.Error("not even the public half is shown")
	}
}
