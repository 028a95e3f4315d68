package frame

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/protocol"
)

var (
	alice = protocol.PeerID{0xa1}
	bob   = protocol.PeerID{0xb0}
	room  = protocol.RoomID{0x0f}
)

// examples is one frame of each type and form, with its String.
var examples = []struct {
	frame Frame
	text  string
}{
	{Ack{5 * time.Millisecond, []protocol.Range{{First: 7, Last: 9}, {First: 0, Last: 4}}}, "ack 7-9,0-4"},
	{Ping{}, "ping"},
	{Self{1, "alice", "", []string{"lobby", "go"}, nil}, `self 1 "alice" "#lobby" "#go"`},
	{Self{2, "\x1b[31m", "lunch", nil, []byte{1, 2}}, `self 2 "\x1b[31m" away "lunch"`},
	{Peers{[]Peer{{uuid.UUID{1}, netip.MustParseAddrPort("10.0.0.2:4000")}}}, "peers 1"},
	{Vector{Room: room, Digests: &Digests{alice, bob, []AuthorDigest{{alice, protocol.Digest{1}}}}}, "vector 1 digests"},
	{
		Vector{Room: room, Logs: &Logs{false, []LogRanges{{alice, 5, []protocol.Range{{First: 1, Last: 4}}}, {bob, 1, nil}}}},
		"vector logs ueaa 1-4 waaa none",
	},
	{Vector{Room: room, Logs: &Logs{Ask: true}}, "vector ask"},
	{Entry{[]byte("entry")}, "entry 5 B"},
	{Part{7, 0, 3, []byte("data")}, "part 1/3 of #7 4 B"},
	{Have{room, alice, 5, []protocol.Range{{First: 3, Last: 5}, {First: 9, Last: 9}}}, "have 3-5,9"},
	{Want{room, alice, 5, []protocol.Range{{First: 3, Last: 5}}}, "want ueaa 3-5"},
	{PathChallenge{Token{1, 2}}, "path-challenge 0102000000000000"},
	{PathResponse{Token{1, 2}}, "path-response 0102000000000000"},
	{Close{CloseLeaving, ""}, "close leaving"},
	{Close{99, "bye\n"}, `close 99 "bye\n"`},
	{Read{Counter: 3}, "read not shared"},
	{Read{Counter: 3, Share: true}, "read shared"},
	{Read{3, true, 5, 2}, "read 2"},
	{Chunk{1, 4096, false, []byte("hi")}, "chunk 1 at 4096, 2 B"},
	{Chunk{1, 4098, true, []byte{}}, "chunk 1 at 4098, 0 B, the last"},
	{Credit{3, 1 << 20}, "credit 3 to 1048576"},
	{Credit{0, 1 << 20}, "credit to 1048576 for all"},
	{Stop{3, 70000}, "stop 3 after 70000 B"},
	{Pad{300}, "pad 300 B"},
	{Bench{77, BenchOpen, 1, 0, []byte{7: 3}}, "bench open"},
	{Bench{77, BenchMessage, 5, 0, []byte("hi")}, "bench message 5, 2 B"},
	{Bench{77, BenchReply, 5, 9, []byte{}}, "bench reply 5-9"},
	{Unknown{TypeOffer, []byte{0x91, 10}}, "offer 2 B"},
	{Unknown{200, []byte{0x91, 0xcc, 200}}, "type 200 3 B"},
}

func encode(frames ...Frame) []byte {
	e := protocol.NewEncoder()
	for _, f := range frames {
		f.Append(e)
	}
	return e.Bytes()
}

func TestFramesComeBackAsTheyWere(t *testing.T) {
	var all []Frame
	for _, x := range examples {
		got, err := Parse(encode(x.frame))
		if err != nil || len(got) != 1 || !same(got[0], x.frame) {
			t.Errorf("%#v\nis read as %#v, %v", x.frame, got, err)
		}
		if s := fmt.Sprint(x.frame); s != x.text {
			t.Errorf("%#v prints as %q, want %q", x.frame, s, x.text)
		}
		all = append(all, x.frame)
	}
	got, err := Parse(encode(all...))
	if err != nil || len(got) != len(all) {
		t.Fatalf("all in one packet: %d of %d, %v", len(got), len(all), err)
	}
	for i := range got {
		if !same(got[i], all[i]) {
			t.Errorf("%v became %v", all[i], got[i])
		}
	}
}

