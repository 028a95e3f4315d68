package mail

import (
	"bytes"
	"testing"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// What is accepted is written again as the same bytes.
func FuzzStatement(f *testing.F) {
	f.Add(owns(f, "bob").tells().Statement())
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	bob := who("bob")
	f.Fuzz(func(t *testing.T, blob []byte) {
		// Only bob makes his signatures, so he signs what comes, to get behind the check.
		if len(blob) > signatureSize {
			blob = bytes.Clone(blob)
			copy(blob[len(blob)-64:], bob.Sign(stated(lan.ID(), blob)))
		}
		k, err := ParseStatement(blob, bob.ID(), lan)
		if err == nil && !bytes.Equal(k.Statement(), blob) {
			t.Fatalf("%x became %x", blob, k.Statement())
		}
		if err == nil && smallOrder(k.Key().Public) {
			t.Fatal("a key of small order")
		}
	})
}

func FuzzRing(f *testing.F) {
	bob := owns(f, "bob")
	f.Add(bob.ring.Marshal())
	bob.runs(30 * day)
	f.Add(bob.ring.Marshal())
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := UnmarshalRing(file, chance(1))
		if err != nil {
			return
		}
		if !bytes.Equal(r.Marshal(), file) {
			t.Fatalf("%x became %x", file, r.Marshal())
		}
		if _, err := r.Advance(noon, day); err != nil || len(r.keys) == 0 || len(r.keys) > protocol.MaxMailKeys+1 {
			t.Fatalf("%d keys, %v", len(r.keys), err)
		}
	})
}

// Whatever is sealed to bob, he reads it under the rules of a line or not at all.
func FuzzOpen(f *testing.F) {
	bob := owns(f, "bob")
	place := bob.from("alice", 1)
	e, public, id := ephemeral(f), bob.tells().Key().Public, bob.tells().ID()
	f.Add(plain(replica.KindText, "alice", "hello"))
	f.Add(plain(replica.KindAction, "", ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		body, err := replica.EncodeSealed(id, sealWith(t, e, public, place.info(), nil, b))
		if err != nil {
			return
		}
		kind, name, text, err := Open(bob.ring, place, body)
		if err == nil && !bytes.Equal(plain(kind, name, text), b) {
			t.Fatalf("%x read as %s %q %q", b, kind, name, text)
		}
		if err == nil && replica.CheckText(name, text) != nil {
			t.Fatalf("%q %q is no line", name, text)
		}
		if _, _, _, err := Open(bob.ring, place, b); err == nil {
			t.Fatal("opened what was not sealed")
		}
	})
}
