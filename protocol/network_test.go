package protocol

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
)

func counting(from byte) (id PeerID) {
	for i := range id {
		id[i] = from + byte(i)
	}
	return id
}

func TestOpenNetworkVectors(t *testing.T) {
	n := OpenNetwork()
	slice := func(b [32]byte) []byte { return b[:] }
	room := func(id RoomID) []byte { return id[:] }
	values := map[string][]byte{
		"id": slice(n.ID()), "psk": slice(n.PSK()), "mac": slice(n.MACKey()), "cookie": slice(n.CookieKey()),
		"room lobby": room(n.PublicRoom("lobby")), "room küche": room(n.PublicRoom("küche")),
		"direct": room(n.DirectRoom(counting(0x40), counting(0x10))),
	}
	vectors := readVectors(t, "network")
	if len(vectors) != len(values) {
		t.Errorf("%d vectors for %d values", len(vectors), len(values))
	}
	for _, v := range vectors {
		if got := values[v.Want]; !bytes.Equal(got, v.Data) {
			t.Errorf("%s is %x, want %x", v.Want, got, v.Data)
		}
	}
}

func TestRoomsHaveDifferentNames(t *testing.T) {
	open, closed := OpenNetwork(), &Network{name: "home", closed: true, secret: [32]byte{1}}
	a, b, c := counting(1), counting(2), counting(3)
	if open.DirectRoom(a, b) != open.DirectRoom(b, a) {
		t.Error("a conversation has two names")
	}
	seen := map[RoomID]string{}
	for what, id := range map[string]RoomID{
		"lobby": open.PublicRoom("lobby"), "go": open.PublicRoom("go"), "Lobby": open.PublicRoom("Lobby"),
		"a b": open.DirectRoom(a, b), "a c": open.DirectRoom(a, c), "a a": open.DirectRoom(a, a),
		"closed lobby": closed.PublicRoom("lobby"), "closed a b": closed.DirectRoom(a, b),
		"name of a and b": open.PublicRoom(string(a[:]) + string(b[:])),
	} {
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s are one room", what, other)
		}
		seen[id] = what
		if id.Version() != 8 || id.Variant() != uuid.RFC4122 {
			t.Errorf("%s: version %d, %s", what, id.Version(), id.Variant())
		}
	}
}

func TestKeysOfNetworksDiffer(t *testing.T) {
	open, closed := OpenNetwork(), &Network{name: "home", closed: true, secret: [32]byte{1}}
	seen := map[[32]byte]bool{}
	for _, n := range []*Network{open, closed} {
		for _, key := range [][32]byte{n.ID(), n.PSK(), n.MACKey(), n.CookieKey(), n.secret} {
			if seen[key] {
				t.Errorf("%s has a key twice", n)
			}
			seen[key] = true
		}
	}
	if open.Closed() || !closed.Closed() || open.Name() != "open" || closed.Name() != "home" {
		t.Error("open or closed")
	}
}
