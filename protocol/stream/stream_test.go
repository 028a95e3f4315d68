package stream

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// pair is two ends of a link that loses, doubles and reorders.
type pair struct {
	t         *testing.T
	rand      *rand.Rand
	loss      float64
	a, b      Set
	wire      []flight
	credits   []frame.Credit
	delivered int
}

type flight struct {
	chunk frame.Chunk
	piece Piece
}

func newPair(t *testing.T, seed uint64, loss float64) *pair {
	return &pair{t: t, rand: rand.New(rand.NewPCG(seed, 1)), loss: loss}
}

// send lets out up to n packets.
func (p *pair) send(n int) {
	for range n {
		chunk, piece, ok := p.a.Next(1 + protocol.MaxDatagram - p.rand.IntN(1100))
		if !ok {
			return
		}
		chunk.Data = bytes.Clone(chunk.Data)
		p.wire = append(p.wire, flight{chunk, piece})
	}
}

// deliver lets one of those under way arrive or get lost.
func (p *pair) deliver() {
	if len(p.wire) == 0 {
		return
	}
	k := p.rand.IntN(min(len(p.wire), 8))
	f := p.wire[k]
	p.wire = append(p.wire[:k], p.wire[k+1:]...)
	if p.rand.Float64() < p.loss {
		p.a.Lost(f.piece)
		return
	}
	for range 1 + p.rand.IntN(2) {
		if _, err := p.b.Receive(f.chunk); err != nil && !errors.Is(err, ErrUnexpected) { // it may be late
			p.t.Fatal(err)
		}
	}
	p.delivered += len(f.chunk.Data)
	if p.rand.Float64() < p.loss { // its acknowledgement is lost
		p.a.Lost(f.piece)
		return
	}
	p.a.Acked(f.piece)
}

// grant tells the credit that is due.
func (p *pair) grant() {
	p.credits = p.b.Credits(p.credits[:0])
	for _, c := range p.credits {
		p.a.Credit(c)
	}
}

func TestStreamsArriveWholeAndInOrder(t *testing.T) {
	for seed := range uint64(20) {
		p := newPair(t, seed, 0.2)
		sources, got := map[uint64][]byte{}, map[uint64][]byte{}
		left := map[*Outgoing][]byte{}
		for n := range 3 {
			o, err := p.a.Open(seed%2 == 0, n%2)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.b.Accept(o.ID()); err != nil {
				t.Fatal(err)
			}
			data := make([]byte, 100_000+p.rand.IntN(2_000_000))
			for i := range data {
				data[i] = byte(p.rand.Uint32())
			}
			sources[o.ID()], left[o] = data, data
		}
		for round := 0; len(p.a.out)+len(p.b.in) > 0; round++ {
			if round > 100_000 {
				t.Fatalf("seed %d: no end: %d streams out, %d in", seed, len(p.a.out), len(p.b.in))
			}
			for _, o := range p.a.out {
				if left[o] = left[o][o.Write(left[o]):]; len(left[o]) == 0 {
					o.Close()
				}
			}
			p.send(1 + p.rand.IntN(20))
			for range p.rand.IntN(20) {
				p.deliver()
			}
			for _, i := range p.b.in {
				for b := i.Next(); len(b) > 0 && p.rand.IntN(10) > 0; b = i.Next() {
					n := 1 + p.rand.IntN(len(b))
					got[i.ID()] = append(got[i.ID()], b[:n]...)
					i.Read(n)
				}
			}
			for _, i := range append([]*Incoming(nil), p.b.in...) {
				p.b.Forget(i)
			}
			p.grant()
		}
		for id, want := range sources {
			if !bytes.Equal(got[id], want) {
				t.Fatalf("seed %d: stream %d is not what was sent: %d bytes of %d", seed, id, len(got[id]), len(want))
			}
		}
	}
}

