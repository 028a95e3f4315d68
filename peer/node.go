package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/cpu"

	"earshot/discovery/lan"
	"earshot/protocol"
	"earshot/protocol/replica"
)

// Node is a core with a clock, sockets and a store: the shell around it. Its methods may be called from any goroutine.
type Node struct {
	cfg     Config
	core    *Core
	inbox   chan func(now time.Time)
	arrived chan *arrived // batches of datagrams
	disk    chan *Batch
	over    chan struct{} // closed when the loop takes nothing more
	done    chan struct{} // closed when all is down
	stop    context.CancelFunc
	wg      sync.WaitGroup

	private, shared *socket
	direct          atomic.Bool // the loop waits at the private socket itself, which is a
	poller          lan.Poller
	batch           lan.Batch // that it reads into
	feeds           []*feed   // the loop's own
}

// aesInHardware tells whether Go computes AES and GHASH with instructions of this processor, the same test as in crypto/tls.
var aesInHardware = cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ && cpu.X86.HasSSE41 && cpu.X86.HasSSSE3 ||
	cpu.ARM64.HasAES && cpu.ARM64.HasPMULL ||
	cpu.S390X.HasAES && cpu.S390X.HasAESCTR && cpu.S390X.HasGHASH

// Start opens the sockets and begins to take part. The feed has everything from the start on. Errors: a port that is
// taken or not allowed, a name that cannot be, an interface that does not exist, a store that cannot be read.
func Start(cfg Config) (*Node, Feed, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Store == nil {
		cfg.Store = replica.NewMemStore()
	}
	if cfg.AnnouncePort == 0 {
		cfg.AnnouncePort = protocol.AnnouncePort
	}
	if cfg.CPU == nil {
		cfg.CPU = processorTime
	}
	cfg.AES = cfg.AES || aesInHardware
	state, err := cfg.Store.State()
	if err != nil {
		return nil, nil, fmt.Errorf("peer: store: %w", err)
	}
	n := &Node{
		cfg: cfg, inbox: make(chan func(time.Time), 1024), arrived: make(chan *arrived, 2*batches), disk: make(chan *Batch, 1), over: make(chan struct{}), done: make(chan struct{}),
	}
	list, noneUsable := n.interfaces()
	if errors.Is(noneUsable, lan.ErrNoInterface) {
		return nil, nil, noneUsable
	}
	if n.private, err = openSocket(cfg.Conn, cfg.Port, lan.Listen); err != nil {
		return nil, nil, err
	}
	if n.shared, err = openSocket(cfg.AnnounceConn, cfg.AnnouncePort, lan.ListenShared); err != nil {
		n.private.close()
		return nil, nil, err
	}
	if n.core, err = NewCore(cfg, time.Now(), n.private.port(), state); err != nil {
		n.private.close()
		n.shared.close()
		return nil, nil, err
	}
	var ctx context.Context
	ctx, n.stop = context.WithCancel(context.Background())
	n.core.SetInterfaces(time.Now(), list, noneUsable)
	n.core.out.Events = nil // how things stand says it
	first := n.newFeed()
	first.put(n.core.Standing())
	n.feeds = append(n.feeds, first)
	n.wg.Add(3)
	if poller, ok := (*n.private.conn.Load()).(lan.Poller); ok {
		n.poller = poller
		n.direct.Store(true)
	} else {
		n.wg.Add(1)
		go n.read(ctx, n.private)
	}
	go n.read(ctx, n.shared)
	go n.store(ctx)
	go n.watch(ctx)
	go n.loop(ctx)
	return n, first, nil
}

// Done is closed once the node has gone.
func (n *Node) Done() <-chan struct{} { return n.done }

// Close leaves: it lets the last lines arrive for at most protocol.LeaveTimeout, says goodbye to everybody,
// and ends. ctx cuts the waiting short.
func (n *Node) Close(ctx context.Context) error {
	n.post(n.core.Leave)
	select {
	case <-n.done:
	case <-ctx.Done():
		n.stop()
		<-n.done
		return ctx.Err()
	}
	return nil
}

// Resume is, once Done is closed, what the next start may be given as Config.Resume; empty after an end that was not clean.
func (n *Node) Resume() string {
	<-n.done
	return n.core.Resume()
}

// post puts an input in front of the loop. It reports whether the loop still takes any.
func (n *Node) post(f func(now time.Time)) bool {
	select {
	case n.inbox <- f:
		n.wake()
		return true
	case <-n.over:
		return false
	}
}

// answer is the result of a command.
type answer[T any] struct {
	value T
	err   error
}

// ask runs a command in the loop and waits for its reply.
func ask[T any](ctx context.Context, n *Node, command func(now time.Time, reply func(T, error))) (T, error) {
	result := make(chan answer[T], 1)
	var zero T
	if !n.post(func(now time.Time) {
		command(now, func(v T, err error) {
			select {
			case result <- answer[T]{v, err}:
			default:
			}
		})
	}) {
		return zero, ErrClosed
	}
	select {
	case a := <-result:
		return a.value, a.err
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-n.over:
		return zero, ErrClosed
	}
}

// Port is the node's own UDP port.
func (n *Node) Port() uint16 { return n.private.port() }

func (n *Node) newFeed() *feed {
	return newFeed(func(f *feed) {
		n.post(func(time.Time) { n.unfeed(f) })
	})
}

