package replica

import (
	"bytes"
	"errors"
	"testing"

	"earshot/protocol"
)

// A node that cannot open a sealed line holds its form to the rules all the same, or nodes would differ in what they keep.
func TestSealedBodies(t *testing.T) {
	key := [8]byte{1, 2, 3}
	most := protocol.MaxBody - 1 - 10 - 3 // what the array, the key and the header leave
	for n, ok := range map[int]bool{
		0: false, protocol.MinSealed - 1: false, protocol.MinSealed: true, 255: true, 256: true, most: true, most + 1: false,
	} {
		sealed := bytes.Repeat([]byte{7}, n)
		body, err := EncodeSealed(key, sealed)
		if ok != (err == nil) || err != nil && !errors.Is(err, ErrSealed) {
			t.Errorf("%d bytes: %v", n, err)
		}
		forged := encoded(func(e *protocol.Encoder) { e.Array(2); e.Bin(key[:]); e.Bin(sealed) })
		if ok && !bytes.Equal(body, forged) {
			t.Errorf("%d bytes: written as %x", n, body)
		}
		gotKey, got, err := DecodeSealed(forged)
		if ok && (gotKey != key || !bytes.Equal(got, sealed) || err != nil) || !ok && !errors.Is(err, ErrSealed) {
			t.Errorf("%d bytes came back as %x, %d bytes, %v", n, gotKey, len(got), err)
		}
		raw := forge(who("alice")).uint(fKind, uint64(KindSealed)).with(fBody, func(e *protocol.Encoder) { e.Bin(forged) }).raw()
		if v, err := Verify(raw); ok != (err == nil) {
			t.Errorf("an entry of %d bytes: %v", n, err)
		} else if _, _, text := v.Text(); text {
			t.Error("it has a text")
		}
	}
}

func TestBadSealedBodies(t *testing.T) {
	body, err := EncodeSealed([8]byte{1}, make([]byte, protocol.MinSealed))
	if err != nil {
		t.Fatal(err)
	}
	for n := range body {
		if _, _, err := DecodeSealed(body[:n]); !errors.Is(err, ErrSealed) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	sealed := make([]byte, protocol.MinSealed)
	for name, write := range map[string]func(e *protocol.Encoder){
		"a key of 7":      func(e *protocol.Encoder) { e.Array(2); e.Bin(make([]byte, 7)); e.Bin(sealed) },
		"a key of 9":      func(e *protocol.Encoder) { e.Array(2); e.Bin(make([]byte, 9)); e.Bin(sealed) },
		"three fields":    func(e *protocol.Encoder) { e.Array(3); e.Bin(make([]byte, 8)); e.Bin(sealed); e.Uint(0) },
		"text for bytes":  func(e *protocol.Encoder) { e.Array(2); e.Bin(make([]byte, 8)); e.Str(string(sealed)) },
		"bytes behind it": func(e *protocol.Encoder) { e.Raw(body); e.Uint(0) },
		"a long length": func(e *protocol.Encoder) {
			e.Array(2)
			e.Bin(make([]byte, 8))
			e.Raw([]byte{0xc5, 0, 48})
			e.Raw(sealed)
		},
		"a text's body": func(e *protocol.Encoder) { e.Array(2); e.Str("me"); e.Str("hello") },
	} {
		if _, _, err := DecodeSealed(encoded(write)); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzSealedBody(f *testing.F) {
	body, err := EncodeSealed([8]byte{1}, make([]byte, protocol.MinSealed))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Fuzz(func(t *testing.T, body []byte) {
		key, sealed, err := DecodeSealed(body)
		if err != nil {
			return
		}
		if again, err := EncodeSealed(key, sealed); err != nil || !bytes.Equal(again, body) {
			t.Fatalf("%x became %x, %v", body, again, err)
		}
	})
}
