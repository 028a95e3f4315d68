package peer_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
)

// start runs a node on loopback with real sockets.
func start(t testing.TB, name string, announce uint16) *peer.Node {
	t.Helper()
	return startWith(t, name, announce, nil)
}

func startWith(t testing.TB, name string, announce uint16, store replica.Store) *peer.Node {
	t.Helper()
	id, err := protocol.NewIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n, f, err := peer.Start(peer.Config{
		Identity: id, Network: protocol.OpenNetwork(), Name: name, Interfaces: []string{loopback(t)}, AnnouncePort: announce,
		Store: store,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := n.Close(ctx); err != nil {
			t.Errorf("%s does not leave: %v", name, err)
		}
	})
	return n
}

// reader reads a feed one event at a time.
type reader struct {
	peer.Feed
	pending []peer.Event
}

func feed(t testing.TB, n *peer.Node) *reader {
	t.Helper()
	f, err := n.Feed(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return &reader{Feed: f}
}

// await reads until an event of type E that fits comes.
func await[E peer.Event](t testing.TB, r *reader, what string, fits func(E) bool) E {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var seen []string
	for {
		for len(r.pending) == 0 {
			events, err := r.Next(ctx)
			if err != nil {
				t.Fatalf("%s: %v; seen: %v", what, err, seen)
			}
			r.pending = events
		}
		e := r.pending[0]
		r.pending = r.pending[1:]
		seen = append(seen, fmt.Sprintf("%T", e))
		if x, ok := e.(E); ok && fits(x) {
			return x
		}
	}
}

func TestTwoNodesOnLoopbackChat(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("nodes", func(t *testing.T) {
		alice, bob := start(t, "alice", 24901), start(t, "bob", 24901)
		a, b := feed(t, alice), feed(t, bob)
		await(t, a, "alice meets bob", func(e peer.Joined) bool { return e.Person.Name == "bob" })
		await(t, b, "bob meets alice", func(e peer.Joined) bool { return e.Person.Name == "alice" })

		said, err := alice.Say(context.Background(), "#lobby", "hello", false)
		if err != nil {
			t.Fatal(err)
		}
		got := await(t, b, "bob hears alice", func(e peer.Message) bool { return true })
		if got.Text != "hello" || got.Name != "alice" || got.ID != said.ID || got.Room.Name != "#lobby" || got.Own {
			t.Errorf("bob got %+v, alice said %+v", got, said)
		}
		d := await(t, a, "alice knows that bob has it", func(e peer.Delivered) bool { return e.ID == said.ID })
		if d.Name != "bob" || d.Reached != 1 || d.Audience != 1 {
			t.Errorf("delivered %+v", d)
		}
		if rtt, err := alice.Ping(context.Background(), "bob"); err != nil || rtt <= 0 || rtt > time.Second {
			t.Errorf("ping: %v, %v", rtt, err)
		}
	})
}

// hurt is a store that finds itself damaged.
type hurt struct {
	*replica.MemStore
	found chan error
}

func (h hurt) Damage() <-chan error { return h.found }

// Damage that is found while a node runs is told to those who look on, and to those who come later.
func TestDamageIsTold(t *testing.T) {
	s := hurt{replica.NewMemStore(), make(chan error)}
	n := startWith(t, "alice", 24902, s)
	before := feed(t, n)
	s.found <- replica.ErrCorrupt
	for _, r := range []*reader{before, feed(t, n)} {
		await(t, r, "damage", func(e peer.Note) bool { return e.Trouble && strings.Contains(e.Text, "damaged: put a copy back") })
	}
	if _, err := n.Say(context.Background(), "#lobby", "all the same", false); err != nil {
		t.Error(err)
	}
}
