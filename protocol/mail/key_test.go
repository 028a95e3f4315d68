package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

func TestStatementComesBackAsItWasSigned(t *testing.T) {
	bob := owns(t, "bob")
	key, _ := bob.ring.Current()
	blob := Statement(bob.id, lan, key)
	if len(blob) > protocol.MaxSelfKey {
		t.Errorf("%d bytes do not fit a Self", len(blob))
	}
	k, err := ParseStatement(blob, bob.id.ID(), lan)
	if err != nil {
		t.Fatal(err)
	}
	if k.Owner() != bob.id.ID() || k.Key() != key || !k.Key().Created.Equal(noon) {
		t.Errorf("got %+v", k)
	}
	sum := sha256.Sum256(key.Public[:])
	if id := k.ID(); !bytes.Equal(id[:], sum[:8]) {
		t.Errorf("id %s", id)
	}
	if !bytes.Equal(k.Statement(), blob) {
		t.Errorf("written again as\n%x, was\n%x", k.Statement(), blob)
	}
	if again, err := ParseStatement(k.Statement(), bob.id.ID(), lan); again != k || err != nil {
		t.Errorf("kept and read again: %v, %v", again, err)
	}
}

func TestNoPartOfAStatementCanBeChanged(t *testing.T) {
	bob := owns(t, "bob")
	blob := bob.tells().Statement()
	for n := range blob {
		if _, err := ParseStatement(blob[:n], bob.id.ID(), lan); !errors.Is(err, ErrStatement) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := ParseStatement(append(bytes.Clone(blob), 0), bob.id.ID(), lan); !errors.Is(err, ErrStatement) {
		t.Errorf("a byte too many: %v", err)
	}
	flips(blob, func(bit int, b []byte) {
		if _, err := ParseStatement(b, bob.id.ID(), lan); err == nil {
			t.Fatalf("bit %d flipped, and it passes", bit)
		}
	})
}

func TestStatementIsOfOneOwnerInOneNetwork(t *testing.T) {
	bob := owns(t, "bob")
	blob := bob.tells().Statement()
	if _, err := ParseStatement(blob, who("mallory").ID(), lan); !errors.Is(err, ErrSignature) {
		t.Errorf("mallory tells bob's key as hers: %v", err)
	}
	if _, err := ParseStatement(blob, bob.id.ID(), new(protocol.Network)); !errors.Is(err, ErrSignature) {
		t.Errorf("told in another network: %v", err)
	}
}

// forged is a statement of bob's with other fields, correctly signed: only the rule under test can refuse it.
func forged(head string, fields ...string) []byte {
	b, err := hex.DecodeString(head + strings.Join(fields, ""))
	if err != nil {
		panic(err)
	}
	b = append(b, 0xc4, 64)
	b = append(b, make([]byte, 64)...)
	copy(b[len(b)-64:], who("bob").Sign(stated(lan.ID(), b)))
	return b
}

func TestHostileStatements(t *testing.T) {
	const (
		version = "01"
		created = "cf0000018bcfe5687b"
	)
	key, _ := owns(t, "bob").ring.Current()
	public := "c420" + hex.EncodeToString(key.Public[:])
	if _, err := ParseStatement(forged("94", version, public, created), who("bob").ID(), lan); err != nil {
		t.Fatalf("the forgery before it is changed: %v", err)
	}
	for name, blob := range map[string][]byte{
		"empty":                    {},
		"an array that is not":     {0xdd, 0xff, 0xff, 0xff, 0xff},
		"a bin that is not":        {0xc6, 0xff, 0xff, 0xff, 0xfe},
		"version 2":                forged("94", "02", public, created),
		"version as a long one":    forged("94", "cc01", public, created),
		"three fields":             forged("93", public, created),
		"five fields":              forged("95", version, public, created, "00"),
		"a long array":             forged("dc0004", version, public, created),
		"a key of 31 bytes":        forged("94", version, "c41f"+public[6:], created),
		"a key of 33 bytes":        forged("94", version, "c421"+public[4:]+"00", created),
		"a key as text":            forged("94", version, "d920"+strings.Repeat("61", 32), created),
		"a key with a long length": forged("94", version, "c50020"+public[4:], created),
		"created as a long one":    forged("94", version, public, "ce00000001"),
		"created signed":           forged("94", version, public, "d001"),
		"created after all":        forged("94", version, public, "cf0000800000000000"),
		"created as nil":           forged("94", version, public, "c0"),
		"longer than a Self has":   forged("94", version, public, created, "c4c8"+strings.Repeat("00", 200)),
		"key zero":                 forged("94", version, "c420"+strings.Repeat("00", 32), created),
		"key one":                  forged("94", version, "c42001"+strings.Repeat("00", 31), created),
		"key of order 8": forged("94", version,
			"c420e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", created),
		"the other key of order 8": forged("94", version,
			"c4205f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", created),
		"key p - 1": forged("94", version, "c420ec"+strings.Repeat("ff", 30)+"7f", created),
	} {
		if _, err := ParseStatement(blob, who("bob").ID(), lan); !errors.Is(err, ErrStatement) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseStatement(forged("94", version, public, "cf00007fffffffffff"), who("bob").ID(), lan); err != nil {
		t.Errorf("created as late as may be: %v", err)
	}
}

func TestSignatureIsForStatementsAlone(t *testing.T) {
	bob := owns(t, "bob")
	blob := bob.tells().Statement()
	network := lan.ID()
	for name, message := range map[string][]byte{
		"no context":      append(network[:], blob[:len(blob)-signatureSize]...),
		"an entry's":      append([]byte("earshot 1 entry\x00"), blob[:len(blob)-signatureSize]...),
		"without network": append([]byte(statementContext), blob[:len(blob)-signatureSize]...),
	} {
		b := bytes.Clone(blob)
		copy(b[len(b)-64:], bob.id.Sign(message))
		if _, err := ParseStatement(b, bob.id.ID(), lan); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStatementOfATimeThatNobodyAccepts(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a key created before 1970 was stated")
		}
	}()
	Statement(who("bob"), lan, Key{Created: time.UnixMilli(-1)})
}
