package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// RFC 8032 section 7.1, test 1.
const (
	rfcSeed      = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
	rfcPublic    = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
	rfcSignature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
		"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)

func TestPeerIDAsText(t *testing.T) {
	id := PeerID(unhex(t, rfcPublic))
	s := id.String()
	if s != "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkena" || id.Short() != "25nj" {
		t.Errorf("%s, %s", s, id.Short())
	}
	if got, err := ParsePeerID(strings.ToUpper(s)); err != nil || got != id {
		t.Errorf("%v, %v", got, err)
	}
	b, err := json.Marshal(map[PeerID]PeerID{id: id})
	if err != nil || string(b) != fmt.Sprintf("{%q:%q}", s, s) {
		t.Errorf("%s, %v", b, err)
	}
	var again map[PeerID]PeerID
	if err := json.Unmarshal(b, &again); err != nil || again[id] != id {
		t.Errorf("%v, %v", again, err)
	}
}

// One key has one spelling, else two entries of a contact list could be one person.
func TestParsePeerIDRefuses(t *testing.T) {
	s := PeerID(unhex(t, rfcPublic)).String()
	for what, bad := range map[string]string{
		"nothing":                   "",
		"too short":                 s[:51],
		"too long":                  s + "a",
		"bits beyond the key":       s[:51] + "b",
		"line end":                  s[:26] + "\n" + s[26:],
		"line end for a character":  s[:51] + "\n",
		"padding":                   s + "====",
		"digits that are no base32": "0189" + s[4:],
	} {
		if id, err := ParsePeerID(bad); err == nil {
			t.Errorf("%s: %q is read as %s", what, bad, id)
		}
	}
}

func TestPeerIDOrder(t *testing.T) {
	a, b := PeerID{1}, PeerID{1, 0, 9}
	if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(a) != 0 {
		t.Error("keys are not ordered by their bytes")
	}
	if !(PeerID{}).IsZero() || a.IsZero() {
		t.Error("IsZero")
	}
}

func TestDigestAsText(t *testing.T) {
	d := Digest{0, 1, 0xfe, 0xff}
	b, _ := d.MarshalText()
	var again Digest
	if err := again.UnmarshalText(b); err != nil || again != d || string(b) != "0001feff00000000" {
		t.Errorf("%s is read as %s, %v", b, again, err)
	}
	for _, s := range []string{"", "00", "0001feff0000000", "0001feff0000000g", "0001feff00000000aa"} {
		if err := again.UnmarshalText([]byte(s)); err == nil || again != d {
			t.Errorf("%q is read as %s, %v", s, again, err)
		}
	}
}

func TestNewInstance(t *testing.T) {
	id, err := NewInstance(bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	if err != nil || id.String() != "ffffffff-ffff-4fff-bfff-ffffffffffff" {
		t.Errorf("%s, %v", id, err)
	}
	if _, err := NewInstance(bytes.NewReader(make([]byte, 15))); err == nil {
		t.Error("an instance of 15 random bytes")
	}
}

func TestPathAsText(t *testing.T) {
	p := Path{netip.MustParseAddrPort("10.0.0.2:4000"), 3}
	if p.String() != "10.0.0.2:4000%3" {
		t.Error(p)
	}
}

func TestIdentity(t *testing.T) {
	id, err := NewIdentity(bytes.NewReader(unhex(t, rfcSeed)))
	if err != nil {
		t.Fatal(err)
	}
	if want := PeerID(unhex(t, rfcPublic)); id.ID() != want {
		t.Errorf("public half %x, want %x", id.ID(), want)
	}
	sig := id.Sign(nil)
	if !bytes.Equal(sig, unhex(t, rfcSignature)) {
		t.Errorf("signature %x", sig)
	}
	if !bytes.Equal(id.Seed(), unhex(t, rfcSeed)) {
		t.Error("the seed is another")
	}
	if _, err := NewIdentity(bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("an identity of 31 random bytes")
	}
	if _, err := IdentityFromSeed(make([]byte, 33)); err == nil {
		t.Error("an identity of 33 bytes")
	}
}

func TestVerifySignature(t *testing.T) {
	id := PeerID(unhex(t, rfcPublic))
	sig := unhex(t, rfcSignature)
	if !VerifySignature(id, nil, sig) {
		t.Fatal("a good signature is refused")
	}
	if VerifySignature(id, []byte{0}, sig) {
		t.Error("a signature over something else")
	}
	if VerifySignature(PeerID{1}, nil, sig) {
		t.Error("somebody else's signature")
	}
	for _, b := range [][]byte{nil, sig[:63], append(bytes.Clone(sig), 0)} {
		if VerifySignature(id, nil, b) {
			t.Errorf("a signature of %d bytes", len(b))
		}
	}
	for i := range 8 * len(sig) {
		b := bytes.Clone(sig)
		b[i/8] ^= 1 << (i % 8)
		if VerifySignature(id, nil, b) {
			t.Fatalf("bit %d flipped", i)
		}
	}
	// The same signature with S + L instead of S (RFC 8032 section 5.1.7): one entry must not have two signatures.
	order := unhex(t, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	b := bytes.Clone(sig)
	carry := 0
	for i := range order {
		n := int(b[32+i]) + int(order[i]) + carry
		b[32+i], carry = byte(n), n>>8
	}
	if VerifySignature(id, nil, b) {
		t.Error("S is not below the order")
	}
}

// Whatever prints an identity or a network, by whatever verb or encoder, must not print its secret.
func TestSecretsDoNotPrint(t *testing.T) {
	id, err := IdentityFromSeed(unhex(t, rfcSeed))
	if err != nil {
		t.Fatal(err)
	}
	closed := &Network{name: "home", closed: true, secret: [32]byte(unhex(t, rfcSeed))}
	secrets := []string{rfcSeed, strings.ToUpper(rfcSeed), "157 97 177", "157, 97, 177", "0x9d, 0x61", "nWGxne", "\x9d\x61\xb1"}
	for _, v := range []any{id, *id, closed, *closed, []any{id, *closed}, struct {
		I *Identity
		N Network
	}{id, *closed}} {
		var outputs []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%c", "%T"} {
			outputs = append(outputs, fmt.Sprintf(verb, v))
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range append(outputs, string(b)) {
			for _, secret := range secrets {
				if strings.Contains(s, secret) {
					t.Errorf("%T prints as %s", v, s)
				}
			}
		}
	}
	if got := fmt.Sprintf("%v, %s", id, closed); got != "identity 25nj, network home" {
		t.Error(got)
	}
}
