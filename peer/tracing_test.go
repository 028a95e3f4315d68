package peer_test

import (
	"bytes"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"

	"earshot/discovery/lan"
	"earshot/discovery/lan/sim"
	"earshot/protocol/frame"
	"earshot/protocol/replica"
	"earshot/protocol/trace"
)

// tracing makes the trace of a scenario: one line for each datagram that is sent, with what became of it at the end,
// and one for each that is dropped, with the reason.
type tracing struct {
	s       *scenario
	on      bool
	in      bool            // show what is received, too
	only    map[string]bool // kinds and frame names, empty: all
	hide    map[string]bool
	of      map[string]bool // nodes
	pending []*flight       // traced, not yet on the wire
	flights []*flight
}

// flight is a datagram that was sent, and who has received it.
type flight struct {
	from      *node
	broadcast bool
	data      []byte
	running   []*node // who could receive it
	reached   map[*node]int
	damaged   map[*node]bool
}

func newTracing(s *scenario) tracing { return tracing{s: s, on: true} }

// setTrace: trace on, trace off, trace all; trace only handshake packet, trace hide announcement (kinds of datagrams, or a
// frame that a packet has); trace of alice: what alice sends and drops; trace in: what is received, too.
func (s *scenario) setTrace(words []string) {
	t := &s.tracing
	set := map[string]bool{}
	for _, w := range words[1:] {
		set[w] = true
	}
	switch words[0] {
	case "on", "off":
		t.on = words[0] == "on"
	case "all":
		t.on, t.in, t.only, t.hide, t.of = true, false, nil, nil, nil
	case "in":
		t.in = true
	case "only":
		t.on, t.only = true, set
	case "hide":
		t.on, t.hide = true, set
	case "of":
		t.on, t.of = true, set
	default:
		panic("trace what?")
	}
}

// shows tells whether a record belongs into the output.
func (t *tracing) shows(r trace.Record) bool {
	is := func(set map[string]bool) bool {
		kind, _, _ := strings.Cut(r.Kind.String(), " ")
		return set[kind] || slices.ContainsFunc(r.Frames, func(f frame.Frame) bool { return set[f.Type().String()] })
	}
	switch {
	case !t.on, len(t.only) > 0 && !is(t.only) && r.Drop == "", is(t.hide), len(t.of) > 0 && !t.of[r.Node]:
		return false
	case !r.Out && t.s.nameOf(r) == r.Node:
		return false // a broadcast returns to its sender
	}
	return r.Out || r.Drop != "" || t.in
}

// Record implements trace.Sink.
func (t *tracing) Record(r trace.Record) {
	var f *flight
	if r.Out && r.Drop == "" {
		f = &flight{reached: map[*node]int{}, damaged: map[*node]bool{}}
		t.pending = append(t.pending, f)
	}
	if !t.shows(r) {
		return
	}
	r.Frames = slices.Clone(r.Frames)
	for i, x := range r.Frames {
		if e, ok := x.(frame.Entry); ok {
			r.Frames[i] = t.entry(e)
		}
	}
	line := t.s.text.Line(r)
	t.s.print(func(b *bytes.Buffer) {
		fmt.Fprint(b, line)
		if f != nil {
			fmt.Fprint(b, f.fate())
		}
		fmt.Fprintln(b)
	})
}

// entry says whose line it is.
func (t *tracing) entry(e frame.Entry) frame.Frame {
	log, seq, err := replica.Peek(e.Raw)
	if err != nil {
		return e
	}
	for _, n := range t.s.nodes {
		if n.identity.ID() == log.Author {
			return lineFrame{e, fmt.Sprintf("entry %s %d", n.name, seq)}
		}
	}
	return e
}

// lineFrame is an entry that the trace calls by its author and number.
type lineFrame struct {
	frame.Entry
	text string
}

func (f lineFrame) String() string { return f.text }

// sent notes that the next datagram traced is on the wire.
func (t *tracing) sent(n *node, d lan.Datagram) {
	f := t.pending[0]
	t.pending = t.pending[1:]
	f.from, f.data, f.broadcast = n, slices.Clone(d.Data), d.Addr.Port() == announcePort
	for _, x := range t.s.nodes {
		if x != n && x.core != nil {
			f.running = append(f.running, x)
		}
	}
	t.flights = append(t.flights, f)
}

// delivered finds the datagram that arrives, damaged or not: the latest one that it can be.
func (t *tracing) delivered(n *node, d sim.Delivery) {
	for _, same := range []func(*flight) bool{
		func(f *flight) bool { return bytes.Equal(f.data, d.Data) },
		func(f *flight) bool { return damaged(f.data, d.Data) },
	} {
		for i := len(t.flights) - 1; i >= max(0, len(t.flights)-200); i-- {
			if f := t.flights[i]; f.from != n && f.from.at(d.Src) && same(f) {
				f.reached[n]++
				f.damaged[n] = !bytes.Equal(f.data, d.Data)
				return
			}
		}
	}
}

// damaged tells whether got is sent with a flipped bit, or cut short.
func damaged(sent, got []byte) bool {
	if len(got) != len(sent) {
		return bytes.HasPrefix(sent, got)
	}
	flips := 0
	for i := range sent {
		flips += bits.OnesCount8(sent[i] ^ got[i])
	}
	return flips == 1
}

// fate is what became of the datagram, empty if it arrived where it should.
func (f *flight) fate() string {
	var not, twice, broken []string
	for _, n := range f.running {
		switch {
		case f.reached[n] == 0:
			not = append(not, n.name)
		case f.reached[n] > 1:
			twice = append(twice, n.name)
		}
		if f.damaged[n] {
			broken = append(broken, n.name)
		}
	}
	switch {
	case len(f.reached) == 0 && (!f.broadcast || len(f.running) > 0):
		return "   (lost)"
	case f.broadcast:
		return told("not heard by", not) + told("damaged for", broken)
	case len(twice) > 0:
		return "   (arrives twice)"
	case len(broken) > 0:
		return "   (damaged)"
	}
	return ""
}

func told(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("   (%s %s)", what, strings.Join(names, ", "))
}

// link reads the settings of a wire: loss=0.3 delay=10ms.
func link(words []string) sim.Link {
	var l sim.Link
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "loss":
			l.Loss = share(value)
		case "burst":
			l.LossBurst = share(value)
		case "broadcast-loss":
			l.BroadcastLoss = share(value)
		case "duplicate":
			l.Duplicate = share(value)
		case "reorder":
			l.Reorder = share(value)
		case "corrupt":
			l.Corrupt = share(value)
		case "truncate":
			l.Truncate = share(value)
		case "delay":
			l.Delay = duration(value)
		case "jitter":
			l.Jitter = duration(value)
		default:
			panic("a link has no " + key)
		}
	}
	return l
}

// prefixOr is an address, or none for "loopback".
func prefixOr(word string) netip.Prefix {
	if word == "loopback" {
		return netip.Prefix{}
	}
	return prefix(word)
}

var _ watcher = (*tracing)(nil)
