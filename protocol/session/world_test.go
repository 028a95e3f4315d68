package session

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

// world is a few endpoints on a wire in memory, 1 ms long, in virtual time. What happens is written down, one line each;
// want compares it, so that any unexpected event fails.
type world struct {
	t     *testing.T
	now   time.Time
	began time.Time
	nodes []*node
	wire  flights
	n     int
	lost  map[protocol.Kind]int // how many more of a kind are lost
	lines []string
	times []time.Duration // of the lines

	strangers byte // how many have knocked
}

// node is an endpoint and those who use it: it greets whoever opened a session to it, and confirms what it hears.
type node struct {
	name     string
	instance protocol.Instance
	path     protocol.Path
	e        *Endpoint
	sessions map[uint32]*Session
	in       [][]byte // all that arrived
	mute     bool     // it greets nobody
}

type flight struct {
	at   time.Time
	n    int
	from protocol.Path
	to   protocol.Path
	data []byte
}

type flights []flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	return f[i].at.Before(f[j].at) || f[i].at.Equal(f[j].at) && f[i].n < f[j].n
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	x := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return x
}

const wireDelay = time.Millisecond

// newWorld makes nodes; the first has the smallest instance, and so on.
func newWorld(t *testing.T, names ...string) *world {
	t.Helper()
	start := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	w := &world{t: t, now: start, began: start, lost: map[protocol.Kind]int{}}
	for _, name := range names {
		w.join(name, protocol.OpenNetwork())
	}
	return w
}

func (w *world) join(name string, network *protocol.Network) *node {
	w.t.Helper()
	i := byte(len(w.nodes) + 1)
	n := &node{
		name:     name,
		instance: protocol.Instance{i, 15: 0xee},
		path:     protocol.Path{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, i}), 4000)},
		sessions: map[uint32]*Session{},
	}
	n.e = newEndpoint(w.t, i, n.instance, network)
	w.nodes = append(w.nodes, n)
	return n
}

