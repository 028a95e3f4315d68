package peer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/sim"
	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/trace"
)

// drops is what a node does about what it does not like: the reasons that it traces, and the frames that it sends but Acks.
type drops struct {
	of      *node
	reasons map[string]int
	sends   []string
}

func (d *drops) Record(r trace.Record) {
	switch {
	case r.Node != d.of.name:
	case r.Drop != "":
		d.reasons[r.Drop]++
	case r.Out:
		for _, f := range r.Frames {
			if f.Type() != frame.TypeAck {
				d.sends = append(d.sends, fmt.Sprint(f))
			}
		}
	}
}

func (d *drops) sent(*node, lan.Datagram)      {}
func (d *drops) delivered(*node, sim.Delivery) {}

// abuse lets mallory send frames to bob, and tells what bob does within a second.
func abuse(t *testing.T, serves bool, frames ...frame.Frame) (bob *node, d *drops) {
	t.Helper()
	w := newWorld(t, 1)
	w.quiet = true
	nodes := everybody(w, "mallory", "bob")
	mallory, bob := nodes[0], nodes[1]
	w.run(10 * time.Second)
	if serves {
		bob.serveBench()
	}
	d = &drops{of: bob, reasons: map[string]int{}}
	w.watch = d
	for _, f := range frames {
		mallory.core.Inject(mallory.clock(), "bob", f)
		mallory.settle()
	}
	w.run(time.Second)
	return bob, d
}

// times is n frames, made of their numbers from 1.
func times(n int, f func(i uint64) frame.Frame) []frame.Frame {
	out := make([]frame.Frame, n)
	for i := range out {
		out[i] = f(uint64(i + 1))
	}
	return out
}

// What nobody here has asked for is dropped, with a reason, and makes nothing grow. No answer tells that it came.
func TestUnaskedBenchesAndStreamsAreDropped(t *testing.T) {
	data := make([]byte, 900)
	const noBench, noStream = "peer: bench that is not served here", "stream: piece of a stream that is not expected"
	for _, x := range []struct {
		name   string
		serves bool
		frames []frame.Frame
		reason string
	}{
		{"runs", false, times(1000, func(i uint64) frame.Frame { return frame.Bench{Run: i, Op: frame.BenchOpen, A: i} }), noBench},
		{"messages", false, times(1000, func(i uint64) frame.Frame { return frame.Bench{Run: 1, Op: frame.BenchMessage, A: i, Data: data} }), noBench},
		{"messages of no run", true, times(1000, func(i uint64) frame.Frame { return frame.Bench{Run: i, Op: frame.BenchMessage, Data: data} }), noBench},
		{"replies", false, times(1000, func(i uint64) frame.Frame {
			return frame.Bench{Run: i, Op: frame.BenchReply, A: 0, B: protocol.MaxSafeInteger}
		}), noBench},
		{"results", true, times(1000, func(i uint64) frame.Frame { return frame.Bench{Run: i, Op: frame.BenchResult} }), noBench},
		{"pieces", false, times(1000, func(i uint64) frame.Frame { return frame.Chunk{Stream: i, Offset: 900 * i, Data: data} }), noStream},
		{"pieces of one stream", true, times(1000, func(i uint64) frame.Frame { return frame.Chunk{Stream: 1, Offset: 900 * i, Data: data} }), noStream},
		{"credit", false, times(1000, func(i uint64) frame.Frame { return frame.Credit{Stream: i - 1, Limit: protocol.MaxSafeInteger} }), ""},
		{"ends", false, times(1000, func(i uint64) frame.Frame { return frame.Stop{Stream: i, Length: 1 << 40} }), ""},
	} {
		bob, d := abuse(t, x.serves, x.frames...)
		if served, streams, frames := bob.core.Held(); served+streams+frames > 0 {
			t.Errorf("%s: bob holds %d runs, %d streams, %d frames", x.name, served, streams, frames)
		}
		if len(d.sends) > 2 { // the vectors of every day
			t.Errorf("%s: bob answers: %.300s", x.name, strings.Join(d.sends, ", "))
		}
		if n := d.reasons[x.reason]; x.reason != "" && (n == 0 || uint64(n) != bob.core.Drops()[x.reason]) {
			t.Errorf("%s: %v", x.name, d.reasons)
		}
		if bob.online() != "mallory" {
			t.Errorf("%s: the session is closed", x.name)
		}
	}
}