// same compares frames; an empty key is as good as none.
func same(a, b Frame) bool {
	if s, ok := a.(Self); ok && len(s.Key) == 0 {
		s.Key = nil
		a = s
	}
	return reflect.DeepEqual(a, b)
}

func TestOnlyAckAndCloseAskForNoAck(t *testing.T) {
	for _, x := range examples {
		_, ack := x.frame.(Ack)
		_, bye := x.frame.(Close)
		if Eliciting(x.frame) == (ack || bye) {
			t.Errorf("%v: eliciting %v", x.frame, Eliciting(x.frame))
		}
	}
}

func TestParseNamesTheReason(t *testing.T) {
	good := encode(Ping{})
	for _, c := range []struct {
		what string
		data []byte
		want error
	}{
		{"empty packet", nil, ErrEmpty},
		{"array bomb", []byte{0xdd, 0xff, 0xff, 0xff, 0xff}, protocol.ErrScan},
		{"array bomb behind a good frame", append(bytes.Clone(good), 0xdd, 0xff, 0xff, 0xff, 0xff), protocol.ErrScan},
		{"array bomb in a frame", []byte{0x92, 4, 0xdd, 0xff, 0xff, 0xff, 0xff}, protocol.ErrScan},
		{"bin bomb in a frame", []byte{0x92, 6, 0xc6, 0xff, 0xff, 0xff, 0xfe}, protocol.ErrScan},
		{"bad frame behind a good one", append(bytes.Clone(good), 0x92, 2, 0), ErrFrame},
		{"no array", []byte{2}, ErrFrame},
	} {
		frames, err := Parse(c.data)
		if !errors.Is(err, c.want) || frames != nil {
			t.Errorf("%s: %v, %v, want %v", c.what, frames, err, c.want)
		}
	}
}

// The buffer of a packet is used again; what came in it stays.
func TestFramesShareNoMemory(t *testing.T) {
	want := []Frame{
		Entry{[]byte("entry")},
		Part{7, 0, 3, []byte("data")},
		Self{1, "alice", "away", []string{"lobby"}, []byte("key")},
		Unknown{200, []byte{0x92, 0xcc, 200, 0}},
	}
	b := bytes.Clone(encode(want...))
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = 0xc1
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v became %v", want, got)
	}
}

func TestAppendMakesTheBestOfIt(t *testing.T) {
	for _, c := range []struct{ in, want Frame }{
		{Ack{-time.Second, []protocol.Range{{}}}, Ack{0, []protocol.Range{{}}}},
		{Ack{1500 * time.Nanosecond, []protocol.Range{{}}}, Ack{time.Microsecond, []protocol.Range{{}}}},
		{Ack{24 * time.Hour, []protocol.Range{{}}}, Ack{protocol.MaxAckDelay * time.Microsecond, []protocol.Range{{}}}},
		{
			Peers{[]Peer{{uuid.UUID{1}, netip.MustParseAddrPort("[::ffff:10.0.0.2]:4000")}}},
			Peers{[]Peer{{uuid.UUID{1}, netip.MustParseAddrPort("10.0.0.2:4000")}}},
		},
	} {
		got, err := Parse(encode(c.in))
		if err != nil || !reflect.DeepEqual(got, []Frame{c.want}) {
			t.Errorf("%v is read as %v, %v", c.in, got, err)
		}
	}
}

// A packet is sent whole or not at all, so the longest frames of whole state must fit one.
func TestTheLongestFramesFitAPacket(t *testing.T) {
	// A packet's header, the header of its sealed bin, and the tag (SPEC section 4).
	const room = protocol.MaxDatagram - 19 - 3 - 16
	self := Self{1<<64 - 1, strings.Repeat("n", protocol.MaxName), strings.Repeat("a", protocol.MaxAway), nil, make([]byte, protocol.MaxSelfKey)}
	for i := range protocol.MaxRooms {
		self.Rooms = append(self.Rooms, fmt.Sprintf("%0*d", protocol.MaxRoomName, i))
	}
	ack := Ack{Delay: protocol.MaxAckDelay * time.Microsecond}
	for i := range protocol.MaxAckRanges {
		n := 1<<64 - 1 - 3*uint64(i)
		ack.Ranges = append(ack.Ranges, protocol.Range{First: n - 1, Last: n})
	}
	peers := Peers{}
	for i := range protocol.MaxPeersFrame {
		peers.Peers = append(peers.Peers, Peer{uuid.UUID{1}, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 65535)})
	}
	for _, f := range []Frame{self, ack, peers} {
		b := encode(f)
		if len(b) > room {
			t.Errorf("%s: %d bytes, %d fit", f.Type(), len(b), room)
		}
		if _, err := Parse(b); err != nil {
			t.Errorf("%s: %v", f.Type(), err)
		}
	}
}

