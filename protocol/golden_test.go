package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"earshot/protocol"
	"earshot/protocol/frame"
)

type appender interface{ Append(e *protocol.Encoder) }

func encode(vs ...appender) []byte {
	e := protocol.NewEncoder()
	for _, v := range vs {
		v.Append(e)
	}
	return e.Bytes()
}

// read says what a datagram is, and writes it again. Handshake messages and packets are read no further than their
// kind here, for what follows is the session's.
func read(b []byte) (what string, again []byte, err error) {
	kind, err := protocol.ParseKind(b)
	if err != nil {
		return "", nil, err
	}
	switch kind {
	case protocol.KindAnnouncement:
		a, err := protocol.ParseAnnouncement(b)
		return kind.String() + " " + text(a), encode(a), err
	case protocol.KindCast:
		c, err := protocol.ParseCast(b)
		return kind.String() + " " + text(c), encode(c), err
	case protocol.KindBench:
		var c protocol.BenchCast
		err := c.Parse(b)
		return kind.String() + " " + text(c), encode(&c), err
	}
	return kind.String(), b, nil
}

// readFrames says what the plaintext of a packet is, and writes it again.
func readFrames(b []byte) (what string, again []byte, err error) {
	frames, err := frame.Parse(b)
	if err != nil {
		return "", nil, err
	}
	var parts []string
	var vs []appender
	for _, f := range frames {
		parts = append(parts, f.Type().String()+" "+text(f))
		vs = append(vs, f)
	}
	return strings.Join(parts, " + "), encode(vs...), nil
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func reader(file string) func([]byte) (string, []byte, error) {
	if filepath.Base(file) == "frames.txt" {
		return readFrames
	}
	return read
}

func TestGoldenVectors(t *testing.T) {
	for _, v := range protocol.ReadVectors(t, "header", "announcement", "cast", "bench", "frames") {
		what, again, err := reader(v.File)(v.Data)
		if err != nil {
			what = "refused: " + err.Error()
		} else if !bytes.Equal(again, v.Data) {
			t.Errorf("%s: %s\n%x is written again as\n%x", v.File, v.Comment, v.Data, again)
		}
		if what != v.Want {
			t.Errorf("%s: %s\n got %s\nwant %s", v.File, v.Comment, what, v.Want)
		}
	}
}

// TestNoByteCanBeMisread cuts each golden value short everywhere and flips each of its bits: the result is refused, or
// it is another value that is written as exactly these bytes. There is no third way, so nothing is ever half understood.
func TestNoByteCanBeMisread(t *testing.T) {
	for _, v := range protocol.ReadVectors(t, "header", "announcement", "cast", "bench", "frames") {
		check := func(what string, b []byte) error {
			_, again, err := reader(v.File)(b)
			if err == nil && !bytes.Equal(again, b) {
				t.Errorf("%s, %s: %s\n%x is written again as\n%x", v.File, what, v.Comment, b, again)
			}
			return err
		}
		refused := strings.HasPrefix(v.Want, "refused")
		for n := range v.Data {
			err := check(fmt.Sprintf("cut to %d", n), v.Data[:n])
			// A packet may be cut between two frames, a datagram nowhere.
			if filepath.Base(v.File) != "frames.txt" && !refused && err == nil {
				t.Errorf("%s: %s\ncut to %d bytes it passes", v.File, v.Comment, n)
			}
		}
		for i := range 8 * len(v.Data) {
			b := bytes.Clone(v.Data)
			b[i/8] ^= 1 << (i % 8)
			_ = check(fmt.Sprintf("bit %d flipped", i), b)
		}
	}
}

// TestEveryKindAndFrameHasAVector keeps the vectors complete.
func TestEveryKindAndFrameHasAVector(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range protocol.ReadVectors(t, "header", "announcement", "cast", "bench", "frames") {
		for _, part := range strings.Split(v.Want, " + ") {
			name, _, _ := strings.Cut(part, " {")
			seen[name] = true
		}
		if v.Comment == "" {
			t.Errorf("%s: %x has no comment", v.File, v.Data)
		}
	}
	for k := protocol.KindAnnouncement; k <= protocol.KindBench; k++ {
		if !seen[k.String()] {
			t.Errorf("no vector of %s", k)
		}
	}
	for _, f := range []frame.Frame{
		frame.Ack{},
		frame.Ping{},
		frame.Self{},
		frame.Peers{},
		frame.Vector{},
		frame.Entry{},
		frame.Part{},
		frame.Have{},
		frame.Want{},
		frame.PathChallenge{},
		frame.PathResponse{},
		frame.Close{},
		frame.Unknown{Of: frame.TypeOffer},
	} {
		if !seen[f.Type().String()] {
			t.Errorf("no vector of %s", f.Type())
		}
	}
}

// FuzzDatagram: what is read is written again byte for byte, and every refusal has one of the named reasons.
func FuzzDatagram(f *testing.F) {
	for _, v := range protocol.ReadVectors(f, "header", "announcement", "cast", "bench") {
		f.Add(v.Data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		what, again, err := read(b)
		if err == nil {
			if !bytes.Equal(again, b) {
				t.Fatalf("%s\n%x is written again as\n%x", what, b, again)
			}
			return
		}
		for _, reason := range []error{
			protocol.ErrSize, protocol.ErrScan, protocol.ErrHeader, protocol.ErrVersion, protocol.ErrKind, protocol.ErrFields,
		} {
			if errors.Is(err, reason) {
				return
			}
		}
		t.Fatalf("%x refused without a named reason: %v", b, err)
	})
}
