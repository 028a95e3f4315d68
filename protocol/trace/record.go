// Package trace is what a node tells about each datagram that it sends, receives or drops.
//
// One Record feeds the live inspector, trace files and the golden scenario tests. It holds decoded frames, and
// therefore texts, but never a key: a trace file can be shown to somebody without giving the conversation's secrets
// away for the future. Text writes records as lines for people, Writer and Reader as JSON lines (one object a line)
// for programs.
package trace

import (
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// Record is one datagram, out or in. What is not known stays zero.
type Record struct {
	Time     time.Time
	Node     string // a short label of the node that tells it, where several share one trace
	Out      bool   // sent, else received
	Kind     protocol.Kind
	Path     protocol.Path     // the other side's address, and the interface
	Peer     protocol.PeerID   // the other side's proven key
	Instance protocol.Instance // the other side's instance; in an announcement the one announced
	Number   uint64            // of a packet
	Size     int               // of the datagram, bytes
	Frames   []frame.Frame     // of a packet; of a cast its entries, as frame.Entry
	Why      string            // out: what made it necessary ("new", "repair", "probe"), empty if plain
	Drop     string            // the reason why it was not sent or not accepted, empty if it was
}

// Sink takes records. It is called from the loop that owns the node, so it must not block; a record's slices may be
// kept, for nobody changes them afterwards.
type Sink interface {
	Record(r Record)
}

// Discard is a sink that keeps nothing.
type Discard struct{}

// Record does nothing.
func (Discard) Record(Record) {}

// List is a sink that keeps everything, for tests.
type List []Record

// Record appends r.
func (l *List) Record(r Record) { *l = append(*l, r) }

// Tee is a sink that passes every record to all of its sinks, in order.
type Tee []Sink

// Record passes r on.
func (t Tee) Record(r Record) {
	for _, s := range t {
		s.Record(r)
	}
}
