package trace

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/protocol"
)

// Text writes one line per record:
//
//	0.012345 alice > 10.0.0.2:4000 packet 3 54 B [ack 0-4, entry 212 B] repair
//	0.012501 bob < 10.0.0.1:4000 packet 3 54 B drop: session: replayed packet
type Text struct {
	w io.Writer
	// Start is the time that lines count from, in seconds. The zero time: from the first record on.
	Start time.Time
	// Name, if set, gives the other side a name; where it returns "" the address stands.
	Name func(Record) string
	err  error
}

// NewText returns a sink that writes lines to w.
func NewText(w io.Writer) *Text { return &Text{w: w} }

// Record writes one line.
func (t *Text) Record(r Record) {
	if t.Start.IsZero() {
		t.Start = r.Time
	}
	if t.err != nil {
		return
	}
	_, t.err = fmt.Fprintf(t.w, "%s\n", t.Line(r))
}

// Err is the first error of the writer. Nothing is written after it.
func (t *Text) Err() error { return t.err }

// Line is the line of one record, without line end. Text that came from others is quoted in it, so that it holds no
// control characters.
func (t *Text) Line(r Record) string {
	since := r.Time.Sub(t.Start)
	parts := []string{fmt.Sprintf("%.6f", since.Seconds())}
	if r.Node != "" {
		parts = append(parts, r.Node)
	}
	parts = append(parts, direction(r.Out))
	if name := t.other(r); name != "" {
		parts = append(parts, name)
	}
	parts = append(parts, Summary(r))
	return strings.Join(parts, " ")
}

func direction(out bool) string {
	if out {
		return ">"
	}
	return "<"
}

func (t *Text) other(r Record) string {
	if t.Name != nil {
		if name := t.Name(r); name != "" {
			return name
		}
	}
	if r.Path.Addr.IsValid() {
		return r.Path.Addr.String()
	}
	return ""
}

// Summary is what the datagram of a record is, without when and between whom.
func Summary(r Record) string {
	var b strings.Builder
	switch {
	case r.Kind == 0:
		b.WriteString("datagram")
	case r.Kind == protocol.KindPacket:
		fmt.Fprintf(&b, "%s %d", r.Kind, r.Number)
	case r.Kind == protocol.KindAnnouncement && r.Instance != uuid.Nil:
		fmt.Fprintf(&b, "%s %s", r.Kind, r.Instance.String()[:8])
	default:
		b.WriteString(r.Kind.String())
	}
	fmt.Fprintf(&b, " %d B", r.Size)
	if len(r.Frames) > 0 {
		b.WriteString(" [")
		for i, f := range r.Frames {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprint(&b, f)
		}
		b.WriteString("]")
	}
	if r.Why != "" {
		b.WriteString(" " + r.Why)
	}
	if r.Drop != "" {
		b.WriteString(" drop: " + r.Drop)
	}
	return b.String()
}
