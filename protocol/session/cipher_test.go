package session

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"earshot/protocol"
)

// cipherAt is where in the payload of messages 2 and 3 the ciphers stand.
const cipherAt = 1 + 34 + 18 + 2

// equipped is two endpoints that have ciphers.
func equipped(t testing.TB, a, b cipherSet) (*Endpoint, *Endpoint) {
	t.Helper()
	x := newEndpoint(t, 1, protocol.Instance{1}, protocol.OpenNetwork())
	y := newEndpoint(t, 2, protocol.Instance{2}, protocol.OpenNetwork())
	x.self.ciphers, y.self.ciphers = a, b
	return x, y
}

// under is a session with a cipher, initiator first.
func under(t testing.TB, c Cipher) (*Session, *Session) {
	t.Helper()
	set := cipherSet(0)
	if c == AES256GCM {
		set = setAES
	}
	a, b := equipped(t, set, set)
	return meet(t, time.Time{}, a, b)
}

func TestTheCipherThatBothHave(t *testing.T) {
	for _, c := range []struct {
		a, b cipherSet
		want Cipher
	}{
		{0, 0, ChaCha20Poly1305},
		{setAES, 0, ChaCha20Poly1305},
		{0, setAES, ChaCha20Poly1305},
		{setAES, setAES, AES256GCM},
		{0xff, setAES, AES256GCM},
		{0xff, 0xff ^ setAES, ChaCha20Poly1305},
	} {
		a, b := equipped(t, c.a, c.b)
		// The second session is a rekeyed one, begun by the other side.
		for range 2 {
			i, r := meet(t, time.Time{}, a, b)
			if i.Cipher() != c.want || r.Cipher() != c.want {
				t.Errorf("%02x and %02x: %v and %v", c.a, c.b, i.Cipher(), r.Cipher())
			}
			for _, way := range [][2]*Session{{i, r}, {r, i}, {i, r}} {
				got, _, err := way[1].Open(seal(t, way[0], "hello"))
				if err != nil || string(got) != "hello" {
					t.Errorf("%02x and %02x: %q, %v", c.a, c.b, got, err)
				}
			}
			a, b = b, a
		}
	}
}

func TestConfigTellsTheCiphers(t *testing.T) {
	for has, want := range map[bool]cipherSet{false: 0, true: setAES} {
		e := newEndpoint(t, 1, protocol.Instance{1}, protocol.OpenNetwork())
		c := Config{Identity: e.self.identity, Network: protocol.OpenNetwork(), Instance: protocol.Instance{1}, Rand: bytes.NewReader(count(0, 64)), AES: has}
		e, err := NewEndpoint(c)
		if err != nil || e.self.ciphers != want {
			t.Errorf("AES %v: %02x, %v", has, e.self.ciphers, err)
		}
	}
}

// A packet is what the SPEC says, computed here without the code of Session.
func TestPacketsAreSealedAsTheSpecSays(t *testing.T) {
	x := record(t)
	block, err := aes.NewCipher(x.toR[:])
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	chacha, err := chacha20poly1305.New(x.toR[:])
	if err != nil {
		t.Fatal(err)
	}
	for c, a := range map[Cipher]cipher.AEAD{AES256GCM: gcm, ChaCha20Poly1305: chacha} {
		s := &Session{remote: x.r.index, next: 0x0102030405}
		s.setKeys(c, x.toR, x.toI)
		data := seal(t, s, "hello")
		nonce := binary.LittleEndian.AppendUint64(make([]byte, 4), 0x0102030405)
		if want := a.Seal(nil, nonce, []byte("hello"), data[:19]); !bytes.Equal(data[21:], want) {
			t.Errorf("%v: %x, want %x", c, data[21:], want)
		}
	}
}

// Whoever changes on the way which ciphers a side has, though he can compute the code in front anew, stops nothing
// and gets no session.
func TestCiphersCannotBeTakenAway(t *testing.T) {
	a, b := equipped(t, setAES, setAES)
	a.Connect(time.Time{}, b.self.instance, protocol.Path{})
	if err := b.Receive(time.Time{}, protocol.Path{}, protocol.KindHandshake1, sent(t, a).Data); err != nil {
		t.Fatal(err)
	}
	attack := func(to *Endpoint, kind protocol.Kind, data []byte) {
		t.Helper()
		bad := bytes.Clone(data)
		noise := parsed(t, kind, bad).noise
		noise[len(noise)-tagSize-proofSize+cipherAt] ^= byte(setAES)
		wantErr(t, to.Receive(time.Time{}, protocol.Path{}, kind, resign(to, kind, bad)), ErrAuth)
		if out := to.Output(); len(out.Established) != 0 || len(out.Sends) != 0 {
			t.Errorf("%v: %d sessions, %d datagrams", kind, len(out.Established), len(out.Sends))
		}
		if err := to.Receive(time.Time{}, protocol.Path{}, kind, data); err != nil {
			t.Errorf("%v: the right one: %v", kind, err)
		}
	}
	attack(a, protocol.KindHandshake2, sent(t, b).Data)
	out := a.Output()
	attack(b, protocol.KindHandshake3, out.Sends[0].Data)
	if i, r := out.Established[0], b.Output().Established[0]; i.Cipher() != AES256GCM || r.Cipher() != AES256GCM {
		t.Errorf("%v and %v", i.Cipher(), r.Cipher())
	}
}

func BenchmarkSeal(b *testing.B) {
	each(b, func(b *testing.B, s, _ *Session, payload []byte) {
		buf := make([]byte, 0, len(payload)+Overhead)
		for b.Loop() {
			if _, _, err := s.Seal(buf, payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Open overwrites what it opens, so each turn copies the datagram and forgets its number.
func BenchmarkOpen(b *testing.B) {
	each(b, func(b *testing.B, s, r *Session, payload []byte) {
		data := seal(b, s, string(payload))
		buf := make([]byte, len(data))
		for b.Loop() {
			copy(buf, data)
			r.window.seen[0] = 0 // the number is 0
			if _, _, err := r.Open(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// each runs f for both ciphers and for datagrams of some sizes.
func each(b *testing.B, f func(b *testing.B, s, r *Session, payload []byte)) {
	for _, c := range []Cipher{ChaCha20Poly1305, AES256GCM} {
		for _, size := range []int{100, 1200, 1452} {
			b.Run(fmt.Sprintf("%v/%d", c, size), func(b *testing.B) {
				s, r := under(b, c)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				f(b, s, r, make([]byte, size-Overhead))
			})
		}
	}
}

func BenchmarkParsePacket(b *testing.B) {
	s, _ := under(b, AES256GCM)
	data := seal(b, s, string(make([]byte, 1200-Overhead)))
	for b.Loop() {
		if _, ok := parsePacket(data); !ok {
			b.Fatal("refused")
		}
	}
}
