package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/protocol"
	"earshot/protocol/frame"
)

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

// story is two people who meet, a line that is said, and what goes wrong.
func story() []Record {
	to := func(s string) protocol.Path { return protocol.Path{Addr: netip.MustParseAddrPort(s), Interface: 2} }
	alice := uuid.MustParse("6ba7b810-9dad-41d1-80b4-00c04fd430c8")
	bob := protocol.PeerID{0xb0}
	one := []protocol.Range{{First: 1, Last: 1}}
	return []Record{
		{Time: at(0), Node: "alice", Out: true, Kind: protocol.KindAnnouncement, Path: to("10.0.0.255:24816"), Instance: alice, Size: 42, Why: "new"},
		{Time: at(400 * time.Microsecond), Node: "bob", Kind: protocol.KindAnnouncement, Path: to("10.0.0.1:4000"), Instance: alice, Size: 42},
		{Time: at(31 * time.Millisecond), Node: "bob", Out: true, Kind: protocol.KindHandshake1, Path: to("10.0.0.1:4000"), Size: 560},
		{Time: at(32 * time.Millisecond), Node: "bob", Kind: protocol.KindHandshake2, Path: to("10.0.0.1:4000"), Size: 300, Drop: "session: bad code"},
		{
			Time: at(time.Second), Node: "alice", Out: true, Kind: protocol.KindPacket, Path: to("10.0.0.2:4000"), Peer: bob, Size: 290, Why: "repair",
			Frames: []frame.Frame{frame.Ack{Delay: time.Millisecond, Ranges: []protocol.Range{{First: 0, Last: 4}}}, frame.Entry{Raw: []byte("entry")}},
		},
		{
			Time: at(time.Second + time.Millisecond), Node: "bob", Out: true, Kind: protocol.KindPacket, Path: to("10.0.0.1:4000"), Number: 7, Size: 80,
			Frames: []frame.Frame{
				frame.Have{Author: protocol.PeerID{0xa1}, Epoch: 5, Ranges: one},
				frame.Want{Ranges: one},
				frame.Ping{},
				frame.Self{Counter: 1, Name: "bob <&>", Rooms: []string{"lobby"}, Key: []byte{1}},
				frame.Peers{Peers: []frame.Peer{{Instance: alice, Addr: netip.MustParseAddrPort("10.0.0.1:4000")}}},
				frame.Vector{Digests: &frame.Digests{Authors: []frame.AuthorDigest{{Digest: protocol.Digest{1}}}}},
				frame.Vector{Logs: &frame.Logs{Ask: true, Logs: []frame.LogRanges{{Epoch: 1, Ranges: one}}}},
				frame.Part{ID: 1, Count: 2, Data: []byte("data")},
				frame.PathChallenge{Data: frame.Token{1}},
				frame.PathResponse{Data: frame.Token{2}},
				frame.Close{Code: frame.CloseProtocol, Reason: "over\n"},
				frame.Read{Counter: 2, Share: true, Epoch: 4, Seq: 5},
				frame.Chunk{Stream: 1, Offset: 9, Fin: true, Data: []byte{1}},
				frame.Credit{Stream: 1, Limit: 2},
				frame.Stop{Stream: 1, Length: 2},
				frame.Pad{Length: 3},
				frame.Bench{Run: 1, Op: frame.BenchReply, A: 2, B: 3, Data: []byte{1}},
				frame.Unknown{Of: frame.TypeOffer, Raw: []byte{0x91, 10}},
				frame.Unknown{Of: 99, Raw: []byte{0x91, 99}},
			},
		},
		{Time: at(2 * time.Second), Node: "bob", Kind: protocol.KindCast, Size: 200, Frames: []frame.Frame{frame.Entry{Raw: []byte("entry")}}},
		{Time: at(3 * time.Second), Size: 5, Drop: "protocol: scan: truncated"},
	}
}

func TestText(t *testing.T) {
	var b strings.Builder
	text := NewText(&b)
	text.Name = func(r Record) string {
		if !r.Peer.IsZero() {
			return "bob"
		}
		return ""
	}
	for _, r := range story() {
		text.Record(r)
	}
	want := `
0.000000 alice > 10.0.0.255:24816 announcement 6ba7b810 42 B new
0.000400 bob < 10.0.0.1:4000 announcement 6ba7b810 42 B
0.031000 bob > 10.0.0.1:4000 handshake 1 560 B
0.032000 bob < 10.0.0.1:4000 handshake 2 300 B drop: session: bad code
1.000000 alice > bob packet 0 290 B [ack 0-4, entry 5 B] repair
1.001000 bob > 10.0.0.1:4000 packet 7 80 B [have 1, want aaaa 1, ping, self 1 "bob <&>" "#lobby", peers 1, vector 1 digests, vector ask aaaa 1, part 1/2 of #1 4 B, path-challenge 0100000000000000, path-response 0200000000000000, close protocol "over\n", read 5, chunk 1 at 9, 1 B, the last, credit 1 to 2, stop 1 after 2 B, pad 3 B, bench reply 2-3, offer 2 B, type 99 2 B]
2.000000 bob < cast 200 B [entry 5 B]
3.000000 < datagram 5 B drop: protocol: scan: truncated
`
	if got := "\n" + b.String(); got != want || text.Err() != nil {
		t.Errorf("%v\n got %s\nwant %s", text.Err(), got, want)
	}
}