// Feed implements Chat.
func (n *Node) Feed(ctx context.Context) (Feed, error) {
	f := n.newFeed()
	_, err := ask(ctx, n, func(_ time.Time, reply func(struct{}, error)) {
		n.output() // what has happened so far is in how things stand
		f.put(n.core.Standing())
		n.feeds = append(n.feeds, f)
		reply(struct{}{}, nil)
	})
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Say implements Chat.
func (n *Node) Say(ctx context.Context, to, text string, action bool) (Message, error) {
	return ask(ctx, n, func(now time.Time, reply func(Message, error)) { n.core.Say(now, to, text, action, reply) })
}

// Join implements Chat.
func (n *Node) Join(ctx context.Context, name string) (Room, error) {
	return ask(ctx, n, func(now time.Time, reply func(Room, error)) { reply(n.core.Join(now, name)) })
}

// Part implements Chat.
func (n *Node) Part(ctx context.Context, name string) error {
	return do(ctx, n, func(now time.Time) error { return n.core.Part(now, name) })
}

// Query implements Chat.
func (n *Node) Query(ctx context.Context, who string) (Room, error) {
	return ask(ctx, n, func(now time.Time, reply func(Room, error)) { reply(n.core.Query(now, who)) })
}

// Rename implements Chat.
func (n *Node) Rename(ctx context.Context, name string) error {
	return do(ctx, n, func(now time.Time) error { return n.core.Rename(now, name) })
}

// People implements Chat.
func (n *Node) People(ctx context.Context) ([]Person, error) {
	return ask(ctx, n, func(_ time.Time, reply func([]Person, error)) { reply(n.core.People(), nil) })
}

// History implements Chat.
func (n *Node) History(ctx context.Context, room protocol.RoomID, before Place, count int) ([]Message, error) {
	return ask(ctx, n, func(now time.Time, reply func([]Message, error)) { n.core.History(now, room, before, count, reply) })
}

// Search implements Chat.
func (n *Node) Search(ctx context.Context, query string, older uint64, count int) (Found, error) {
	return ask(ctx, n, func(now time.Time, reply func(Found, error)) { n.core.Search(now, query, older, count, reply) })
}

// SetTopic implements Chat.
func (n *Node) SetTopic(ctx context.Context, room, topic string) error {
	_, err := ask(ctx, n, func(now time.Time, reply func(struct{}, error)) {
		n.core.SetTopic(now, room, topic, func(err error) { reply(struct{}{}, err) })
	})
	return err
}

// PublicRooms implements Chat.
func (n *Node) PublicRooms(ctx context.Context) ([]PublicRoom, error) {
	return ask(ctx, n, func(_ time.Time, reply func([]PublicRoom, error)) { reply(n.core.PublicRooms(), nil) })
}

// Forget implements Chat.
func (n *Node) Forget(ctx context.Context, room string) error {
	_, err := ask(ctx, n, func(now time.Time, reply func(struct{}, error)) {
		n.core.Forget(now, room, func(err error) { reply(struct{}{}, err) })
	})
	return err
}

// Read implements Chat.
func (n *Node) Read(ctx context.Context, room protocol.RoomID, upTo Place) error {
	return do(ctx, n, func(now time.Time) error { return n.core.Read(now, room, upTo) })
}

// SetReadMarks implements Chat.
func (n *Node) SetReadMarks(ctx context.Context, on bool) error {
	return do(ctx, n, func(now time.Time) error { n.core.SetReadMarks(now, on); return nil })
}

// Detail implements Chat.
func (n *Node) Detail(ctx context.Context, room protocol.RoomID, line Place) (Detail, error) {
	return ask(ctx, n, func(now time.Time, reply func(Detail, error)) { n.core.Detail(now, room, line, reply) })
}

// Ping implements Chat.
func (n *Node) Ping(ctx context.Context, who string) (time.Duration, error) {
	rtt, err := ask(ctx, n, func(now time.Time, reply func(time.Duration, error)) { n.core.Ping(now, who, reply) })
	if err != nil && ctx.Err() != nil {
		return 0, ErrNoAnswer
	}
	return rtt, err
}

// Bench implements Chat.
func (n *Node) Bench(ctx context.Context, who string, spec BenchSpec) (BenchReport, error) {
	result := make(chan answer[BenchReport], 1)
	stop := make(chan func(time.Time), 1)
	if !n.post(func(now time.Time) {
		stop <- n.core.Bench(now, who, spec, func(r BenchReport, err error) { result <- answer[BenchReport]{r, err} })
	}) {
		return BenchReport{}, ErrClosed
	}
	defer context.AfterFunc(ctx, func() { n.post(func(now time.Time) { (<-stop)(now) }) })()
	select {
	case a := <-result:
		return a.value, a.err
	case <-n.over:
		return BenchReport{}, ErrClosed
	}
}

// BenchProgress implements Chat.
func (n *Node) BenchProgress(ctx context.Context) ([]BenchReport, error) {
	return ask(ctx, n, func(now time.Time, reply func([]BenchReport, error)) { reply(n.core.BenchProgress(now), nil) })
}

// ServeBench implements Chat.
func (n *Node) ServeBench(ctx context.Context) error {
	stop, err := ask(ctx, n, func(_ time.Time, reply func(func(), error)) { reply(n.core.ServeBench(), nil) })
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		n.post(func(time.Time) { stop() })
		return nil
	case <-n.over:
		return ErrClosed
	}
}

func do(ctx context.Context, n *Node, f func(now time.Time) error) error {
	_, err := ask(ctx, n, func(now time.Time, reply func(struct{}, error)) { reply(struct{}{}, f(now)) })
	return err
}

var _ Chat = (*Node)(nil)