// TestReaderBoundsTheSender: nothing is sent beyond what the reader has made room for.
func TestReaderBoundsTheSender(t *testing.T) {
	p := newPair(t, 1, 0)
	o, _ := p.a.Open(true, 0)
	in, _ := p.b.Accept(o.ID())
	flood := func() {
		for range 12_000 {
			o.Write(make([]byte, 1000))
			p.send(1)
			p.deliver()
			p.grant()
		}
	}
	flood()
	if in.most != FirstWindow {
		t.Errorf("%d bytes came unread, the credit was %d", in.most, FirstWindow)
	}
	for range 20 {
		for b := in.Next(); len(b) > 0; b = in.Next() {
			in.Read(len(b))
		}
		p.grant()
		flood()
	}
	if most := in.most - in.base; most != MaxWindow || len(in.memory) != MaxWindow {
		t.Errorf("a reader that kept up may find %d bytes in %d of memory, want %d", most, len(in.memory), MaxWindow)
	}
}

func TestUrgentStreamsFirst(t *testing.T) {
	var s Set
	file, _ := s.Open(true, 2)
	log, _ := s.Open(true, 1)
	other, _ := s.Open(true, 2)
	for _, o := range []*Outgoing{file, log, other} {
		o.Write(make([]byte, 2500))
		o.Close()
	}
	var order []uint64
	for c, p, ok := s.Next(1050); ok; c, p, ok = s.Next(1050) {
		order = append(order, c.Stream)
		defer s.Acked(p)
	}
	want := []uint64{log.ID(), log.ID(), log.ID(), other.ID(), file.ID(), other.ID(), file.ID(), other.ID(), file.ID()}
	if len(order) != len(want) {
		t.Fatalf("sent %v", order)
	}
	for i, id := range order[:3] {
		if id != log.ID() {
			t.Errorf("packet %d is of stream %d: a file before a log", i, id)
		}
	}
	for i := 4; i < len(order); i++ {
		if order[i] == order[i-1] {
			t.Errorf("two files do not share: %v", order)
		}
	}
}

