package peer_test

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/protocol/trace"
)

// world is a simulated LAN with a core on every host, driven from one heap: no goroutine, no clock, no chance but the seed's.
type world struct {
	t     testing.TB
	seed  uint64
	lan   *sim.LAN
	now   time.Time
	nodes []*node
	out   bytes.Buffer // the trace of everything, as text
	text  *trace.Text
	quiet bool
	blind bool    // no core traces anything
	sent  int     // datagrams
	watch watcher // nil: the trace goes to out
}

// watcher sees what happens on the LAN, for the scenarios.
type watcher interface {
	trace.Sink
	sent(n *node, d lan.Datagram)
	delivered(n *node, d sim.Delivery)
}

// node is one core, its sockets and its disk.
type node struct {
	w        *world
	name     string
	identity *protocol.Identity
	store    *replica.MemStore
	disk     time.Duration // what a batch takes
	host     *sim.Host
	loopback bool // uses the loopback interface too
	aes      bool // the machine has AES in hardware
	asleep   bool // the machine is suspended: no timer runs, nothing is received
	starts   int
	skew     time.Duration
	keeps    peer.Retention
	reads    bool // shares read marks

	core            *peer.Core
	sends           []lan.Datagram // of the last Output
	copies          []byte         // and what they were
	private, shared *sim.Socket
	batches         []finished
	last            []replica.Verified // the last batch that the disk has finished
	backup          *replica.MemStore
	wrap            replica.Store // stands before the store, nil: nothing does
	restored        bool          // an old copy was put back
	resume          string        // from the last end, if that was a clean one
	events          []peer.Event
	interfaces      []lan.Interface
}

// finished is a batch that the store is through with at a time.
type finished struct {
	at    time.Time
	batch *peer.Batch
}

const announcePort = 24816

// epoch is when every simulation begins.
var epoch = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, seed uint64) *world {
	w := &world{t: t, seed: seed, lan: sim.New(seed), now: epoch}
	w.text = trace.NewText(&w.out)
	w.text.Start = epoch
	w.text.Name = w.nameOf
	return w
}

// nameOf calls the other side of a record by its name.
func (w *world) nameOf(r trace.Record) string {
	for _, n := range w.nodes {
		if n.identity.ID() == r.Peer {
			if n.at(r.Path.Addr) {
				return n.name
			}
			return fmt.Sprintf("%s(%s)", n.name, r.Path.Addr)
		}
	}
	for _, n := range w.nodes {
		if n.at(r.Path.Addr) {
			return n.name
		}
	}
	if r.Path.Addr.Port() == announcePort {
		return "everybody"
	}
	return ""
}

// at tells whether the node's private socket has that address.
func (n *node) at(a netip.AddrPort) bool {
	return n.private != nil && n.private.Port == a.Port() && slices.ContainsFunc(n.host.Interfaces(), func(i sim.Interface) bool {
		return i.Addr.Addr() == a.Addr()
	})
}

// random is a stream that depends on the seed and a name alone.
func random(seed uint64, name string) *rand.ChaCha8 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name)
	var key [32]byte
	for i := range 8 {
		key[i], key[8+i] = byte(seed>>(8*i)), byte(h.Sum64()>>(8*i))
	}
	return rand.NewChaCha8(key)
}

// host adds a host with a node that is not yet started.
func (w *world) host(name string) *node {
	return w.node(name, w.lan.AddHost(name, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(len(w.nodes) + 1)}), 24)))
}

// node adds one to a host that may have others.
func (w *world) node(name string, host *sim.Host) *node {
	n := &node{w: w, name: name, store: replica.NewMemStore(), host: host}
	var err error
	if n.identity, err = protocol.NewIdentity(random(w.seed, "identity "+name)); err != nil {
		w.t.Fatal(err)
	}
	w.nodes = append(w.nodes, n)
	return n
}

