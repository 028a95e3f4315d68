package trace

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// line is a record as JSON. The names of its fields are stable: programs read them.
type line struct {
	Time      time.Time          `json:"time"`
	Node      string             `json:"node,omitempty"`
	Direction string             `json:"dir"` // "out" or "in"
	Kind      protocol.Kind      `json:"kind,omitzero"`
	Addr      netip.AddrPort     `json:"address,omitzero"`
	Interface int                `json:"interface,omitzero"`
	Peer      *protocol.PeerID   `json:"peer,omitempty"`
	Instance  *protocol.Instance `json:"instance,omitempty"`
	Number    *uint64            `json:"number,omitempty"` // of packets only
	Size      int                `json:"size"`
	Frames    []named            `json:"frames,omitempty"`
	Why       string             `json:"why,omitempty"`
	Drop      string             `json:"drop,omitempty"`
}

// named is a frame as a JSON object with one field: {"ack":{"delay_ns":0,"ranges":["0-4"]}}.
type named struct{ frame.Frame }

// MarshalJSON writes the object.
func (n named) MarshalJSON() ([]byte, error) {
	name := n.Type().String()
	if _, ok := n.Frame.(frame.Unknown); ok {
		name = "unknown"
	}
	return json.Marshal(map[string]frame.Frame{name: n.Frame})
}

// UnmarshalJSON reads the object.
func (n *named) UnmarshalJSON(b []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	if len(fields) != 1 {
		return fmt.Errorf("trace: a frame has one name, not %d", len(fields))
	}
	for name, raw := range fields {
		read, ok := readers[name]
		if !ok {
			return fmt.Errorf("trace: no frame is called %q", name)
		}
		f, err := read(raw)
		if err != nil {
			return fmt.Errorf("trace: %s: %w", name, err)
		}
		n.Frame = f
	}
	return nil
}

var readers = map[string]func([]byte) (frame.Frame, error){
	"ack":            read[frame.Ack],
	"ping":           read[frame.Ping],
	"self":           read[frame.Self],
	"peers":          read[frame.Peers],
	"vector":         read[frame.Vector],
	"entry":          read[frame.Entry],
	"part":           read[frame.Part],
	"have":           read[frame.Have],
	"want":           read[frame.Want],
	"path-challenge": read[frame.PathChallenge],
	"path-response":  read[frame.PathResponse],
	"close":          read[frame.Close],
	"read":           read[frame.Read],
	"chunk":          read[frame.Chunk],
	"credit":         read[frame.Credit],
	"stop":           read[frame.Stop],
	"pad":            read[frame.Pad],
	"bench":          read[frame.Bench],
	"unknown":        read[frame.Unknown],
}

func read[F frame.Frame](b []byte) (frame.Frame, error) {
	var f F
	err := json.Unmarshal(b, &f)
	return f, err
}

// Writer writes records as JSON lines. It is not buffered: give it a bufio.Writer where that matters.
type Writer struct {
	enc *json.Encoder
	err error
}

// NewWriter returns a sink that writes to w.
func NewWriter(w io.Writer) *Writer {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &Writer{enc: enc}
}

// Record writes one line.
func (w *Writer) Record(r Record) {
	if w.err != nil {
		return
	}
	l := line{
		Time: r.Time.UTC(), Node: r.Node, Direction: "in", Kind: r.Kind, Addr: r.Path.Addr, Interface: r.Path.Interface,
		Size: r.Size, Why: r.Why, Drop: r.Drop,
	}
	if r.Out {
		l.Direction = "out"
	}
	if !r.Peer.IsZero() {
		l.Peer = &r.Peer
	}
	if r.Instance != uuid.Nil {
		l.Instance = &r.Instance
	}
	if r.Kind == protocol.KindPacket {
		l.Number = &r.Number
	}
	for _, f := range r.Frames {
		l.Frames = append(l.Frames, named{f})
	}
	if err := w.enc.Encode(l); err != nil {
		w.err = fmt.Errorf("trace: %w", err)
	}
}

// Err is the first error of the writer. Nothing is written after it.
func (w *Writer) Err() error { return w.err }

// Reader reads what Writer wrote.
type Reader struct {
	lines  *bufio.Reader
	number int
}

// NewReader reads lines from r.
func NewReader(r io.Reader) *Reader { return &Reader{lines: bufio.NewReader(r)} }

// Next is the next record, or io.EOF after the last. A line that is none of Writer's is an error that names its
// number; Next may be called again to go on behind it.
func (r *Reader) Next() (Record, error) {
	b, err := r.lines.ReadBytes('\n')
	if err != nil && !(errors.Is(err, io.EOF) && len(b) > 0) {
		return Record{}, err
	}
	r.number++
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return Record{}, fmt.Errorf("trace: line %d: %w", r.number, err)
	}
	rec := Record{
		Time: l.Time, Node: l.Node, Out: l.Direction == "out", Kind: l.Kind,
		Path: protocol.Path{Addr: l.Addr, Interface: l.Interface}, Size: l.Size, Why: l.Why, Drop: l.Drop,
	}
	if l.Peer != nil {
		rec.Peer = *l.Peer
	}
	if l.Instance != nil {
		rec.Instance = *l.Instance
	}
	if l.Number != nil {
		rec.Number = *l.Number
	}
	for _, f := range l.Frames {
		rec.Frames = append(rec.Frames, f.Frame)
	}
	return rec, nil
}