func TestJSONLinesAreReadAgain(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, r := range story() {
		w.Record(r)
	}
	if w.Err() != nil {
		t.Fatal(w.Err())
	}
	if n := bytes.Count(b.Bytes(), []byte("\n")); n != len(story()) {
		t.Errorf("%d lines for %d records", n, len(story()))
	}
	r := NewReader(&b)
	for _, want := range story() {
		got, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\nis read as\n%+v", want, got)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last: %v", err)
	}
}

// Programs read these names.
func TestNamesOfFieldsAreStable(t *testing.T) {
	var b strings.Builder
	w := NewWriter(&b)
	r := story()[4]
	r.Instance, r.Drop = uuid.MustParse("6ba7b810-9dad-41d1-80b4-00c04fd430c8"), "why not"
	w.Record(r)
	w.Record(Record{Time: start, Kind: protocol.KindHandshake1, Size: 9})
	want := `{"time":"2026-11-20T12:00:01Z","node":"alice","dir":"out","kind":"packet","address":"10.0.0.2:4000","interface":2,` +
		`"peer":"waaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","instance":"6ba7b810-9dad-41d1-80b4-00c04fd430c8",` +
		`"number":0,"size":290,"frames":[{"ack":{"delay_ns":1000000,"ranges":["0-4"]}},{"entry":{"raw":"ZW50cnk="}}],` +
		`"why":"repair","drop":"why not"}` + "\n" +
		`{"time":"2026-11-20T12:00:00Z","dir":"in","kind":"handshake 1","size":9}` + "\n"
	if b.String() != want {
		t.Errorf("\n got %s\nwant %s", b.String(), want)
	}
}

func TestReaderGoesOnAfterABadLine(t *testing.T) {
	good := `{"time":"2026-11-20T12:00:00Z","dir":"in","kind":"cast","size":9,"of a later version":1}`
	bad := []string{
		`not JSON`, `{"time":"noon"}`, `{"kind":"gossip"}`, `{"frames":[{"gossip":{}}]}`, `{"frames":[{"ack":{},"ping":{}}]}`,
		`{"frames":[{}]}`, `{"frames":[{"ack":{"ranges":["9-3"]}}]}`, `{"frames":[{"path-response":{"data":"01"}}]}`, `{"peer":"bob"}`, ``,
	}
	r := NewReader(strings.NewReader(good + "\n" + strings.Join(bad, "\n") + "\n" + good))
	if rec, err := r.Next(); err != nil || rec.Size != 9 || rec.Kind != protocol.KindCast {
		t.Fatalf("%+v, %v", rec, err)
	}
	for i, line := range bad {
		_, err := r.Next()
		if err == nil || !strings.Contains(err.Error(), "line "+string(rune('2'+i))+":") && i < 8 {
			t.Errorf("%s: %v", line, err)
		}
	}
	if rec, err := r.Next(); err != nil || rec.Size != 9 {
		t.Errorf("the last line, without line end: %+v, %v", rec, err)
	}
}

// failing is a full disk.
type failing struct{ writes int }

func (f *failing) Write([]byte) (int, error) {
	f.writes++
	return 0, errors.New("disk full")
}

func TestWritersStopAtTheirFirstError(t *testing.T) {
	var one, two failing
	text, lines := NewText(&one), NewWriter(&two)
	sink := Tee{text, Discard{}, lines}
	for _, r := range story() {
		sink.Record(r)
	}
	if text.Err() == nil || lines.Err() == nil || one.writes != 1 || two.writes != 1 {
		t.Errorf("%v after %d, %v after %d", text.Err(), one.writes, lines.Err(), two.writes)
	}
}

func TestListKeepsOrder(t *testing.T) {
	var l List
	for _, r := range story() {
		l.Record(r)
	}
	if !reflect.DeepEqual([]Record(l), story()) {
		t.Errorf("%v", l)
	}
}

// FuzzReader: no line of a file that somebody else wrote ends the program, and what is read can be written and read
// again as the same.
func FuzzReader(f *testing.F) {
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, r := range story() {
		b.Reset()
		w.Record(r)
		f.Add(b.String())
	}
	f.Fuzz(func(t *testing.T, s string) {
		rec, err := NewReader(strings.NewReader(s)).Next()
		if err != nil {
			return
		}
		_ = NewText(io.Discard).Line(rec)
		var b bytes.Buffer
		w := NewWriter(&b)
		w.Record(rec)
		if err := w.Err(); err != nil {
			// Only what JSON cannot hold: a year beyond 9999.
			if _, ok := errors.AsType[*json.MarshalerError](err); !ok {
				t.Fatalf("%+v: %v", rec, err)
			}
			return
		}
		first := b.String()
		again, err := NewReader(&b).Next()
		if err != nil {
			t.Fatalf("%s%v", first, err)
		}
		w.Record(again)
		if second := b.String(); second != first {
			t.Fatalf("%s became %s", first, second)
		}
	})
}