// start runs the node's program, for the first time or again, on what its disk holds.
func (n *node) start(peers ...netip.AddrPort) {
	w := n.w
	n.starts++
	var err error
	if n.private, err = n.host.Open(0); err != nil {
		w.t.Fatal(err)
	}
	if n.shared, err = n.host.OpenShared(announcePort); err != nil {
		w.t.Fatal(err)
	}
	n.private.Tag, n.shared.Tag = n, n
	state, _ := n.store.State()
	var sink trace.Sink = w
	if w.blind {
		sink = nil
	}
	n.core, err = peer.NewCore(peer.Config{
		Identity: n.identity, Network: protocol.OpenNetwork(), Name: n.name, AnnouncePort: announcePort, Peers: peers, Retention: n.keeps, Resume: n.resume,
		ReadMarks: n.reads, Rand: random(w.seed, fmt.Sprint("node ", n.name, n.starts)), Trace: sink, AES: n.aes,
	}, n.clock(), n.private.Port, state)
	if err != nil {
		w.t.Fatal(err)
	}
	n.events, n.batches, n.interfaces, n.sends = nil, nil, nil, nil
	n.network()
}

// disc is what batches are run against.
func (n *node) disc() replica.Store {
	if n.wrap != nil {
		return n.wrap
	}
	return n.store
}

// clock is the node's own idea of the time.
func (n *node) clock() time.Time { return n.w.now.Add(n.skew) }

// kill ends the node's program without a word. What the disk is not through with is lost.
func (n *node) kill() {
	n.asleep = false
	n.private.Close()
	n.shared.Close()
	n.core = nil
}

// entries is what a store holds, room by room.
func entries(from *replica.MemStore) []replica.Stored {
	state, _ := from.State() // a MemStore never fails
	var rooms []protocol.RoomID
	var out []replica.Stored
	for _, l := range state.Logs {
		if !slices.Contains(rooms, l.Room) {
			rooms = append(rooms, l.Room)
			page, _ := from.Page(l.Room, replica.Place{}, 1<<20)
			out = append(out, page...)
		}
	}
	return out
}

// copyStore is what a store holds, without some entries.
func copyStore(from *replica.MemStore, without []replica.Verified) *replica.MemStore {
	state, _ := from.State()
	b := replica.Batch{
		Lines: state.Lines, Rooms: state.Rooms, Contacts: state.Contacts, Marks: state.Marks, Settings: state.Settings, Mail: state.Mail,
		Forks: state.Forks,
	}
	for _, e := range entries(from) {
		if slices.ContainsFunc(without, func(w replica.Verified) bool { return w.Hash() == e.Hash() }) {
			continue
		}
		b.Entries = append(b.Entries, e.Verified)
		if e.Plain != nil {
			b.Bodies = append(b.Bodies, *e.Plain)
		}
	}
	out := replica.NewMemStore()
	_ = out.Commit(b)
	return out
}

// network tells the core its interfaces, as the shell does when something has changed.
func (n *node) network() {
	if n.core == nil || n.asleep {
		return
	}
	var list []lan.Interface
	for _, i := range n.host.Interfaces() {
		// A loopback that broadcasts, as Linux has it: elsewhere announcements take another way there.
		if !i.Loopback || n.loopback {
			list = append(list, lan.Interface{Index: i.Index, Name: i.Name, Addrs: []netip.Prefix{i.Addr}, MTU: i.MTU})
		}
	}
	n.core.SetInterfaces(n.clock(), list, nil)
	n.settle()
}

// Record implements trace.Sink.
func (w *world) Record(r trace.Record) {
	switch {
	case w.watch != nil:
		w.watch.Record(r)
	case !w.quiet:
		w.text.Record(r)
	}
}

// settle does what a core wants done.
func (n *node) settle() {
	n.checkSends()
	out := n.core.Output()
	n.keepSends(out.Sends)
	if out.Batch != nil {
		n.batches = append(n.batches, finished{n.w.now.Add(n.disk), out.Batch})
	}
	n.w.sent += len(out.Sends)
	for _, d := range out.Sends {
		if n.w.watch != nil {
			n.w.watch.sent(n, d)
		}
		if err := n.private.Send(n.w.now, d.Addr, d.Interface, d.Data); err != nil {
			n.core.SendFailed(n.clock(), d, err)
		}
	}
	n.events = append(n.events, out.Events...)
	if n.core.Left() { // the program ends
		n.private.Close()
		n.shared.Close()
	}
}

