package peer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"earshot/protocol"
)

// parrot is a Chat that plays what the test wrote down. Batches are what its feeds give.
type parrot struct {
	batches chan []Event
	closed  chan struct{} // one for each feed that was closed
	pinging chan struct{} // one for each ping that has begun

	mu  sync.Mutex
	log []string
}

func newParrot() *parrot {
	return &parrot{batches: make(chan []Event, 10), closed: make(chan struct{}, 10), pinging: make(chan struct{}, 10)}
}

func (p *parrot) heard(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, fmt.Sprintf(format, args...))
}

var (
	parrotBob  = protocol.PeerID{1, 2, 3}
	parrotRoom = Room{ID: uuid.UUID{7}, Name: "#lobby"}
	parrotNoon = time.Date(2026, 11, 20, 12, 0, 0, 123456789, time.UTC)
	parrotLine = Message{ID: uuid.UUID{9}, Room: parrotRoom, Author: parrotBob, Name: "bob", Text: "hi <b>\u2028\x00", Time: parrotNoon, Place: Place{Lamport: 1 << 52, Seq: 3}, Unstored: true, Late: true}
)

func (p *parrot) Feed(ctx context.Context) (Feed, error) { return &parrotFeed{p, ctx}, nil }

func (p *parrot) Say(_ context.Context, to, text string, action bool) (Message, error) {
	p.heard("say %s %s %v", to, text, action)
	switch to {
	case "@nobody":
		return Message{}, fmt.Errorf("peer: %s: %w", to, ErrUnknown)
	case "@bob":
		return Message{}, fmt.Errorf("peer: bob·aaaa, bob·bbbb: %w", ErrAmbiguous)
	}
	return parrotLine, nil
}
func (p *parrot) Join(context.Context, string) (Room, error) { return parrotRoom, nil }
func (p *parrot) Part(_ context.Context, name string) error {
	return fmt.Errorf("peer: %s: %w", name, ErrNotJoined)
}

func (p *parrot) Query(context.Context, string) (Room, error) {
	return Room{ID: uuid.UUID{8}, Name: "@bob", With: parrotBob}, nil
}

func (p *parrot) Rename(_ context.Context, name string) error {
	p.heard("rename %s", name)
	return fmt.Errorf("peer: %q: %w", name, ErrBadName)
}

func (p *parrot) People(context.Context) ([]Person, error) {
	return []Person{{ID: parrotBob, Name: "bob", Online: true, Addr: netip.MustParseAddrPort("127.0.0.1:9"), RTT: 300 * time.Microsecond, Loss: 0.25, Since: parrotNoon}}, nil
}

func (p *parrot) History(_ context.Context, room protocol.RoomID, before Place, n int) ([]Message, error) {
	p.heard("history %v %v %d", room == parrotRoom.ID, before, n)
	return []Message{parrotLine, parrotLine}, nil
}

func (p *parrot) Search(_ context.Context, query string, older uint64, n int) (Found, error) {
	p.heard("search %s %d %d", query, older, n)
	if query == `"` {
		return Found{}, fmt.Errorf("peer: %q: %w", query, ErrBadName)
	}
	found := Found{Messages: []Message{parrotLine}, Older: math.MaxUint64}
	if query == "torn" {
		return found, fmt.Errorf("peer: %q: %w", query, ErrBadName)
	}
	return found, nil
}

func (p *parrot) SetTopic(_ context.Context, room, topic string) error {
	p.heard("topic of %s %s", room, topic)
	return fmt.Errorf("peer: %s: %w", room, ErrNotJoined)
}

func (p *parrot) PublicRooms(context.Context) ([]PublicRoom, error) {
	return []PublicRoom{{Name: "#go", People: 2, Topic: "release at four"}, {Name: "#lobby", People: 3, Joined: true}}, nil
}

func (p *parrot) Forget(_ context.Context, room string) error {
	p.heard("forget %s", room)
	return nil
}

func (p *parrot) Read(_ context.Context, room protocol.RoomID, upTo Place) error {
	p.heard("read %v %v", room == parrotRoom.ID, upTo)
	return nil
}

func (p *parrot) SetReadMarks(_ context.Context, on bool) error {
	p.heard("read marks %v", on)
	return nil
}