func newEndpoint(t testing.TB, seed byte, instance protocol.Instance, network *protocol.Network) *Endpoint {
	t.Helper()
	random := rand.NewChaCha8([32]byte{seed})
	identity, err := protocol.NewIdentity(random)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEndpoint(Config{Identity: identity, Network: network, Instance: instance, Rand: random})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// restart gives a node a new instance and new Noise keys, and makes it forget its sessions.
func (w *world) restart(name string) {
	n := w.node(name)
	n.instance[8]++
	n.e = newEndpoint(w.t, n.instance[0]+100, n.instance, protocol.OpenNetwork())
	n.sessions = map[uint32]*Session{}
}

func (w *world) node(name string) *node {
	for _, n := range w.nodes {
		if n.name == name {
			return n
		}
	}
	w.t.Fatalf("no node %q", name)
	return nil
}

func (w *world) nameOf(path protocol.Path) string {
	for _, n := range w.nodes {
		if n.path.Addr == path.Addr {
			return n.name
		}
	}
	return path.Addr.String()
}

func (w *world) log(format string, args ...any) {
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
	w.times = append(w.times, w.now.Sub(w.began))
}

// connect begins an attempt from one node to another.
func (w *world) connect(from, to string) {
	n := w.node(from)
	n.e.Connect(w.now, w.node(to).instance, w.node(to).path)
	w.collect(n)
}

// seek begins an attempt from one node to whoever is where another is.
func (w *world) seek(from, to string) {
	n := w.node(from)
	n.e.Connect(w.now, protocol.Instance{}, w.node(to).path)
	w.collect(n)
}

// lose loses the next count datagrams of a kind.
func (w *world) lose(kind protocol.Kind, count int) { w.lost[kind] += count }

// inject puts a datagram on the wire in somebody's name.
func (w *world) inject(from, to protocol.Path, data []byte) {
	w.n++
	heap.Push(&w.wire, flight{w.now.Add(wireDelay), w.n, from, to, append([]byte(nil), data...)})
}

// collect takes a node's output onto the wire.
func (w *world) collect(n *node) {
	out := n.e.Output()
	for _, s := range out.Established {
		role := "responder"
		if s.Initiator() {
			role = "initiator"
		}
		w.log("%s: session with %s as %s", n.name, w.whose(s), role)
		n.sessions[s.LocalIndex()] = s
	}
	for _, s := range out.Sends {
		w.put(n, s.Path, s.Data, s.Kind, s.Why)
	}
	for _, f := range out.Failed {
		w.log("%s: failed %s: %v", n.name, w.nameOf(f.Path), f.Err)
		if f.Session != nil {
			delete(n.sessions, f.Session.LocalIndex())
			n.e.Release(f.Session.LocalIndex())
		}
	}
	for _, s := range out.Established {
		if !s.Initiator() && !n.mute {
			w.say(n, s, "hello")
		}
	}
}

func (w *world) whose(s *Session) string {
	for _, n := range w.nodes {
		if n.e.self.identity.ID() == s.Peer() && n.instance == s.Instance() {
			return n.name
		}
	}
	return s.Peer().Short()
}

func (w *world) put(n *node, to protocol.Path, data []byte, kind protocol.Kind, why string) {
	if got, err := protocol.ParseKind(data); err != nil || got != kind {
		w.t.Fatalf("%s sends a %v that is a %v: %v", n.name, kind, got, err)
	}
	line := fmt.Sprintf("%s > %s %v", n.name, w.nameOf(to), kind)
	if why != "" {
		line += ", " + why
	}
	if w.lost[kind] > 0 {
		w.lost[kind]--
		w.log("%s, lost", line)
		return
	}
	w.log("%s", line)
	w.inject(n.path, to, data)
}

// say sends one packet.
func (w *world) say(n *node, s *Session, text string) {
	data, _, err := s.Seal(nil, []byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	w.put(n, s.Path(), data, protocol.KindPacket, "")
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	for end := w.now.Add(d); ; {
		next := end
		var due *node
		for _, n := range w.nodes {
			if t := n.e.Deadline(); !t.IsZero() && t.Before(next) {
				next, due = t, n
			}
		}
		if len(w.wire) > 0 && !w.wire[0].at.After(next) {
			f := heap.Pop(&w.wire).(flight)
			w.now = f.at
			w.deliver(f)
			continue
		}
		w.now = next
		if due == nil {
			return
		}
		due.e.Advance(w.now)
		if t := due.e.Deadline(); !t.IsZero() && !t.After(w.now) {
			w.t.Fatalf("%s is due again at once", due.name)
		}
		w.collect(due)
	}
}

func (w *world) deliver(f flight) {
	for _, n := range w.nodes {
		if n.path.Addr != f.to.Addr {
			continue
		}
		n.in = append(n.in, f.data)
		kind, err := protocol.ParseKind(f.data)
		if err == nil && kind == protocol.KindPacket {
			err = n.hear(f.data)
		} else if err == nil {
			err = n.e.Receive(w.now, f.from, kind, f.data)
		}
		if err != nil {
			w.log("%s: drops %v: %v", n.name, kind, err)
		}
		w.collect(n)
	}
}

func (n *node) hear(data []byte) error {
	index, err := Index(data)
	if err != nil {
		return err
	}
	s := n.sessions[index]
	if s == nil {
		return ErrIndex
	}
	_, _, err = s.Open(append([]byte(nil), data...))
	if err == nil {
		n.e.Confirm(index)
	}
	return err
}

// want compares what has happened since the last want.
func (w *world) want(lines string) {
	w.t.Helper()
	got := strings.Join(w.lines, "\n")
	want := strings.ReplaceAll(strings.TrimSpace(lines), "\t", "")
	if got != want {
		w.t.Errorf("happened:\n%s\n\nwanted:\n%s", got, want)
	}
	w.lines, w.times = nil, nil
}

// talk proves that the only session of each of two nodes leads to the other's.
func (w *world) talk(a, b string) {
	w.t.Helper()
	w.lines, w.times = nil, nil
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		from, to := w.node(pair[0]), w.node(pair[1])
		if len(from.sessions) != 1 {
			w.t.Fatalf("%s has %d sessions", from.name, len(from.sessions))
		}
		for _, s := range from.sessions {
			if s.Peer() != to.e.self.identity.ID() || s.Instance() != to.instance {
				w.t.Errorf("%s: session with somebody else than %s", from.name, to.name)
			}
			w.say(from, s, "how are you")
		}
	}
	w.run(10 * time.Millisecond)
	w.want(fmt.Sprintf("%s > %s packet\n%s > %s packet", a, b, b, a))
}

// quiet proves that nobody has anything left to do.
func (w *world) quiet() {
	w.t.Helper()
	w.run(protocol.HalfOpenTimeout + time.Second)
	w.want("")
	for _, n := range w.nodes {
		if d := n.e.Deadline(); !d.IsZero() || n.e.HalfOpen() != 0 || n.e.Connecting() != 0 {
			w.t.Errorf("%s: deadline %v, %d half open, %d connecting", n.name, d, n.e.HalfOpen(), n.e.Connecting())
		}
		if len(n.e.used) != len(n.sessions) {
			w.t.Errorf("%s: %d indices for %d sessions", n.name, len(n.e.used), len(n.sessions))
		}
	}
}

// parsed takes a handshake datagram apart.
func parsed(t testing.TB, kind protocol.Kind, data []byte) handshake {
	t.Helper()
	h, ok := parseHandshake(data, kind)
	if !ok {
		t.Fatalf("not a %v: %x", kind, data)
	}
	return h
}

// sent is the only datagram that an endpoint wants to send.
func sent(t testing.TB, e *Endpoint) Send {
	t.Helper()
	out := e.Output()
	if len(out.Sends) != 1 {
		t.Fatalf("%d datagrams are sent", len(out.Sends))
	}
	return out.Sends[0]
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error %v, wanted %v", got, want)
	}
}