// Who breaks the rules of a stream that is expected loses the session.
func TestStreamsBeyondTheirBoundsCloseTheSession(t *testing.T) {
	open := frame.Bench{Run: 1, Op: frame.BenchOpen, A: 7}
	data := []byte("hello")
	for _, x := range []struct {
		frames []frame.Frame
		reason string
	}{
		{[]frame.Frame{frame.Chunk{Stream: 7, Offset: protocol.StreamWindow, Data: data}}, "stream: beyond its credit"},
		{[]frame.Frame{frame.Chunk{Stream: 7, Offset: protocol.MaxSafeInteger - 5, Data: data}}, "stream: beyond its credit"},
		{[]frame.Frame{frame.Chunk{Stream: 7, Offset: 10, Data: data, Fin: true}, frame.Chunk{Stream: 7, Offset: 15, Data: data}}, "stream: beyond its end"},
		{[]frame.Frame{frame.Chunk{Stream: 7, Offset: 10, Data: data, Fin: true}, frame.Chunk{Stream: 7, Offset: 5, Data: data, Fin: true}}, "stream: beyond its end"},
		{[]frame.Frame{frame.Stop{Stream: 7, Length: protocol.StreamWindow + 1}}, "stream: beyond its credit"},
		{[]frame.Frame{frame.Chunk{Stream: 7, Offset: 10, Data: data}, frame.Stop{Stream: 7, Length: 14}}, "stream: beyond its end"},
	} {
		bob, d := abuse(t, true, append([]frame.Frame{open}, x.frames...)...)
		dropped, closed := false, false
		for r := range d.reasons {
			dropped = dropped || strings.HasPrefix(r, x.reason)
		}
		for _, s := range d.sends {
			closed = closed || strings.Contains(s, "stream beyond its bounds")
		}
		if !dropped || !closed {
			t.Errorf("%v: bob drops for %v and sends %q", x.frames, d.reasons, d.sends)
		}
		if served, streams, frames := bob.core.Held(); served+streams+frames > 0 {
			t.Errorf("%v: bob holds %d runs, %d streams, %d frames", x.frames, served, streams, frames)
		}
	}
}

// However many runs are asked for, a bounded number is served.
func TestRunsServedAreBounded(t *testing.T) {
	bob, d := abuse(t, true, times(500, func(i uint64) frame.Frame { return frame.Bench{Run: i, Op: frame.BenchOpen, A: i} })...)
	if served, streams, _ := bob.core.Held(); served > 64 || streams > protocol.MaxStreams || len(d.sends) > 70 {
		t.Errorf("%d runs, %d streams, %d answers", served, streams, len(d.sends))
	}
	bob, d = abuse(t, true, times(500, func(i uint64) frame.Frame { return frame.Bench{Run: i, Op: frame.BenchOpen} })...)
	if served, _, _ := bob.core.Held(); served != 64 || len(d.sends) > 70 {
		t.Errorf("%d runs, %d answers", served, len(d.sends))
	}
}

// Who asks for path responses without end and acknowledges none makes nothing grow.
func TestPathChallengesAreAnsweredWithinBounds(t *testing.T) {
	w, alice, bob := pair(t, 1, sim.Link{})
	w.lan.Cut(bob.host, alice.host)
	d := &drops{of: bob, reasons: map[string]int{}}
	w.watch = d
	for i := range 2 * protocol.MaxTracked {
		alice.core.Now(alice.clock(), "bob", frame.PathChallenge{}, frame.PathChallenge{})
		alice.settle()
		w.run(20 * time.Microsecond)
		if n := bob.core.InFlight("alice"); n > protocol.MaxTracked || n > i+10 {
			t.Fatalf("after %d packets %d are in flight", i, n)
		}
	}
	if n := len(d.sends); n < protocol.MaxTracked-10 || n > protocol.MaxTracked+100 {
		t.Errorf("%d answers", n)
	}
}

// Who floods a node that serves it and acknowledges nothing makes no more wait than is good for a flood.
func TestAnswersOfBenchesAreBounded(t *testing.T) {
	for name, flood := range map[string]func(i uint64) frame.Frame{
		"the same run": func(uint64) frame.Frame { return frame.Bench{Run: 1, Op: frame.BenchOpen} },
		"messages":     func(i uint64) frame.Frame { return frame.Bench{Run: 1, Op: frame.BenchMessage, A: 2 * i} },
		"runs that end": func(i uint64) frame.Frame {
			return frame.Bench{Run: 1 + i/2, Op: []frame.BenchOp{frame.BenchOpen, frame.BenchEnd}[i%2]}
		},
	} {
		w, alice, bob := pair(t, 1, sim.Link{})
		alice.core.Now(alice.clock(), "bob", frame.Bench{Run: 1, Op: frame.BenchOpen})
		alice.settle()
		w.run(time.Second)
		w.lan.Cut(bob.host, alice.host)
		for i := range uint64(2000) {
			var frames []frame.Frame
			for j := range uint64(20) {
				frames = append(frames, flood(20*i+j))
			}
			alice.core.Now(alice.clock(), "bob", frames...)
			alice.settle()
			w.run(20 * time.Microsecond)
		}
		if _, _, frames := bob.core.Held(); frames > 10_000 || name == "the same run" && frames > 0 {
			t.Errorf("%s: %d frames wait", name, frames)
		}
		if bob.online() != "alice" {
			t.Errorf("%s: the session is closed", name)
		}
	}
}
