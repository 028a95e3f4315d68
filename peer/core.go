package peer

import (
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"earshot/discovery"
	"earshot/discovery/lan"
	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/replica"
	"earshot/protocol/session"
	"earshot/protocol/trace"
)

// Core is one node as a machine: datagrams, commands, finished batches and the time go in;
// datagrams, batches for the store and events come out. It owns all state and needs one caller at a time.
type Core struct {
	cfg     Config
	id      protocol.PeerID
	inst    protocol.Instance
	started time.Time
	rand    *rand.Rand
	enc     *protocol.Encoder // of the packet in the making
	items   *protocol.Encoder // of what goes into it
	memory  memory            // of what is being sent

	packetIn frame.Packet       // the one being received
	benchIn  protocol.BenchCast // likewise

	endpoint *session.Endpoint
	roster   *discovery.Roster
	air      air
	links    map[uint32]*link
	conns    []*conn // in the order in which they came
	people   people
	rooms    rooms
	logs     logs
	keep     keeping
	post     post
	gaps     gapWatch
	outbox   outbox
	gate     *gate
	status   statusLine
	leaving  leaving
	bench    bench
	states   uint64 // counts conns, and
	streams  uint64 // own streams: what two instances share never has a number twice
	out      Output
	credits  []frame.Credit
	sends    []lan.Datagram // of the last Output, to be used again

	now       time.Time // of the last input
	choresDue time.Time
}

// Output is what the core wants done, in this order: store the batch, send the datagrams, show the events.
// They do not wait for one another: what depends on a batch comes out only after Stored.
type Output struct {
	Batch  *Batch
	Sends  []lan.Datagram // their memory is good until the next call of Output
	Events []Event
}

// NewCore makes a node that receives unicast on port and goes on where the state of its store left off.
func NewCore(cfg Config, now time.Time, port uint16, state replica.State) (*Core, error) {
	name, err := CleanName(cfg.Name)
	if err != nil {
		return nil, err
	}
	cfg.Name = name
	if cfg.Rand == nil {
		cfg.Rand = crand.Reader
	}
	if cfg.AnnouncePort == 0 {
		cfg.AnnouncePort = protocol.AnnouncePort
	}
	inst, err := protocol.NewInstance(cfg.Rand)
	if err != nil {
		return nil, err
	}
	gate := newGate()
	endpoint, err := session.NewEndpoint(session.Config{
		Identity: cfg.Identity, Network: cfg.Network, Instance: inst, Rand: cfg.Rand, Answer: gate.answer, AES: cfg.AES,
	})
	if err != nil {
		return nil, err
	}
	var seed [32]byte
	if _, err := io.ReadFull(cfg.Rand, seed[:]); err != nil {
		return nil, fmt.Errorf("peer: random seed: %w", err)
	}
	r := rand.New(rand.NewChaCha8(seed))
	c := &Core{
		cfg: cfg, id: cfg.Identity.ID(), inst: inst, started: now, choresDue: now, rand: r, enc: protocol.NewEncoder(), items: protocol.NewEncoder(),
		endpoint: endpoint,
		roster:   discovery.NewRoster(discovery.RosterConfig{Self: inst, Rand: r}),
		air:      air{port: port, announcer: discovery.NewAnnouncer(r)},
		links:    map[uint32]*link{},
		people:   people{byID: map[protocol.PeerID]*person{}},
		rooms:    rooms{byID: map[protocol.RoomID]*room{}, left: map[protocol.RoomID]Room{}, topics: map[protocol.RoomID]subject{}, clock: replica.NewClock()},
		logs:     newLogs(r, now, state.Logs),
		gate:     gate,
		status:   statusLine{drops: map[string]uint64{}},
	}
	if err := c.beginEpoch(); err != nil {
		return nil, err
	}
	c.air.seeds = make([]seedPeer, 0, len(cfg.Peers))
	for _, p := range cfg.Peers {
		if p.Port() == 0 {
			p = addrPort(p.Addr(), cfg.AnnouncePort)
		}
		c.air.seeds = append(c.air.seeds, seedPeer{addr: p, next: now})
	}
	c.now = now
	c.people.me = Person{ID: c.id, Name: name, Online: true, Since: now}
	c.rooms.reads.on = readMarksOn(cfg, state)
	if err := c.openPost(now, state); err != nil {
		return nil, err
	}
	c.restore(now, state)
	c.out = Output{}
	c.air.announcer.Burst(now)
	return c, nil
}

