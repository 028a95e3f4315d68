package replica

import (
	"bytes"
	"testing"

	"earshot/protocol"
)

// What verifies is what its author signed: written again from its fields it gives the same bytes.
func FuzzVerify(f *testing.F) {
	w := writes("alice", 300)
	for _, v := range w.says(3) {
		f.Add(v.Raw())
	}
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0xc6, 0xff, 0xff, 0xff, 0xfe})
	f.Fuzz(func(t *testing.T, raw []byte) {
		log, seq, peekErr := Peek(raw)
		// Only the author's own key makes signatures, so it signs what parses, to get behind the check.
		e, err := parse(raw)
		v, verr := Verify(raw)
		if err != nil {
			if verr == nil {
				t.Fatalf("verified, but %v", err)
			}
			return
		}
		if peekErr != nil || log != e.Log || seq != e.Seq {
			t.Fatalf("peek says %v %d %v, the entry %v %d", log, seq, peekErr, e.Log, e.Seq)
		}
		if verr == nil && !bytes.Equal(v.Raw(), raw) {
			t.Fatal("raw changed")
		}
		again := Sign(who("alice"), e)
		if len(again.raw) != len(raw) || !bytes.Equal(again.raw[36:len(raw)-64], raw[36:len(raw)-64]) {
			t.Fatalf("not canonical:\n%x\n%x", raw, again.raw)
		}
		again.ID()
		again.Text()
	})
}

func FuzzBody(f *testing.F) {
	f.Add([]byte{0x92, 0xa1, 'n', 0xa1, 't'})
	f.Add([]byte{0x92, 0xa0, 0xd9, 0x00})
	f.Fuzz(func(t *testing.T, body []byte) {
		name, text, err := DecodeBody(body)
		if err != nil {
			return
		}
		if len(name) > protocol.MaxName || len(text) > protocol.MaxText {
			t.Fatalf("%d and %d bytes", len(name), len(text))
		}
		again, err := EncodeBody(name, text)
		if err != nil || !bytes.Equal(again, body) {
			t.Fatalf("%x became %x, %v", body, again, err)
		}
	})
}
