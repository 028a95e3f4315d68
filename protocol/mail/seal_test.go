package mail

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// Alice writes to bob, who is away. The entry is signed and chained like any other; carol, who carries it, cannot read
// it, and bob does when he is back.
func TestLineForSomebodyWhoIsAway(t *testing.T) {
	bob, carol := owns(t, "bob"), owns(t, "carol")
	e := replica.Entry{Log: between("alice", bob.id, 300, 1).Log, Seq: 1, Lamport: 1, Wall: noon, Kind: replica.KindSealed}
	body, err := Seal(bob.tells(), PlaceOf(lan, e, bob.id.ID()), replica.KindAction, "alice", "waves")
	if err != nil {
		t.Fatal(err)
	}
	e.Body = body
	raw := replica.Sign(who("alice"), e).Raw()
	if bytes.Contains(raw, []byte("waves")) || bytes.Contains(raw, []byte("alice")) {
		t.Error("it can be read")
	}
	v, err := replica.Verify(raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := v.Text(); ok {
		t.Error("an entry that is sealed has a text")
	}
	if _, _, _, err := Open(carol.ring, PlaceOf(lan, v.Entry(), carol.id.ID()), v.Entry().Body); !errors.Is(err, ErrSealed) {
		t.Errorf("carol opens it: %v", err)
	}
	if _, _, _, err := Open(carol.ring, PlaceOf(lan, v.Entry(), bob.id.ID()), v.Entry().Body); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("carol opens it as bob: %v", err)
	}
	kind, name, text, err := Open(bob.ring, PlaceOf(lan, v.Entry(), bob.id.ID()), v.Entry().Body)
	if kind != replica.KindAction || name != "alice" || text != "waves" || err != nil {
		t.Errorf("bob reads %s %q %q, %v", kind, name, text, err)
	}
}

