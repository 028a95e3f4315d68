package frame

import (
	"bytes"
	"fmt"

	"earshot/protocol"
)

// BenchOp is what a Bench says.
type BenchOp uint8

// What a Bench says, in the order in which a run goes. A to B and Data mean something for each of its own.
const (
	// BenchOpen asks for a run: A is the stream that will be filled, 0 for messages, Data the number of the sender's state (SPEC section 6.16).
	// Only who serves benches answers.
	BenchOpen BenchOp = 1
	// BenchReady answers: the run may begin. Data as in BenchOpen.
	BenchReady BenchOp = 2
	// BenchMessage is one message: A is its number, from 0, Data what it carries.
	BenchMessage BenchOp = 3
	// BenchReply acknowledges the messages A to B.
	BenchReply BenchOp = 4
	// BenchEnd ends the run and asks for its result.
	BenchEnd BenchOp = 5
	// BenchResult tells it: A messages or bytes have come, and the serving process has spent B µs of processor time on the run.
	BenchResult BenchOp = 6
)

var benchNames = [...]string{
	BenchOpen: "open", BenchReady: "ready", BenchMessage: "message", BenchReply: "reply", BenchEnd: "end", BenchResult: "result",
}

// Bench measures the channel (SPEC section 5.13).
type Bench struct {
	Run  uint64  `json:"run"` // drawn by who asks
	Op   BenchOp `json:"op"`
	A    uint64  `json:"a"`
	B    uint64  `json:"b"`
	Data []byte  `json:"data,omitempty"`
}

// BenchOverhead is the most that a Bench adds to its data. Bytes.
const BenchOverhead = 1 + 1 + 9 + 1 + 9 + 9 + 3

// Type is TypeBench.
func (Bench) Type() Type { return TypeBench }

// Append writes the frame.
func (f Bench) Append(e *protocol.Encoder) {
	e.Array(6)
	e.Uint(uint64(TypeBench))
	e.Uint(f.Run)
	e.Uint(uint64(f.Op))
	e.Uint(f.A)
	e.Uint(f.B)
	e.Bin(f.Data)
}

func parseBench(d *protocol.Decoder, _ int) Frame {
	f := readBench(d)
	f.Data = bytes.Clone(f.Data)
	return f
}

// readBench reads the fields after the type; Data shares the decoder's input.
func readBench(d *protocol.Decoder) Bench {
	f := Bench{
		Run: d.UintMax(protocol.MaxSafeInteger), Op: BenchOp(d.UintMax(1<<8 - 1)),
		A: d.UintMax(protocol.MaxSafeInteger), B: d.UintMax(protocol.MaxSafeInteger), Data: d.Bin(),
	}
	if f.Op < BenchOpen || f.Op > BenchResult {
		d.Fail("op %d", f.Op)
	}
	if f.Op == BenchReply && f.B < f.A {
		d.Fail("replies to %d-%d", f.A, f.B)
	}
	return f
}

func (f Bench) String() string {
	name := "?"
	if int(f.Op) < len(benchNames) {
		name = benchNames[f.Op]
	}
	s := "bench " + name
	switch f.Op {
	case BenchMessage:
		s += fmt.Sprintf(" %d, %d B", f.A, len(f.Data))
	case BenchReply:
		s += " " + protocol.Range{First: f.A, Last: f.B}.String()
	}
	return s
}