func (p *parrot) Detail(_ context.Context, room protocol.RoomID, line Place) (Detail, error) {
	p.heard("detail %v %v", room == parrotRoom.ID, line)
	return Detail{
		Said:    parrotNoon,
		Reached: []Receipt{{Peer: parrotBob, Name: "bob", At: parrotNoon, Sendings: 3, Read: parrotNoon}},
		Missing: []Person{{ID: protocol.PeerID{4}, Name: "carol", Since: parrotNoon}},
	}, nil
}

func (p *parrot) Bench(ctx context.Context, who string, spec BenchSpec) (BenchReport, error) {
	p.heard("bench to %s: %+v", who, spec)
	if who != "bob" {
		return BenchReport{}, fmt.Errorf("%s: %w", who, ErrNoBench)
	}
	if spec.Duration > 0 {
		<-ctx.Done()
	}
	return BenchReport{Done: spec.Duration == 0, Messages: 3, Latency: BenchLatency{P99: time.Millisecond}}, nil
}

func (p *parrot) BenchProgress(context.Context) ([]BenchReport, error) {
	return []BenchReport{{Bytes: 1 << 40}}, nil
}

func (p *parrot) ServeBench(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (p *parrot) Ping(ctx context.Context, who string) (time.Duration, error) {
	if who == "bob" {
		return 42 * time.Microsecond, nil
	}
	p.pinging <- struct{}{}
	<-ctx.Done()
	p.heard("ping of %s cancelled", who)
	p.closed <- struct{}{}
	return 0, ErrNoAnswer
}

type parrotFeed struct {
	p   *parrot
	ctx context.Context
}

func (f *parrotFeed) Next(ctx context.Context) ([]Event, error) {
	select {
	case b, ok := <-f.p.batches:
		if !ok {
			return nil, ErrClosed
		}
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
func (f *parrotFeed) Close() { f.p.closed <- struct{}{} }

// serveParrot puts chat behind a socket and dials it. stop ends the server as a leaving instance does.
func serveParrot(t *testing.T, chat Chat) (r *Remote, path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() {
		defer close(served)
		ServeControl(ctx, l, chat)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-served })
	if r, err = Dial(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		stop()
		goleak.VerifyNone(t)
	})
	return r, path, stop
}

func withinTime(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

var parrotExact = cmp.Options{cmpopts.EquateComparable(netip.AddrPort{})}

func TestRemoteAnswersAsTheChatDoes(t *testing.T) {
	p := newParrot()
	r, _, _ := serveParrot(t, p)
	ctx := withinTime(t)
	for _, call := range []struct {
		name string
		ask  func(Chat) (any, error)
	}{
		{"say", func(c Chat) (any, error) { return c.Say(ctx, "#lobby", "hi <b>\u2028\x00", true) }},
		{"join", func(c Chat) (any, error) { return c.Join(ctx, "#lobby") }},
		{"query", func(c Chat) (any, error) { return c.Query(ctx, "bob") }},
		{"people", func(c Chat) (any, error) { return c.People(ctx) }},
		{"history", func(c Chat) (any, error) {
			return c.History(ctx, parrotRoom.ID, Place{Lamport: 4, Author: parrotBob}, 7)
		}},
		{"search", func(c Chat) (any, error) { return c.Search(ctx, `"fire again" from:bob`, 1<<62, 7) }},
		{"damaged search", func(c Chat) (any, error) { return c.Search(ctx, "torn", 0, 7) }},
		{"bad search", func(c Chat) (any, error) { return c.Search(ctx, `"`, 0, 7) }},
		{"topic", func(c Chat) (any, error) { return nil, c.SetTopic(ctx, "#go", "release at <four>") }},
		{"rooms", func(c Chat) (any, error) { return c.PublicRooms(ctx) }},
		{"forget", func(c Chat) (any, error) { return nil, c.Forget(ctx, "#go") }},
		{"read", func(c Chat) (any, error) {
			return nil, c.Read(ctx, parrotRoom.ID, Place{Lamport: 4, Author: parrotBob, Epoch: 1 << 52, Seq: 9})
		}},
		{"read marks", func(c Chat) (any, error) { return nil, c.SetReadMarks(ctx, true) }},
		{"detail", func(c Chat) (any, error) {
			return c.Detail(ctx, parrotRoom.ID, Place{Lamport: 5, Author: parrotBob})
		}},
		{"ping", func(c Chat) (any, error) { return c.Ping(ctx, "bob") }},
		{"bench", func(c Chat) (any, error) { return c.Bench(ctx, "bob", BenchSpec{Messages: 3, Rate: BenchFlood}) }},
		{"bench cut short", func(c Chat) (any, error) {
			ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			return c.Bench(ctx, "bob", BenchSpec{Duration: time.Hour})
		}},
		{"bench refused", func(c Chat) (any, error) { return c.Bench(ctx, "carol", BenchSpec{Bytes: 1}) }},
		{"benches", func(c Chat) (any, error) { return c.BenchProgress(ctx) }},
		{"serve benches", func(c Chat) (any, error) {
			ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			return nil, c.ServeBench(ctx)
		}},
		{"rename", func(c Chat) (any, error) { return nil, c.Rename(ctx, "carol") }},
		{"part", func(c Chat) (any, error) { return nil, c.Part(ctx, "#go") }},
		{"unknown", func(c Chat) (any, error) { return c.Say(ctx, "@nobody", "psst", false) }},
		{"ambiguous", func(c Chat) (any, error) { return c.Say(ctx, "@bob", "psst", false) }},
	} {
		t.Run(call.name, func(t *testing.T) {
			want, wantErr := call.ask(p)
			got, gotErr := call.ask(r)
			if diff := cmp.Diff(want, got, parrotExact); diff != "" {
				t.Errorf("-local +remote:\n%s", diff)
			}
			if fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
				t.Errorf("local error %v, remote %v", wantErr, gotErr)
			}
			for _, c := range errorCodes {
				if errors.Is(wantErr, c.err) != errors.Is(gotErr, c.err) {
					t.Errorf("the remote error is another one than %v", c.err)
				}
			}
		})
	}
	for i := 0; i+1 < len(p.log); i += 2 {
		if p.log[i] != p.log[i+1] {
			t.Errorf("the chat heard %q from here and %q through the socket", p.log[i], p.log[i+1])
		}
	}
}

func TestRemoteRefusesLongTextItself(t *testing.T) {
	p := newParrot()
	r, _, _ := serveParrot(t, p)
	if _, err := r.Say(withinTime(t), "#lobby", strings.Repeat("x", protocol.MaxText+1), false); !errors.Is(err, ErrTooLong) {
		t.Errorf("error %v, want ErrTooLong", err)
	}
	// The longest text there is, with every byte escaped, is still one request.
	if _, err := r.Say(withinTime(t), "#lobby", strings.Repeat("\x01", protocol.MaxText), false); err != nil {
		t.Errorf("the longest text: %v", err)
	}
}

func TestEveryEventCrosses(t *testing.T) {
	p := newParrot()
	r, _, _ := serveParrot(t, p)
	ctx := withinTime(t)
	who := Person{ID: parrotBob, Name: "bob", Online: true, Addr: netip.MustParseAddrPort("127.0.0.1:9"), Rooms: []string{"#lobby"}, Since: parrotNoon}
	first := []Event{Ready{Self: who, Network: "open", Rooms: []Room{parrotRoom}, People: []Person{who}, Status: Status{Port: 5}}}
	second := []Event{
		Joined{Person: who},
		Left{Person: who, Reason: "left"},
		Changed{Person: who, Was: "rob"},
		parrotLine,
		Delivered{ID: parrotLine.ID, Room: parrotRoom, Peer: parrotBob, Name: "bob", After: time.Millisecond, Sendings: 2, Audience: 3, Reached: 1},
		ReadBy{Room: parrotRoom, Peer: parrotBob, Name: "bob", At: parrotNoon, Lines: []uuid.UUID{parrotLine.ID}},
		RoomJoined{parrotRoom},
		RoomParted{parrotRoom},
		Topic{Room: Room{ID: parrotRoom.ID, Name: "#lobby", Topic: "tea", Read: Place{Lamport: 3, Seq: 1}}, By: "bob"},
		Gaps{Room: parrotRoom, Gaps: []Gap{{Author: parrotBob, Name: "bob", Epoch: 5, Missing: []protocol.Range{{First: 41, Last: 42}}, Asked: "carol"}}},
		Note{Text: "port taken", Trouble: true},
		Status{Owed: 1, Loss: 0.5, ReadMarks: true},
		Resync{Dropped: 4},
	}
	p.batches <- first
	p.batches <- second
	feed, err := r.Feed(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	for _, want := range [][]Event{first, second} {
		got, err := feed.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, parrotExact); diff != "" {
			t.Errorf("-sent +got:\n%s", diff)
		}
	}
}

func TestNoBatchIsLostToACancelledNext(t *testing.T) {
	p := newParrot()
	r, _, _ := serveParrot(t, p)
	feed, err := r.Feed(withinTime(t))
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := feed.Next(impatient); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want the deadline", err)
	}
	p.batches <- []Event{Note{Text: "one"}}
	p.batches <- []Event{Note{Text: "two"}}
	for _, want := range []string{"one", "two"} {
		got, err := feed.Next(withinTime(t))
		if err != nil || len(got) != 1 || got[0] != (Note{Text: want}) {
			t.Fatalf("got %v, %v, want note %q", got, err, want)
		}
	}
}