func TestSealedBodyFitsNoOtherPlace(t *testing.T) {
	bob := owns(t, "bob")
	place := bob.from("alice", 7)
	body := sealed(t, bob.tells(), place, "for this place")
	if text, err := bob.opens(place, body); text != "for this place" || err != nil {
		t.Fatal(text, err)
	}
	closed := new(protocol.Network)
	moved := func(change func(p *Place)) Place {
		p := place
		change(&p)
		return p
	}
	mallory, direct := who("mallory").ID(), func(p *Place) { p.Room = p.Network.DirectRoom(p.Author, p.Recipient) }
	for name, p := range map[string]Place{
		"another number":                  moved(func(p *Place) { p.Seq = 8 }),
		"another epoch":                   moved(func(p *Place) { p.Epoch++ }),
		"epoch and number changed places": moved(func(p *Place) { p.Epoch, p.Seq = p.Seq, p.Epoch }),
		"mallory says it":                 moved(func(p *Place) { p.Author = mallory; direct(p) }),
		"mallory says it in that room":    moved(func(p *Place) { p.Author = mallory }),
		"bob says it":                     moved(func(p *Place) { p.Author, p.Recipient = p.Recipient, p.Author }),
		"in the lobby":                    moved(func(p *Place) { p.Room = lan.PublicRoom("lobby") }),
		"in another network":              moved(func(p *Place) { p.Network = closed; direct(p) }),
		"in another network's room":       moved(func(p *Place) { p.Network = closed }),
		"in no network":                   moved(func(p *Place) { p.Network = nil }),
		"to mallory":                      moved(func(p *Place) { p.Recipient = mallory; direct(p) }),
	} {
		if text, err := bob.opens(p, body); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// Each part of the place counts by itself, not only through the room that it decides.
func TestEveryPartOfThePlaceIsBound(t *testing.T) {
	base := between("alice", who("bob"), 300, 7)
	seen := map[string]bool{string(base.info()): true}
	for i, change := range []func(p *Place){
		func(p *Place) { p.Network = new(protocol.Network) },
		func(p *Place) { p.Room[0]++ },
		func(p *Place) { p.Author[31]++ },
		func(p *Place) { p.Recipient[0]++ },
		func(p *Place) { p.Epoch++ },
		func(p *Place) { p.Seq++ },
	} {
		p := base
		change(&p)
		if info := string(p.info()); seen[info] || len(info) != 15+32+16+32+32+8+8 {
			t.Errorf("change %d is not seen", i)
		} else {
			seen[info] = true
		}
	}
}

func TestNoBitOfASealedBodyCanBeFlipped(t *testing.T) {
	bob := owns(t, "bob")
	place := bob.from("alice", 1)
	body := sealed(t, bob.tells(), place, "hi")
	for n := range body {
		if _, err := bob.opens(place, body[:n]); !errors.Is(err, ErrSealed) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	const id = 1 + 2 // where the key id begins
	// X25519 ignores the highest bit of a point; HPKE does not, since the point's bytes go into the key.
	flips(body, func(bit int, b []byte) {
		_, err := bob.opens(place, b)
		want := ErrSealed
		if bit/8 >= id && bit/8 < id+8 {
			want = ErrUnknownKey
		}
		if !errors.Is(err, want) {
			t.Fatalf("bit %d of byte %d flipped: %v", bit%8, bit/8, err)
		}
	})
}

func TestSameLineIsSealedDifferently(t *testing.T) {
	bob := owns(t, "bob")
	place := bob.from("alice", 1)
	a, b := sealed(t, bob.tells(), place, "yes"), sealed(t, bob.tells(), place, "yes")
	if bytes.Equal(a[13:45], b[13:45]) || bytes.Equal(a[45:], b[45:]) {
		t.Error("the same bytes twice")
	}
	if len(a) != len(b) {
		t.Errorf("%d and %d bytes", len(a), len(b))
	}
}

func TestLongestLineFitsAnEntry(t *testing.T) {
	bob := owns(t, "bob")
	const most = protocol.MaxSafeInteger
	place := between("alice", bob.id, most, most)
	name, text := strings.Repeat("n", protocol.MaxName), strings.Repeat("t", protocol.MaxText)
	body, err := Seal(bob.tells(), place, replica.KindText, name, text)
	if err != nil {
		t.Fatal(err)
	}
	e := replica.Entry{
		Log: place.Log, Seq: most, Previous: [32]byte{1}, Lamport: most, Wall: time.UnixMilli(protocol.MaxWall),
		Kind: replica.KindSealed, Body: body,
	}
	v, err := replica.Verify(replica.Sign(who("alice"), e).Raw())
	if err != nil {
		t.Fatal(err)
	}
	if _, gotName, gotText, err := Open(bob.ring, place, v.Entry().Body); gotName != name || gotText != text || err != nil {
		t.Errorf("%d and %d bytes came back, %v", len(gotName), len(gotText), err)
	}
}

func TestWhatCannotBeSealed(t *testing.T) {
	bob, carol := owns(t, "bob"), owns(t, "carol")
	place := bob.from("alice", 1)
	lobby, closed := place, place
	lobby.Room = lan.PublicRoom("lobby")
	closed.Network = new(protocol.Network)
	closed.Room = closed.Network.DirectRoom(closed.Author, closed.Recipient)
	for name, c := range map[string]struct {
		to    PublicKey
		place Place
		kind  replica.EntryKind
		name  string
		text  string
		want  error
	}{
		"a name too long":    {bob.tells(), place, replica.KindText, strings.Repeat("n", protocol.MaxName+1), "", replica.ErrText},
		"a text too long":    {bob.tells(), place, replica.KindText, "", strings.Repeat("t", protocol.MaxText+1), replica.ErrText},
		"not UTF-8":          {bob.tells(), place, replica.KindText, "", "\xff", replica.ErrText},
		"sealed twice":       {bob.tells(), place, replica.KindSealed, "", "", ErrPlace},
		"an unknown kind":    {bob.tells(), place, 9, "", "", ErrPlace},
		"carol's key":        {carol.tells(), place, replica.KindText, "", "", ErrPlace},
		"nobody's key":       {PublicKey{}, place, replica.KindText, "", "", ErrPlace},
		"in the lobby":       {bob.tells(), lobby, replica.KindText, "", "", ErrPlace},
		"in another network": {bob.tells(), closed, replica.KindText, "", "", ErrPlace},
		"nowhere":            {bob.tells(), Place{}, replica.KindText, "", "", ErrPlace},
	} {
		if body, err := Seal(c.to, c.place, c.kind, c.name, c.text); !errors.Is(err, c.want) || body != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What opens is held to the rules of a line as if it had come in the clear.
func TestSealedNonsense(t *testing.T) {
	bob := owns(t, "bob")
	place := bob.from("mallory", 1)
	line := func(kind uint64, name, text string) []byte {
		return encoded(func(e *protocol.Encoder) { e.Array(3); e.Uint(kind); e.Str(name); e.Str(text) })
	}
	seal := func(b []byte) []byte {
		body, err := replica.EncodeSealed(bob.tells().ID(), sealWith(t, ephemeral(t), bob.tells().Key().Public, place.info(), nil, b))
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	n, x := strings.Repeat("n", protocol.MaxName), strings.Repeat("x", protocol.MaxText)
	if text, err := bob.opens(place, seal(line(2, n, x))); text != x || err != nil {
		t.Fatalf("as long as may be: %v", err)
	}
	for name, b := range map[string][]byte{
		"nothing":          {},
		"kind 0":           line(0, "", ""),
		"sealed within":    line(3, "", ""),
		"an unknown kind":  line(9, "", ""),
		"kind 257":         line(257, "", ""),
		"a name too long":  line(1, n+"n", ""),
		"a text too long":  line(1, "", x+"x"),
		"bytes behind it":  append(line(1, "", ""), 0),
		"two fields":       encoded(func(e *protocol.Encoder) { e.Array(2); e.Str(""); e.Str("") }),
		"text as bytes":    encoded(func(e *protocol.Encoder) { e.Array(3); e.Uint(1); e.Str(""); e.Bin(nil) }),
		"not UTF-8":        {0x93, 1, 0xa0, 0xa1, 0xff},
		"a long encoding":  {0x93, 1, 0xa0, 0xd9, 0},
		"an array too far": {0xdd, 0xff, 0xff, 0xff, 0xff},
	} {
		if text, err := bob.opens(place, seal(b)); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// A point of small order as the sender's key would make a shared secret that everybody knows.
func TestSenderKeyOfSmallOrder(t *testing.T) {
	bob := owns(t, "bob")
	place := bob.from("mallory", 1)
	for _, enc := range [][]byte{make([]byte, 32), append([]byte{1}, make([]byte, 31)...)} {
		body, err := replica.EncodeSealed(bob.tells().ID(), append(enc, make([]byte, 40)...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bob.opens(place, body); !errors.Is(err, ErrSealed) {
			t.Errorf("%x: %v", enc, err)
		}
	}
}

func ephemeral(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{5}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}