// Instance names this run.
func (c *Core) Instance() protocol.Instance { return c.inst }

// Advance does what is due by now.
func (c *Core) Advance(now time.Time) {
	c.endpoint.Advance(now)
	for _, a := range c.roster.Advance(now) {
		c.act(now, a)
	}
	c.air.advance(c, now)
	for _, cn := range slices.Clone(c.conns) {
		if due(now, cn.due) {
			cn.stirred = true
			c.advanceConn(now, cn)
		}
	}
	c.chores(now)
	c.advanceRetry(now)
	c.advancePost(now)
	c.advanceLogs(now)
	c.advanceGaps(now)
	c.advanceOutbox(now)
	c.advanceBench(now)
	c.advanceStatus(now)
	c.advanceLeaving(now)
	c.turn(now)
}

// Deadline is when Advance must be called at the latest.
func (c *Core) Deadline() time.Time {
	d := earliest(c.endpoint.Deadline(), c.roster.Deadline(), c.air.deadline(), c.logs.deadline(), c.post.deadline(),
		c.gaps.due, c.bench.deadline(), c.outbox.next, c.status.due, c.leaving.deadline())
	if len(c.conns) > 0 {
		d = earliest(d, c.choresDue)
	}
	for _, cn := range c.conns {
		d = earliest(d, cn.due)
	}
	return d
}

// Output returns what is to be done, and forgets it.
func (c *Core) Output() Output {
	o := c.out
	c.out = Output{Sends: c.sends[:0]}
	c.sends = o.Sends
	c.memory.turn()
	return o
}

// turn follows every input: it lets out what the input made possible.
func (c *Core) turn(now time.Time) {
	c.now = now
	c.meet(now)
	c.flushBench(now)
	for _, cn := range c.conns {
		c.stir(now, cn)
	}
	c.issueBatch()
}

// act does what the roster asks for.
func (c *Core) act(now time.Time, a discovery.Action) {
	cn := c.conn(a.Instance)
	switch a.Kind {
	case discovery.Connect:
		c.endpoint.Connect(now, a.Instance, a.Path)
	case discovery.Ping:
		if cn != nil {
			if cn.path.strict || a.Path == cn.path.to {
				c.packet(now, cn.link, cn.path.to, []*item{cn.once(frame.Ping{})}, "is anybody there")
			} else {
				c.challenge(now, cn, a.Path)
			}
		}
	case discovery.Challenge:
		if cn != nil {
			c.challenge(now, cn, a.Path)
		}
	case discovery.Offline:
		if cn != nil {
			c.drop(now, cn, "no answer")
		}
	}
}

// Wake tells that the machine slept or its network changed: announce, and ask everybody whether they are there.
func (c *Core) Wake(now time.Time) {
	c.air.announcer.Burst(now)
	c.roster.Wake(now)
	c.stirAll()
	c.turn(now)
}

// SetInterfaces tells which interfaces there are now, or why none can be listed.
func (c *Core) SetInterfaces(now time.Time, list []lan.Interface, err error) {
	c.air.setInterfaces(c, now, list, err)
	c.stirAll()
	c.turn(now)
}

// stirAll has the next turn look after everybody.
func (c *Core) stirAll() {
	for _, cn := range c.conns {
		cn.stirred = true
	}
}

func (c *Core) emit(e Event) { c.out.Events = append(c.out.Events, e) }

func (c *Core) send(path protocol.Path, data []byte) {
	c.out.Sends = append(c.out.Sends, lan.Datagram{Data: data, Addr: path.Addr, Interface: path.Interface})
}

func (c *Core) trace(r trace.Record) {
	if r.Drop != "" {
		c.status.drop(r.Drop)
	}
	if c.cfg.Trace != nil {
		r.Node = c.people.me.Name
		c.cfg.Trace.Record(r)
	}
}

// Drops counts the datagrams that were not used, by reason.
func (c *Core) Drops() map[string]uint64 { return c.status.drops }

// jitter draws from [from, to).
func (c *Core) jitter(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return from + time.Duration(c.rand.Int64N(int64(to-from)))
}

func (c *Core) random8() (b [8]byte) {
	binary.BigEndian.PutUint64(b[:], c.rand.Uint64())
	return b
}

// earliest is the first of those times that are set.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// due tells whether t is set and has come.
func due(now, t time.Time) bool { return !t.IsZero() && !now.Before(t) }

func wrap(err error, what string, args ...any) error {
	return fmt.Errorf("%w: %s", err, fmt.Sprintf(what, args...))
}