func TestTwoFeedsAndACallAtOnce(t *testing.T) {
	p := newParrot()
	r, _, _ := serveParrot(t, p)
	ctx := withinTime(t)
	results := make(chan error, 2)
	for range 2 {
		feed, err := r.Feed(ctx)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := feed.Next(ctx)
			feed.Close()
			results <- err
		}()
	}
	if _, err := r.Ping(ctx, "bob"); err != nil { // while both feeds wait
		t.Error(err)
	}
	p.batches <- []Event{Note{Text: "one"}}
	p.batches <- []Event{Note{Text: "two"}}
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
		<-p.closed
	}
}

func TestCancellationReachesTheChat(t *testing.T) {
	p := newParrot()
	r, _, _ := serveParrot(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-p.pinging; cancel() }()
	if _, err := r.Ping(ctx, "carol"); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("error %v, want ErrNoAnswer", err)
	}
	select {
	case <-p.closed:
	case <-withinTime(t).Done():
		t.Error("the ping goes on behind the socket")
	}
}

func TestClosedFeedAndClosedRemote(t *testing.T) {
	p := newParrot()
	r, path, _ := serveParrot(t, p)
	ctx := withinTime(t)
	feed, err := r.Feed(ctx)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() { _, err := feed.Next(ctx); waiting <- err }()
	feed.Close()
	if err := <-waiting; !errors.Is(err, ErrClosed) {
		t.Errorf("Next of a closed feed: %v, want ErrClosed", err)
	}
	<-p.closed // on the server too

	other, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Feed(ctx); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.closed // a connection that ends takes its feeds along
	if _, err := other.Join(ctx, "#go"); !errors.Is(err, ErrClosed) {
		t.Errorf("Join after Close: %v, want ErrClosed", err)
	}
}

