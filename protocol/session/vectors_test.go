package session

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flynn/noise"

	"earshot/protocol"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

// vectors writes golden values: comment, hexadecimal, expectation.
type vectors struct{ strings.Builder }

func (v *vectors) note(lines string) {
	fmt.Fprintf(v, "# %s\n", strings.ReplaceAll(lines, "\n", "\n# "))
}

func (v *vectors) add(comment string, data []byte, expectation string) {
	v.WriteString("\n")
	v.note(comment)
	for h := hex.EncodeToString(data); h != ""; {
		n := min(len(h), 112)
		v.WriteString(h[:n] + "\n")
		h = h[n:]
	}
	fmt.Fprintf(v, "= %s\n", expectation)
}

// check compares with the file.
func (v *vectors) check(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join("..", "testdata", "vectors", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(v.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if v.String() != string(want) {
		t.Errorf("%s says something else; now:\n%s", file, v)
	}
}

// count is n bytes that count up.
func count(from byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}

// side is one end with fixed keys.
type side struct {
	self
	secret ephemeral
	seed   []byte
	index  uint32
	noise  *noise.HandshakeState
}

func fixed(t testing.TB, from byte, index uint32) *side {
	t.Helper()
	s := &side{seed: count(from, 32), index: index, secret: ephemeral(count(from+0x40, 32))}
	identity, err := protocol.IdentityFromSeed(s.seed)
	if err != nil {
		t.Fatal(err)
	}
	static, err := suite.GenerateKeypair(bytes.NewReader(count(from+0x20, 32)))
	if err != nil {
		t.Fatal(err)
	}
	network := protocol.OpenNetwork()
	s.self = self{
		identity: identity, static: static, network: network.ID(), psk: network.PSK(),
		instance: protocol.Instance(count(from+0x60, 16)),
	}
	return s
}

// recorded is a handshake of two fixed ends.
type recorded struct {
	i, r         *side
	data         [3][]byte
	hash         [3][32]byte
	toR, toI     [32]byte
	iProof, rOne proof
}

func record(t testing.TB) recorded {
	t.Helper()
	x := recorded{i: fixed(t, 0x00, 0x01020304), r: fixed(t, 0x80, 0x0a0b0c0d)}
	x.i.ciphers, x.r.ciphers = setAES, setAES|0x80 // one bit that nobody knows
	key := protocol.OpenNetwork().MACKey()
	mac, l := newCode(key[:]), link{x.i.index, x.r.index}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var m []byte
	var err error
	x.i.noise, m, err = x.i.write1(&x.i.secret, x.r.instance)
	must(err)
	x.data[0] = appendHandshake(nil, protocol.KindHandshake1, x.i.index, 0, m, mac)
	x.r.noise, _, _, err = x.r.read1(&x.r.secret, m)
	must(err)
	x.hash[0] = transcript(x.r.noise)
	m, err = x.r.write2(x.r.noise, l)
	must(err)
	x.data[1] = appendHandshake(nil, protocol.KindHandshake2, x.r.index, x.i.index, m, mac)
	x.rOne, err = x.i.read2(x.i.noise, m, l)
	must(err)
	x.hash[1] = transcript(x.i.noise)
	m, x.toR, x.toI, err = x.i.write3(x.i.noise, l)
	must(err)
	x.data[2] = appendHandshake(nil, protocol.KindHandshake3, x.i.index, x.r.index, m, mac)
	x.iProof, _, _, err = x.r.read3(x.r.noise, m, l)
	must(err)
	x.hash[2] = transcript(x.r.noise)
	return x
}

func TestHandshakeVectors(t *testing.T) {
	x := record(t)
	if x.iProof.peer != x.i.identity.ID() || x.rOne.peer != x.r.identity.ID() {
		t.Error("the wrong identities")
	}
	network := protocol.OpenNetwork()
	id, psk, mac := network.ID(), network.PSK(), network.MACKey()
	var v vectors
	v.note("A handshake in the open network (SPEC sections 4.2 to 4.4): what goes in, then the datagrams with what both\n" +
		"sides have after each.")
	v.add("The network.", id[:], "network id")
	v.add("The pre-shared key.", psk[:], "psk")
	v.add("The key of the codes in front.", mac[:], "mac key")
	for _, s := range []struct {
		name string
		*side
	}{{"initiator", x.i}, {"responder", x.r}} {
		peer := s.identity.ID()
		v.add("The "+s.name+".", s.seed, s.name+" identity seed")
		v.add("Its public key.", peer[:], s.name+" identity "+peer.String())
		v.add("Its run.", s.instance[:], s.name+" instance "+s.instance.String())
		v.add("Its ciphers.", []byte{byte(s.ciphers)}, s.name+" ciphers")
		v.add("Its Noise key pair.", s.static.Private, s.name+" static private")
		v.add("The public half.", s.static.Public, s.name+" static public")
		v.add("Its ephemeral key.", s.secret[:], s.name+" ephemeral private")
	}
	for i, data := range x.data {
		v.add(fmt.Sprintf("Message %d; the indices are 01020304 and 0a0b0c0d.", i+1), data, fmt.Sprintf("handshake %d", i+1))
		v.add("The handshake hash after it.", x.hash[i][:], fmt.Sprintf("hash %d", i+1))
	}
	l := link{x.i.index, x.r.index}
	v.add("What the responder signs in message 2.", x.r.statement(roleResponder, x.hash[0], l, x.r.ciphers, x.r.static.Public), "statement 2")
	v.add("What the initiator signs in message 3.", x.i.statement(roleInitiator, x.hash[1], l, x.i.ciphers, x.i.static.Public), "statement 3")
	v.add("The key of packets to the responder.", x.toR[:], "key to responder")
	v.add("The key of packets to the initiator.", x.toI[:], "key to initiator")
	v.check(t, "session-handshake")
}

func TestCookieVectors(t *testing.T) {
	x := record(t)
	key := protocol.OpenNetwork().CookieKey()
	cookie, nonce := [cookieSize]byte(count(0xc0, cookieSize)), count(0xd0, nonceSize)
	mac := parsed(t, protocol.KindHandshake1, x.data[0]).mac
	reply := appendCookie(nil, x.i.index, nonce, sealCookie(key, nonce, cookie, mac))
	c, ok := parseCookie(reply)
	if opened, err := openCookie(key, c, mac); !ok || err != nil || !bytes.Equal(opened, cookie[:]) {
		t.Errorf("opened %x, %v", opened, err)
	}
	var v vectors
	v.note("A cookie in the open network (SPEC section 4.5), asked for by message 1 of session-handshake.txt.")
	v.add("The key of cookies.", key[:], "cookie key")
	v.add("The cookie: 16 bytes that only their maker can check.", cookie[:], "cookie")
	v.add("The datagram.", reply, "cookie datagram")
	v.add("Message 1 that shows it.", withCookie(x.data[0], cookie[:]), "handshake 1 with cookie")
	v.check(t, "session-cookie")
}

func TestPacketVectors(t *testing.T) {
	x := record(t)
	var v vectors
	v.note("Packets of the session of session-handshake.txt (SPEC section 4.7), to the responder: under AES-256-GCM, which both\n" +
		"sides have, and as they would be under ChaCha20-Poly1305 if one had it not.")
	for _, p := range []struct {
		comment string
		number  uint64
		payload []byte
	}{
		{"The first packet, with a ping.", 0, []byte{0x91, 0x02}},
		{"Number 2^32+1, and the longest payload with a length of one byte.", 1<<32 + 1, bytes.Repeat([]byte{0x91, 0x02}, 119)},
		{"One byte more, and two bytes of length.", 1<<32 + 2, append(bytes.Repeat([]byte{0x91, 0x02}, 119), 0x90, 0x90)},
	} {
		v.add(p.comment, p.payload, "payload")
		for _, c := range []Cipher{x.iProof.ciphers.common(x.rOne.ciphers), ChaCha20Poly1305} {
			s := &Session{local: x.i.index, remote: x.r.index, next: p.number}
			s.setKeys(c, x.toR, x.toI)
			data, _, err := s.Seal(nil, p.payload)
			if err != nil {
				t.Fatal(err)
			}
			v.add("Under "+c.String()+".", data, fmt.Sprintf("packet %d", p.number))
		}
	}
	v.check(t, "session-packet")
}

// Every golden datagram passes the strict scan as what it is.
func TestVectorsAreDatagrams(t *testing.T) {
	x := record(t)
	for i, kind := range []protocol.Kind{protocol.KindHandshake1, protocol.KindHandshake2, protocol.KindHandshake3} {
		if got, err := protocol.ParseKind(x.data[i]); err != nil || got != kind {
			t.Errorf("message %d is a %v: %v", i+1, got, err)
		}
	}
}
