package mail

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"earshot/protocol/replica"
)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// sealWith is HPKE in base mode (RFC 9180 sections 4.1 and 5.1) written from the text of the RFC, with the suite and the
// ephemeral key as they are given: what crypto/hpke does in one call, with a key that it draws.
func sealWith(t testing.TB, e *ecdh.PrivateKey, public [32]byte, info, aad, plain []byte) []byte {
	t.Helper()
	recipient := must[*ecdh.PublicKey](t)(ecdh.X25519().NewPublicKey(public[:]))
	extract := func(suite string, salt []byte, label string, ikm []byte) []byte {
		return must[[]byte](t)(hkdf.Extract(sha256.New, append([]byte("HPKE-v1"+suite+label), ikm...), salt))
	}
	expand := func(suite string, prk []byte, label string, info []byte, n int) []byte {
		labeled := binary.BigEndian.AppendUint16(nil, uint16(n))
		labeled = append(append(labeled, "HPKE-v1"+suite+label...), info...)
		return must[[]byte](t)(hkdf.Expand(sha256.New, prk, string(labeled), n))
	}
	const kemSuite, suite = "KEM\x00\x20", "HPKE\x00\x20\x00\x01\x00\x03"
	enc := e.PublicKey().Bytes()
	prk := extract(kemSuite, nil, "eae_prk", must[[]byte](t)(e.ECDH(recipient)))
	shared := expand(kemSuite, prk, "shared_secret", append(bytes.Clone(enc), public[:]...), 32)
	context := append([]byte{0}, extract(suite, nil, "psk_id_hash", nil)...)
	context = append(context, extract(suite, nil, "info_hash", info)...)
	secret := extract(suite, shared, "secret", nil)
	key := expand(suite, secret, "key", context, 32)
	nonce := expand(suite, secret, "base_nonce", context, 12)
	box, err := chacha20poly1305.New(key)
	if err != nil {
		t.Fatal(err)
	}
	return box.Seal(enc, nonce, plain, aad)
}

func unhex(t testing.TB, s string) []byte { return must[[]byte](t)(hex.DecodeString(s)) }

// RFC 9180 section A.2.1, the first encryption: the suite of SPEC section 7.7.2 is the one of the RFC.
func TestRFC9180(t *testing.T) {
	var (
		ephemeral  = unhex(t, "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600")
		secret     = unhex(t, "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb")
		public     = unhex(t, "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a")
		enc        = unhex(t, "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a")
		info       = unhex(t, "4f6465206f6e2061204772656369616e2055726e")
		aad        = unhex(t, "436f756e742d30")
		plain      = unhex(t, "4265617574792069732074727574682c20747275746820626561757479")
		ciphertext = unhex(t, "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28")
	)
	r, err := hpke.NewRecipient(enc, must[hpke.PrivateKey](t)(kem.NewPrivateKey(secret)), kdf, aead, info)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Open(aad, ciphertext); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("opened %q, %v", got, err)
	}
	e := must[*ecdh.PrivateKey](t)(ecdh.X25519().NewPrivateKey(ephemeral))
	if got := sealWith(t, e, [32]byte(public), info, aad, plain); !bytes.Equal(got, append(enc, ciphertext...)) {
		t.Errorf("the other implementation sealed %x", got)
	}
}

// A second implementation, which has only the RFC and the SPEC, can write to us.
func TestOtherImplementationSeals(t *testing.T) {
	bob := owns(t, "bob")
	place := bob.from("alice", 3)
	plain := append([]byte{0x93, 2, 0xa5}, "alice\xa5waves"...)
	box := sealWith(t, ephemeral(t), bob.tells().Key().Public, place.info(), nil, plain)
	id := bob.tells().ID()
	body := append(append(append([]byte{0x92, 0xc4, 8}, id[:]...), 0xc4, byte(len(box))), box...)
	kind, name, text, err := Open(bob.ring, place, body)
	if kind != replica.KindAction || name != "alice" || text != "waves" || err != nil {
		t.Errorf("%s %q %q, %v", kind, name, text, err)
	}
}