func TestTheInstanceGoes(t *testing.T) {
	t.Run("its feed ends", func(t *testing.T) {
		p := newParrot()
		r, _, _ := serveParrot(t, p)
		feed, err := r.Feed(withinTime(t))
		if err != nil {
			t.Fatal(err)
		}
		defer feed.Close()
		close(p.batches)
		if _, err := feed.Next(withinTime(t)); !errors.Is(err, ErrClosed) {
			t.Errorf("error %v, want ErrClosed", err)
		}
	})
	t.Run("its socket ends", func(t *testing.T) {
		p := newParrot()
		r, _, stop := serveParrot(t, p)
		feed, err := r.Feed(withinTime(t))
		if err != nil {
			t.Fatal(err)
		}
		defer feed.Close()
		stop()
		if _, err := feed.Next(withinTime(t)); !errors.Is(err, ErrClosed) {
			t.Errorf("Next: %v, want ErrClosed", err)
		}
		if _, err := r.People(withinTime(t)); !errors.Is(err, ErrClosed) {
			t.Errorf("People: %v, want ErrClosed", err)
		}
	})
}

func TestAClosedListenerWaitsForItsClients(t *testing.T) {
	p := newParrot()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		ServeControl(t.Context(), l, p)
	}()
	r, err := Dial(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if _, err := r.Ping(withinTime(t), "bob"); err != nil {
		t.Errorf("a client that was there: %v", err)
	}
	select {
	case <-served:
		t.Error("the server ended before its client")
	default:
	}
	_ = r.Close()
	<-served
}

func TestDialRefusesStrangers(t *testing.T) {
	for _, greeting := range []string{`{"control":1}` + "\n", "SSH-2.0-x\r\n", ""} {
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = c.Write([]byte(greeting))
				_ = c.Close()
			}
		}()
		if r, err := Dial(path); err == nil {
			_ = r.Close()
			t.Errorf("dialled what says %q", greeting)
		}
		_ = l.Close()
	}
	if _, err := Dial(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("dialled nothing")
	}
}