func TestTypesAsText(t *testing.T) {
	for n, want := range map[Type]string{0: "type 0", TypeAck: "ack", TypeCredit: "credit", TypeClose: "close", TypeRead: "read", TypeBench: "bench", 21: "type 21"} {
		if got := n.String(); got != want {
			t.Errorf("%d: %q, want %q", uint8(n), got, want)
		}
	}
}

// FuzzParse: a packet that is read is written again byte for byte, and its frames can be printed.
func FuzzParse(f *testing.F) {
	var all []Frame
	for _, x := range examples {
		f.Add(bytes.Clone(encode(x.frame)))
		all = append(all, x.frame)
	}
	f.Add(bytes.Clone(encode(all...)))
	var p Packet
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, err := Parse(b)
		if err != nil {
			if p.Parse(b) == nil {
				t.Fatalf("%x refused only frame by frame: %v", b, err)
			}
			if !errors.Is(err, ErrEmpty) && !errors.Is(err, ErrFrame) && !errors.Is(err, protocol.ErrScan) {
				t.Fatalf("%x refused without a named reason: %v", b, err)
			}
			return
		}
		if again := encode(frames...); !bytes.Equal(again, b) {
			t.Fatalf("%v\n%x is written again as\n%x", frames, b, again)
		}
		if err := p.Parse(b); err != nil || len(p.Acks)+len(p.Chunks)+len(p.Benches)+len(p.Others) != len(frames) ||
			p.Eliciting != slices.ContainsFunc(frames, Eliciting) {
			t.Fatalf("%v\nas a packet: %+v, %v", frames, p, err)
		}
		for _, f := range frames {
			if s := fmt.Sprint(f); s == "" || strings.ContainsAny(s, "\n\x1b%") && !strings.Contains(s, `"`) {
				t.Fatalf("%T prints as %q", f, s)
			}
		}
	})
}

// typical is the packet of a chat: an acknowledgement, a receipt, and a line.
var typical = []Frame{
	Ack{120 * time.Microsecond, []protocol.Range{{First: 0, Last: 300}}},
	Have{room, alice, 1 << 40, []protocol.Range{{First: 17, Last: 17}}},
	Entry{make([]byte, 212)},
}

func BenchmarkAppend(b *testing.B) {
	e := protocol.NewEncoder()
	b.ReportAllocs()
	for b.Loop() {
		e.Reset()
		for _, f := range typical {
			f.Append(e)
		}
	}
	b.SetBytes(int64(e.Len()))
}

func BenchmarkParse(b *testing.B) {
	payload := bytes.Clone(encode(typical...))
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if _, err := Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPacketsOfBulkCostNoMemory(t *testing.T) {
	payload := bytes.Clone(encode(
		Ack{0, []protocol.Range{{First: 7, Last: 9}, {First: 0, Last: 4}}}, Bench{1, BenchReply, 2, 3, nil}, Chunk{1, 1 << 20, false, make([]byte, 1100)},
	))
	var p Packet
	if n := testing.AllocsPerRun(100, func() {
		if err := p.Parse(payload); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if len(p.Acks) != 1 || len(p.Acks[0].Ranges) != 2 || len(p.Chunks) != 1 || len(p.Chunks[0].Data) != 1100 || len(p.Benches) != 1 || !p.Eliciting {
		t.Errorf("%+v", p)
	}
}

func BenchmarkPacketParse(b *testing.B) {
	payload := bytes.Clone(encode(Chunk{1, 1 << 20, false, make([]byte, 1400)}))
	var p Packet
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if err := p.Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}
