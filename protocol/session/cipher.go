package session

import (
	"crypto/aes"
	"crypto/cipher"

	"golang.org/x/crypto/chacha20poly1305"
)

// Cipher is what seals the packets of a session (SPEC section 4.7). Both have keys of 32, nonces of 12 and tags of 16 bytes.
type Cipher uint8

// The packet ciphers. ChaCha20Poly1305 is what everybody has, and never slow; AES256GCM is three times as fast,
// but in hardware only: without, it is slow and hard to keep from leaking the key through the time it takes.
const (
	ChaCha20Poly1305 Cipher = iota
	AES256GCM
)

func (c Cipher) String() string {
	if c == AES256GCM {
		return "AES-256-GCM"
	}
	return "ChaCha20-Poly1305"
}

// cipherSet is the byte by which each side tells which ciphers it has beside ChaCha20Poly1305 (SPEC section 4.3).
// Bits that are not known here are ignored.
type cipherSet uint8

const setAES cipherSet = 1 << 0

// common is the cipher of a session between two sides.
func (s cipherSet) common(other cipherSet) Cipher {
	if s&other&setAES != 0 {
		return AES256GCM
	}
	return ChaCha20Poly1305
}

func (c Cipher) aead(key [32]byte) cipher.AEAD {
	var a cipher.AEAD
	var err error
	if c == AES256GCM {
		var block cipher.Block
		if block, err = aes.NewCipher(key[:]); err == nil {
			a, err = cipher.NewGCM(block)
		}
	} else {
		a, err = chacha20poly1305.New(key[:])
	}
	if err != nil {
		panic(err) // only another length of key is refused
	}
	return a
}
