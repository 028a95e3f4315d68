package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

func TestADirectMessageIsForOneAlone(t *testing.T) {
	t.Parallel()
	h := newHosts(t, 4)
	wire := h.Capture()
	ears := h.listenAll(4)
	meet(ears...)
	const (
		secret = "the treasure lies under the third oak behind the mill"
		open   = "good morning to everybody at the mill"
	)
	h.must(1, "send", "--to", "n2", secret)
	h.must(1, "send", "--wait", "all", open)
	h.must(2, "send", "--to", "n1", "I have understood: "+secret)
	h.must(3, "send", "--wait", "all", "the end")
	if got := ears[1].said("@n1", secret); got.From != "n1" {
		t.Errorf("the direct message comes from %q", got.From)
	}
	ears[0].said("@n2", "I have understood: "+secret)
	for i, e := range ears {
		e.said("#lobby", open)
		e.said("#lobby", "the end")
		for _, x := range e.heard() {
			if i >= 2 && (strings.Contains(x.Text, secret) || strings.HasPrefix(x.Room, "@")) {
				t.Errorf("%s heard %q in %s", e.name, x.Text, x.Room)
			}
		}
	}
	// With more than two others a line is cast once, and a cast of the open network is not sealed.
	clear, casts := 0, 0
	for _, d := range wire.Datagrams() {
		if bytes.Contains(d.Payload, []byte(open)) {
			clear++
		}
		if kind, err := protocol.ParseKind(d.Payload); err == nil && kind == protocol.KindCast {
			casts++
		}
		for _, part := range []string{secret[:16], secret[16:32], secret[32:48], "I have understood"} {
			if bytes.Contains(d.Payload, []byte(part)) {
				t.Errorf("%q is to be read in a datagram from %v to %v", part, d.Src, d.Dst)
			}
		}
	}
	if clear == 0 || casts == 0 {
		t.Errorf("of %d datagrams captured %d are casts and %d show the line cast to everybody", len(wire.Datagrams()), casts, clear)
	}
}

// traced is what a line of a trace says of a datagram that came in.
type traced struct {
	Dir, Kind, Address, Drop string
	Size                     int
}

// readTrace reads the lines that are complete.
func readTrace(t *testing.T, path string) (all []traced) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var one traced
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatalf("trace: %v in %s", err, line)
		}
		all = append(all, one)
	}
	return all
}

// Declared lengths of 4 GiB end decoders that believe them.
func TestHostileDatagramsAreDroppedAndTraced(t *testing.T) {
	t.Parallel()
	h := newHosts(t, 2)
	path := filepath.Join(h.dir, "trace.jsonl")
	victim := h.listen(1, "--trace", path, "--port", "40001")
	hostile := [][]byte{
		{0xdd, 0xff, 0xff, 0xff, 0xff},
		{0xc6, 0xff, 0xff, 0xff, 0xfe},
		{},
		{0x93, 0x01, 0x07},
		bytes.Repeat([]byte{0x91}, 1200), bytes.Repeat([]byte{0xff}, 1600),
	}
	var from *net.UDPConn
	h.In(2, func() {
		var err error
		if from, err = net.ListenUDP("udp4", nil); err != nil {
			t.Fatal(err)
		}
	})
	defer from.Close()
	eventually(t, func() (string, bool) { // both sockets are open once something was announced
		b, err := os.ReadFile(path)
		return fmt.Sprint(err), bytes.Contains(b, []byte(`"kind":"announcement"`))
	})
	for _, port := range []uint16{40001, protocol.AnnouncePort} {
		for _, b := range hostile {
			if _, err := from.WriteToUDPAddrPort(b, netip.AddrPortFrom(h.Addr(1), port)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var drops []traced
	eventually(t, func() (string, bool) {
		drops = nil
		for _, r := range readTrace(t, path) {
			if r.Dir == "in" && strings.HasPrefix(r.Address, h.Addr(2).String()+":") {
				drops = append(drops, r)
			}
		}
		return fmt.Sprint(drops), len(drops) >= 2*len(hostile)
	})
	reasons := map[string]int{}
	for _, r := range drops {
		reasons[r.Drop]++
		if r.Drop == "" {
			t.Errorf("taken: %+v", r)
		}
	}
	t.Logf("drops: %v", reasons)
	if len(drops) != 2*len(hostile) {
		t.Errorf("%d records of %d datagrams", len(drops), 2*len(hostile))
	}
	other := h.listen(2)
	meet(victim, other)
	h.must(2, "send", "still there?")
	victim.said("#lobby", "still there?")
	select {
	case <-victim.ended:
		t.Error("it has ended")
	case <-time.After(0):
	}
}