// keepSends notes what the shell still sends while the core goes on.
func (n *node) keepSends(ds []lan.Datagram) {
	n.sends, n.copies = ds, n.copies[:0]
	for _, d := range ds {
		n.copies = append(n.copies, d.Data...)
	}
}

// checkSends asserts that what the shell sends stays as it was until it asks for more.
func (n *node) checkSends() {
	rest := n.copies
	for _, d := range n.sends {
		if len(d.Data) > len(rest) || !bytes.Equal(d.Data, rest[:len(d.Data)]) {
			n.w.t.Fatalf("seed %d: %s changes what it has sent", n.w.seed, n.name)
		}
		rest = rest[len(d.Data):]
	}
	n.sends = nil
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for steps := 0; ; steps++ {
		if steps > 20_000_000 {
			w.t.Fatalf("seed %d: no end at %v", w.seed, w.now.Sub(epoch))
		}
		at, next := end, (*node)(nil)
		what := ""
		if d, ok := w.lan.Next(); ok && d.Before(at) {
			at, what = d, "datagram"
		}
		for _, n := range w.nodes {
			if n.core == nil || n.asleep || n.core.Left() {
				continue
			}
			if len(n.batches) > 0 && n.batches[0].at.Before(at) {
				at, next, what = n.batches[0].at, n, "batch"
			}
			if d := n.core.Deadline(); !d.IsZero() && d.Add(-n.skew).Before(at) {
				at, next, what = d.Add(-n.skew), n, "timer"
			}
		}
		if what == "" {
			w.now = end
			return
		}
		if at.After(w.now) {
			w.now = at
			steps = 0
		}
		switch what {
		case "datagram":
			d := w.lan.Deliver()
			if d.Socket == nil {
				continue
			}
			n, _ := d.Socket.Tag.(*node)
			if n == nil || n.core == nil || n.asleep {
				continue
			}
			next = n
			if w.watch != nil {
				w.watch.delivered(n, d)
			}
			n.core.Receive(n.clock(), []lan.Datagram{{Data: d.Data, Addr: d.Src, Interface: d.Interface}})
			clear(d.Data) // what the core keeps of it, it has copied
		case "batch":
			b := next.batches[0].batch
			next.batches = next.batches[1:]
			b.Run(next.disc())
			if len(b.Write.Entries) > 0 {
				next.last = b.Write.Entries
			}
			next.core.Stored(next.clock(), b)
		case "timer":
			next.core.Advance(next.clock())
		}
		next.settle()
	}
}

// wake ends a sleep, as the shell notices it: timers that ran out meanwhile, then the interfaces, then Wake.
func (n *node) wake() {
	n.asleep = false
	n.core.Advance(n.clock())
	n.settle()
	n.network()
	n.core.Wake(n.clock())
	n.settle()
}

// say says a line, and fails the test if it is refused.
func (n *node) say(to, text string) {
	n.w.t.Helper()
	n.core.Say(n.clock(), to, text, false, func(_ peer.Message, err error) {
		if err != nil {
			n.w.t.Errorf("seed %d: %s says %q: %v", n.w.seed, n.name, text, err)
		}
	})
	n.settle()
}

// lines is what the node's screen shows of a room, "author: text", in the order of the events.
func (n *node) lines(room string) []string {
	var out []string
	for _, e := range n.events {
		if m, ok := e.(peer.Message); ok && m.Room.Name == room {
			out = append(out, m.Name+": "+m.Text)
		}
	}
	return out
}

// online is the names of those whom the node shows as present.
func (n *node) online() string {
	var names []string
	for _, p := range n.core.People() {
		if p.Online {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, " ")
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
