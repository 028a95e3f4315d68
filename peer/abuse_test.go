package peer_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/sim"
	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
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

// firstState is what mallory's first state is called, in every frame that opens something.
var firstState = []byte{7: 1}

// firstStream is the first stream of mallory's, whose instance is the same in every world of abuse.
func firstStream(t *testing.T) uint64 {
	nodes := everybody(newWorld(t, 1), "mallory", "bob")
	mallory, bob := nodes[0].core.Instance(), nodes[1].core.Instance()
	if bytes.Compare(mallory[:], bob[:]) < 0 {
		return 1
	}
	return 2
}

// times is n frames, made of their numbers from 1.
func times(n int, f func(i uint64) frame.Frame) []frame.Frame {
	out := make([]frame.Frame, n)
	for i := range out {
		out[i] = f(uint64(i + 1))
	}
	return out
}

// What nobody here has asked for is dropped, with a reason, and makes nothing grow. No answer tells that it came, but to pieces of streams:
// their sender must not take them for delivered.
func TestUnaskedBenchesAndStreamsAreDropped(t *testing.T) {
	data := make([]byte, 900)
	id := firstStream(t)
	const noBench, noStream = "peer: bench that is not served here", "stream: piece of a stream that was never accepted"
	for _, x := range []struct {
		name   string
		serves bool
		frames []frame.Frame
		reason string
	}{
		{"runs", false, times(1000, func(i uint64) frame.Frame {
			return frame.Bench{Run: i, Op: frame.BenchOpen, A: id + 2*i, Data: firstState}
		}), noBench},
		{"messages", false, times(1000, func(i uint64) frame.Frame { return frame.Bench{Run: 1, Op: frame.BenchMessage, A: i, Data: data} }), noBench},
		{"messages of no run", true, times(1000, func(i uint64) frame.Frame { return frame.Bench{Run: i, Op: frame.BenchMessage, Data: data} }), noBench},
		{"runs of no state", true, times(1000, func(i uint64) frame.Frame { return frame.Bench{Run: i, Op: frame.BenchOpen} }), "peer: frame of a state that is over"},
		{"streams of bob's", true, times(1000, func(i uint64) frame.Frame {
			return frame.Bench{Run: i, Op: frame.BenchOpen, A: 3 - id, Data: firstState}
		}), "peer: stream with a number of this side's"},
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
		vectors := slices.DeleteFunc(slices.Clone(d.sends), func(s string) bool { return strings.HasPrefix(s, "stop ") })
		if len(vectors) > 2 || x.reason != noStream && len(d.sends) > 2 { // those of every day
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
	id := firstStream(t)
	open := frame.Bench{Run: 1, Op: frame.BenchOpen, A: id, Data: firstState}
	data := []byte("hello")
	for _, x := range []struct {
		frames []frame.Frame
		reason string
	}{
		{[]frame.Frame{frame.Chunk{Stream: id, Offset: protocol.StreamWindow, Data: data}}, "stream: beyond its credit"},
		{[]frame.Frame{frame.Chunk{Stream: id, Offset: protocol.MaxSafeInteger - 5, Data: data}}, "stream: beyond its credit"},
		{[]frame.Frame{frame.Chunk{Stream: id, Offset: 10, Data: data, Fin: true}, frame.Chunk{Stream: id, Offset: 15, Data: data}}, "stream: beyond its end"},
		{[]frame.Frame{frame.Chunk{Stream: id, Offset: 10, Data: data, Fin: true}, frame.Chunk{Stream: id, Offset: 5, Data: data, Fin: true}}, "stream: beyond its end"},
		{[]frame.Frame{frame.Stop{Stream: id, Length: protocol.StreamWindow + 1}}, "stream: beyond its credit"},
		{[]frame.Frame{frame.Chunk{Stream: id, Offset: 10, Data: data}, frame.Stop{Stream: id, Length: 14}}, "stream: beyond its end"},
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
	id := firstStream(t)
	bob, d := abuse(t, true, times(500, func(i uint64) frame.Frame {
		return frame.Bench{Run: i, Op: frame.BenchOpen, A: id + 2*i, Data: firstState}
	})...)
	if served, streams, _ := bob.core.Held(); served > 64 || streams > protocol.MaxStreams || len(d.sends) > 70 {
		t.Errorf("%d runs, %d streams, %d answers", served, streams, len(d.sends))
	}
	bob, d = abuse(t, true, times(500, func(i uint64) frame.Frame { return frame.Bench{Run: i, Op: frame.BenchOpen, Data: firstState} })...)
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

// A higher number of the other side's state ends all that came with the one before; what is late of that is dropped.
func TestStateThatIsLeftBehind(t *testing.T) {
	id := firstStream(t)
	bob, d := abuse(
		t, true,
		frame.Bench{Run: 1, Op: frame.BenchOpen, A: id, Data: firstState},
		frame.Bench{Run: 2, Op: frame.BenchOpen, Data: firstState},
		frame.Bench{Run: 3, Op: frame.BenchOpen, A: id + 2, Data: []byte{7: 2}},
		frame.Bench{Run: 4, Op: frame.BenchOpen, A: id + 4, Data: firstState},
		frame.Bench{Run: 5, Op: frame.BenchOpen, Data: make([]byte, 8)},
	)
	if served, streams, _ := bob.core.Held(); served != 1 || streams != 1 || d.reasons["peer: frame of a state that is over"] != 2 {
		t.Errorf("%d runs, %d streams, %v", served, streams, d.reasons)
	}
}

// A run that is over, in whatever way, leaves nothing where it was served.
func TestRunsThatAreGivenUpAreForgotten(t *testing.T) {
	data := make([]byte, 100)
	for name, run := range map[string]func(id uint64) []frame.Frame{
		"its stream is stopped": func(id uint64) []frame.Frame {
			return []frame.Frame{frame.Bench{Run: id, Op: frame.BenchOpen, A: id}, frame.Stop{Stream: id}}
		},
		"it ends in the middle": func(id uint64) []frame.Frame {
			return []frame.Frame{
				frame.Bench{Run: id, Op: frame.BenchOpen, A: id}, frame.Chunk{Stream: id, Data: data}, frame.Bench{Run: id, Op: frame.BenchEnd, A: 100},
			}
		},
	} {
		w, alice, bob := pair(t, 1, sim.Link{})
		for i := range uint64(100) {
			for _, f := range run(1 + 2*i) {
				alice.core.Now(alice.clock(), "bob", f)
				alice.settle()
				w.run(time.Millisecond)
			}
		}
		if served, streams, _ := bob.core.Held(); served+streams > 0 {
			t.Errorf("%s: %d runs and %d streams are left", name, served, streams)
		}
	}
}

// Who acknowledges what was never sent, or a number that was left out, loses the session.
func TestAcksThatAreNotTrueCloseTheSession(t *testing.T) {
	for name, x := range map[string]struct {
		number func(bob *node) uint64
		reason string
	}{
		"unsent":  {func(*node) uint64 { return 1 << 40 }, recovery.ErrUnsent.Error()},
		"skipped": {func(bob *node) uint64 { return bob.core.SkipNumber("alice") }, recovery.ErrSkipped.Error()},
	} {
		w, alice, bob := pair(t, 1, sim.Link{})
		w.run(5 * time.Second)
		d := &drops{of: bob, reasons: map[string]int{}}
		w.watch = d
		n := x.number(bob)
		alice.core.Now(alice.clock(), "bob", frame.Ack{Ranges: []protocol.Range{{First: n, Last: n}}})
		alice.settle()
		w.run(100 * time.Millisecond)
		traced := false
		for r := range d.reasons {
			traced = traced || strings.HasPrefix(r, x.reason)
		}
		closed := slices.ContainsFunc(d.sends, func(s string) bool { return strings.Contains(s, "acknowledged what was never sent") })
		if !traced || !closed {
			t.Errorf("%s: bob drops for %v and sends %q", name, d.reasons, d.sends)
		}
	}
}
