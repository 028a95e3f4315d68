package mail

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot/protocol"
	"earshot/protocol/replica"
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

func object(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func counted(t *testing.T, from byte) *protocol.Identity {
	return must[*protocol.Identity](t)(protocol.IdentityFromSeed(count(from, 32)))
}

func TestMailVectors(t *testing.T) {
	alice, bob := counted(t, 0x00), counted(t, 0x80)
	own := must[pair](t)(pairOf([32]byte(count(0xc0, 32)), noon))
	ring := &Ring{keys: []pair{own}}
	var v vectors
	v.note("Sealed direct messages (SPEC section 7.7) in the open network.\n" +
		"The author's Ed25519 seed is 00 01 .. 1f, the recipient's 80 81 .. 9f; the private half of his mail key is the X25519\n" +
		"scalar c0 c1 .. df, before clamping.")

	v.add("The public half, and the key's id.", own.key.Public[:], "id "+own.key.ID().String())
	refused := func(comment string, blob []byte) {
		_, err := ParseStatement(blob, bob.ID(), lan)
		if err == nil {
			t.Errorf("%s: accepted", comment)
		}
		v.add(comment, blob, "refused: "+err.Error())
	}
	blob := Statement(bob, lan, own.key)
	k := must[PublicKey](t)(ParseStatement(blob, bob.ID(), lan))
	v.add("The statement, in the recipient's Self.", blob,
		"statement "+object(map[string]any{"created": noon.UnixMilli(), "id": k.ID().String()}))
	refused("Signed by the author instead.", Statement(alice, lan, own.key))
	refused("Of another time than was signed.", bytes.Replace(blob, []byte{0xcf, 0, 0, 1}, []byte{0xcf, 0, 0, 2}, 1))
	refused("A key of small order, correctly signed.", Statement(bob, lan, Key{Created: noon}))

	// crypto/hpke draws the ephemeral key, so these are sealed by the implementation in hpke_test.go and opened by ours.
	a := alice.ID()
	place := Place{lan, replica.Log{Room: lan.DirectRoom(a, bob.ID()), Author: a, Epoch: 300}, 1, bob.ID()}
	v.add("The info of HPKE for the recipient's key at number 1 of epoch 300 of the author's log.", place.info(), "info")
	e := must[*ecdh.PrivateKey](t)(ecdh.X25519().NewPrivateKey(count(0xa0, 32)))
	line := func(comment string, p Place, kind replica.EntryKind, name, text string) []byte {
		body := must[[]byte](t)(replica.EncodeSealed(own.key.ID(), sealWith(t, e, own.key.Public, p.info(), nil, plain(kind, name, text))))
		gotKind, gotName, gotText, err := Open(ring, p, body)
		if gotKind != kind || gotName != name || gotText != text || err != nil {
			t.Errorf("%s: %s %q %q, %v", comment, gotKind, gotName, gotText, err)
		}
		v.add(comment, body, "line "+object(map[string]any{"seq": p.Seq, "kind": kind, "name": name, "text": text}))
		return body
	}
	body := line("The body of that entry. The private half of the ephemeral key is a0 a1 .. bf.", place, replica.KindText, "alice", "Are you there?")
	second := place
	second.Seq = 2
	line("The next one.", second, replica.KindAction, "", "")
	_, _, _, err := Open(ring, second, body)
	v.add("The first body at number 2.", body, "refused: "+err.Error())
	stranger := bytes.Clone(body)
	stranger[3]++
	_, _, _, err = Open(ring, place, stranger)
	v.add("Sealed to a key that is not there.", stranger, "refused: "+err.Error())

	entry := replica.Sign(alice, replica.Entry{Log: place.Log, Seq: 1, Lamport: 1, Wall: noon, Kind: replica.KindSealed, Body: body})
	id, hash := entry.ID(), entry.Hash()
	v.add("The whole entry with the first body: clock 1, wall time 1700000000123 ms.", entry.Raw(),
		"entry "+object(map[string]any{"id": id.String(), "hash": hex.EncodeToString(hash[:])}))
	v.check(t, "mail")
}