func TestRulesThatAPeerBreaks(t *testing.T) {
	fresh := func() (*Set, uint64) {
		s := &Set{}
		i, _ := s.Accept(2)
		return s, i.ID()
	}
	chunk := func(id, offset uint64, n int, fin bool) frame.Chunk {
		return frame.Chunk{Stream: id, Offset: offset, Data: make([]byte, n), Fin: fin}
	}
	for _, c := range []struct {
		name string
		want error
		do   []frame.Chunk
	}{
		{"one byte beyond the credit", ErrCredit, []frame.Chunk{chunk(2, FirstWindow, 1, false)}},
		{"the whole credit", nil, []frame.Chunk{chunk(2, FirstWindow-1, 1, false)}},
		{"data behind the end", ErrFinal, []frame.Chunk{chunk(2, 0, 10, true), chunk(2, 10, 1, false)}},
		{"an end that moves", ErrFinal, []frame.Chunk{chunk(2, 0, 10, true), chunk(2, 0, 9, true)}},
		{"an end before what has come", ErrFinal, []frame.Chunk{chunk(2, 0, 10, false), chunk(2, 0, 9, true)}},
		{"the same end again", nil, []frame.Chunk{chunk(2, 0, 10, true), chunk(2, 5, 5, true)}},
		{"an unknown stream", ErrUnexpected, []frame.Chunk{chunk(4, 1<<40, 10, true)}},
	} {
		s, _ := fresh()
		var err error
		for _, f := range c.do {
			if _, e := s.Receive(f); e != nil {
				err = e
			}
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	var s Set
	for id := range uint64(protocol.MaxStreams) {
		if _, err := s.Accept(1 + id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Accept(1000); !errors.Is(err, ErrStreams) {
		t.Errorf("one stream too many: %v", err)
	}
}

// TestStoppedStreamsGiveTheirCreditBack: however often streams are stopped, the others may go on.
func TestStoppedStreamsGiveTheirCreditBack(t *testing.T) {
	p := newPair(t, 3, 0.1)
	for round := range 200 {
		o, err := p.a.Open(true, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.b.Accept(o.ID()); err != nil {
			t.Fatal(err)
		}
		o.Write(make([]byte, FirstWindow))
		p.send(100)
		for range 50 {
			p.deliver()
		}
		if round%2 == 0 { // the receiver has enough
			f, _ := p.b.Stop(o.ID())
			answer, due, err := p.a.Stopped(f)
			if !due || err != nil {
				t.Fatal(due, err)
			}
			if _, _, err := p.b.Stopped(answer); err != nil {
				t.Fatal(err)
			}
		} else if f, ok := p.a.Stop(o.ID()); !ok {
			t.Fatal("no stream")
		} else if _, _, err := p.b.Stopped(f); err != nil {
			t.Fatal(err)
		}
		if f, ok := p.a.Stop(o.ID()); ok {
			t.Fatalf("stopped twice: %v", f)
		}
		for len(p.wire) > 0 {
			p.deliver() // what was under way does no harm
		}
		p.grant()
	}
	if len(p.a.out)+len(p.b.in) > 0 || p.a.sent != p.b.got || p.a.credit() < protocol.SessionWindow/2 {
		t.Errorf("%d streams out, %d in, %d bytes sent, %d counted, credit %d", len(p.a.out), len(p.b.in), p.a.sent, p.b.got, p.a.credit())
	}
}

// A stream that has come whole, but for nobody, is heard of no more: it must not wait for a word of its sender's.
func TestStoppedStreamThatHasComeWhole(t *testing.T) {
	var s Set
	in, _ := s.Accept(2)
	if _, err := s.Receive(frame.Chunk{Stream: 2, Data: make([]byte, 10), Fin: true}); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Stop(in.ID()); !ok || len(s.in) > 0 || s.read != 10 {
		t.Errorf("%v: %d streams are kept, %d bytes counted as read", ok, len(s.in), s.read)
	}
}

// The credit of all streams holds for what a Stop says was sent, too.
func TestStopsBeyondTheCreditOfAll(t *testing.T) {
	var s Set
	var err error
	n := uint64(0)
	for ; err == nil && n < 3*protocol.SessionWindow/FirstWindow; n++ {
		_, _ = s.Accept(2 + 2*n)
		_, _, err = s.Stopped(frame.Stop{Stream: 2 + 2*n, Length: FirstWindow})
	}
	if !errors.Is(err, ErrCredit) || n != protocol.SessionWindow/FirstWindow+1 {
		t.Errorf("%d streams of %d bytes: %v", n, FirstWindow, err)
	}
}

// Nobody who keeps to the rules leaves more holes than packets may be under way. Each costs the receiver time.
func TestHolesAreBounded(t *testing.T) {
	var s Set
	_, _ = s.Accept(2)
	var err error
	n := 0
	for ; err == nil && n < FirstWindow/2; n++ {
		_, err = s.Receive(frame.Chunk{Stream: 2, Offset: uint64(2*n + 1), Data: []byte{1}})
	}
	if !errors.Is(err, ErrHoles) || n > protocol.MaxTracked+2 {
		t.Errorf("%d holes: %v", n, err)
	}
}

// Credit without end makes nobody keep more than a window.
func TestCreditWithoutEnd(t *testing.T) {
	var s Set
	o, _ := s.Open(true, 0)
	for id := range uint64(5) {
		s.Credit(frame.Credit{Stream: id, Limit: protocol.MaxSafeInteger})
	}
	kept := 0
	for o.Room() > 0 {
		kept += o.Write(make([]byte, o.Room()))
	}
	if kept != MaxWindow || !s.Pending() {
		t.Errorf("%d bytes are kept", kept)
	}
}

func BenchmarkBulk(b *testing.B) {
	var s, r Set
	o, _ := s.Open(true, 0)
	in, _ := r.Accept(o.ID())
	block := make([]byte, 64<<10)
	var credits []frame.Credit
	b.SetBytes(1400)
	b.ReportAllocs()
	for b.Loop() {
		o.Write(block[:min(o.Room(), len(block))])
		c, p, ok := s.Next(1400)
		if !ok {
			b.Fatal("nothing to send")
		}
		if _, err := r.Receive(c); err != nil {
			b.Fatal(err)
		}
		s.Acked(p)
		in.Read(len(in.Next()))
		for _, c := range r.Credits(credits[:0]) {
			s.Credit(c)
		}
	}
}
