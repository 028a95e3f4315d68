package peer_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/protocol/session"
)

// everybody starts nodes of those names.
func everybody(w *world, names ...string) []*node {
	var out []*node
	for _, name := range names {
		n := w.host(name)
		n.start()
		out = append(out, n)
	}
	return out
}

func TestEverybodyMeetsWithinASecond(t *testing.T) {
	for _, size := range []int{2, 3, 20} {
		w := newWorld(t, 1)
		w.quiet = true
		var names []string
		for i := range size {
			names = append(names, fmt.Sprintf("n%02d", i))
		}
		nodes := everybody(w, names...)
		w.run(map[bool]time.Duration{true: time.Second, false: 2 * time.Second}[size <= 3])
		for _, n := range nodes {
			others := slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == n.name })
			if got := n.online(); got != strings.Join(others, " ") {
				t.Errorf("of %d, %s sees %q", size, n.name, got)
			}
		}
	}
}

// A line gets through to everybody, and again in the sessions that follow the first ones, between machines with AES and without.
func TestPacketsAreSealedWithWhatBothMachinesHave(t *testing.T) {
	w := newWorld(t, 1)
	w.quiet = true
	alice, bob, carol := w.host("alice"), w.host("bob"), w.host("carol")
	alice.aes, bob.aes = true, true
	for _, n := range w.nodes {
		n.start()
	}
	for i, wait := range []time.Duration{2 * time.Second, protocol.RekeyAfter + 2*time.Minute} {
		w.run(wait)
		alice.say("#lobby", "hello")
		w.run(2 * time.Second)
		for _, c := range []struct {
			n   *node
			aes int
		}{{alice, 1}, {bob, 1}, {carol, 0}} {
			got := c.n.core.Ciphers()
			aes := len(slices.DeleteFunc(slices.Clone(got), func(s session.Cipher) bool { return s != session.AES256GCM }))
			if len(got) != 2 || aes != c.aes {
				t.Errorf("%s seals with %v, wants %d of 2 with %v", c.n.name, got, c.aes, session.AES256GCM)
			}
			if lines := c.n.lines("#lobby"); len(lines) != i+1 {
				t.Errorf("%s shows %d lines after %d", c.n.name, len(lines), i+1)
			}
		}
	}
}

func TestTwoHundredLinesOfThreeAtOnceUnderLoss(t *testing.T) {
	for seed := range uint64(5) {
		w := newWorld(t, seed)
		w.quiet = true
		nodes := everybody(w, "alice", "bob", "carol")
		w.run(time.Second)
		w.lan.Set(sim.Link{Loss: 0.3})
		for i := range 200 {
			for _, n := range nodes {
				n.say("#lobby", fmt.Sprintf("%s %d", n.name, i))
			}
		}
		w.run(15 * time.Second)
		for _, n := range nodes {
			got := n.lines("#lobby")
			if len(got) != 600 {
				t.Errorf("seed %d: %s shows %d lines", seed, n.name, len(got))
			}
			for _, author := range nodes {
				next := 0
				for _, l := range got {
					if strings.HasPrefix(l, author.name+":") {
						if want := fmt.Sprintf("%s: %s %d", author.name, author.name, next); l != want {
							t.Fatalf("seed %d: %s shows %q where %q belongs", seed, n.name, l, want)
						}
						next++
					}
				}
			}
			delivered := 0
			for _, e := range n.events {
				if d, ok := e.(peer.Delivered); ok && d.Reached == d.Audience {
					delivered++
				}
			}
			if delivered != 200 {
				t.Errorf("seed %d: %s knows of %d lines that all have them", seed, n.name, delivered)
			}
			for _, e := range n.events {
				if l, ok := e.(peer.Left); ok {
					t.Errorf("seed %d: %s thinks that %s left: %s", seed, n.name, l.Person.Name, l.Reason)
				}
			}
		}
	}
}

func TestKilledPeerIsGoneWithinFiveSecondsAndBackWithinTwo(t *testing.T) {
	w := newWorld(t, 3)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol")
	w.run(time.Second)
	for i := range 20 {
		nodes[i%3].say("#lobby", fmt.Sprint("line ", i))
	}
	w.run(10 * time.Second)
	bob := nodes[1]
	bob.kill()
	w.run(5 * time.Second)
	for _, n := range []*node{nodes[0], nodes[2]} {
		if strings.Contains(n.online(), "bob") {
			t.Errorf("%s still sees bob", n.name)
		}
	}
	nodes[0].say("#lobby", "while bob was away")
	bob.start()
	w.run(2 * time.Second)
	for _, n := range nodes {
		if got := len(n.lines("#lobby")); n != bob && got != 21 {
			t.Errorf("%s shows %d lines", n.name, got)
		}
		if !strings.Contains(n.online()+" "+n.name, "bob") {
			t.Errorf("%s does not see bob again", n.name)
		}
	}
	if got := bob.lines("#lobby"); !slices.Equal(got, []string{"alice: while bob was away"}) {
		t.Errorf("bob is shown %q after his restart", got)
	}
}

func TestRestartWithEmptyStoreFetchesHistoryOnce(t *testing.T) {
	w := newWorld(t, 4)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	w.run(time.Second)
	for i := range 50 {
		nodes[i%2].say("#lobby", fmt.Sprint("line ", i))
		w.run(10 * time.Millisecond)
	}
	nodes[1].kill()
	w.run(time.Second)
	nodes[1].store = replica.NewMemStore()
	nodes[1].start()
	w.run(3 * time.Second)
	if got := nodes[1].lines("#lobby"); len(got) != 50 {
		t.Errorf("bob got %d lines back", len(got))
	}
	for _, e := range nodes[1].events {
		if m, ok := e.(peer.Message); ok && !m.Old {
			t.Errorf("%q is shown as new", m.Text)
		}
	}
	nodes[1].say("#lobby", "again")
	w.run(time.Second)
	if got := len(nodes[0].lines("#lobby")); got != 51 {
		t.Errorf("alice shows %d lines", got)
	}
}

func TestNobodyIsGoneFalselyUnderLoss(t *testing.T) {
	for seed := range uint64(4) {
		w := newWorld(t, seed)
		w.quiet = true
		w.lan.Set(sim.Link{Loss: 0.3})
		nodes := everybody(w, "alice", "bob", "carol")
		w.run(2 * time.Minute)
		for _, n := range nodes {
			for _, e := range n.events {
				if l, ok := e.(peer.Left); ok {
					t.Errorf("seed %d: %s thinks that %s left: %s", seed, n.name, l.Person.Name, l.Reason)
				}
			}
		}
	}
}

func TestNewAddressAndPulledCable(t *testing.T) {
	w := newWorld(t, 5)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	w.run(5 * time.Second)
	bob := nodes[1]
	bob.host.Readdress(prefix("10.0.0.77/24"))
	bob.network()
	bob.say("#lobby", "from another address")
	w.run(time.Second)
	nodes[0].say("#lobby", "still with you")
	w.run(time.Second)
	if got := bob.lines("#lobby"); len(got) != 2 {
		t.Errorf("bob shows %q", got)
	}
	if p := nodes[0].core.People()[0]; p.Addr.Addr().String() != "10.0.0.77" || !p.Online {
		t.Errorf("alice has bob at %v", p.Addr)
	}
	bob.host.Down()
	bob.network()
	w.run(20 * time.Second)
	bob.say("#lobby", "without a cable")
	w.run(10 * time.Second)
	bob.host.Up()
	bob.network()
	w.run(2 * time.Second)
	if got := nodes[0].lines("#lobby"); len(got) != 3 {
		t.Errorf("alice shows %q", got)
	}
	if nodes[0].online() != "bob" || bob.online() != "alice" {
		t.Errorf("alice sees %q, bob sees %q", nodes[0].online(), bob.online())
	}
}

func TestPersonIsWhereAnyInstanceIs(t *testing.T) {
	w := newWorld(t, 13)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	other := w.host("alice2")
	other.identity = alice.identity
	other.start()
	w.run(time.Second)
	join := func(n *node, name string) {
		if _, err := n.core.Join(n.clock(), name); err != nil {
			t.Error(err)
		}
		n.settle()
		w.run(100 * time.Millisecond)
	}
	join(bob, "go")
	join(other, "go")
	join(alice, "den") // whose Self is the last one
	if p := bob.core.People()[0]; !slices.Equal(p.Rooms, []string{"lobby", "go", "den"}) {
		t.Errorf("bob has alice in %q", p.Rooms)
	}
	bob.say("#go", "to the instance that is there")
	w.run(time.Second)
	if got := other.lines("#go"); len(got) != 1 {
		t.Errorf("the other alice shows %q", got)
	}
	if state, _ := bob.store.State(); len(state.Lines) != 0 {
		t.Errorf("bob still owes %d lines", len(state.Lines))
	}
	other.core.Leave(other.clock())
	other.settle()
	w.run(time.Second)
	if p := bob.core.People()[0]; !p.Online || !slices.Equal(p.Rooms, []string{"lobby", "den"}) {
		t.Errorf("after the other one has left bob has alice in %q, online %v", p.Rooms, p.Online)
	}
}

func TestHubIntroducesThoseWhoCannotHearEachOther(t *testing.T) {
	w := newWorld(t, 14)
	w.quiet = true
	w.lan.Set(sim.Link{BroadcastLoss: 1})
	hub, alice, bob := w.host("hub"), w.host("alice"), w.host("bob")
	hub.start()
	w.run(time.Second)
	at := netip.AddrPortFrom(hub.host.Interfaces()[1].Addr.Addr(), 0)
	alice.start(at)
	bob.start(at)
	w.run(protocol.IntroduceAfter + 3*time.Second)
	for _, n := range []*node{alice, bob} {
		if got := len(strings.Fields(n.online())); got != 2 {
			t.Errorf("%s sees %q", n.name, n.online())
		}
	}
}

func TestFiguresAreOfNow(t *testing.T) {
	w := newWorld(t, 12)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	alice, bob := nodes[0], nodes[1]
	status := func() (last peer.Status) {
		for _, e := range alice.events {
			if s, ok := e.(peer.Status); ok {
				last = s
			}
		}
		return last
	}
	w.run(5 * time.Second)
	if p := alice.core.People()[0]; p.RTT == 0 || status().RTT == 0 || status().Loss != 0 {
		t.Errorf("at first: %+v, %+v", p, status())
	}
	w.lan.Set(sim.Link{Loss: 0.5})
	for range 100 {
		alice.say("#lobby", "noise")
		w.run(100 * time.Millisecond)
	}
	if got := status().Loss; got < 0.2 {
		t.Errorf("half of it is lost, %v is shown", got)
	}
	w.lan.Set(sim.Link{})
	w.run(4 * time.Minute)
	if got := status().Loss; got != 0 || alice.core.People()[0].Loss > 0.01 {
		t.Errorf("long after, a loss of %v is shown, of %v", got, alice.core.People()[0].Loss)
	}
	w.lan.Set(sim.Link{Delay: 80 * time.Millisecond})
	bob.host.Readdress(prefix("10.0.0.77/24"))
	bob.network()
	seen := false
	for range 50 {
		w.run(10 * time.Millisecond)
		p := alice.core.People()[0]
		seen = seen || p.RTT == 0
		if p.RTT == protocol.InitialRTT {
			t.Fatalf("after the move a round trip of %v is shown, which nobody has measured", p.RTT)
		}
	}
	if !seen {
		t.Error("the former round trip is shown all along")
	}
	alice.say("#lobby", "how far is it?")
	w.run(time.Second)
	if p := alice.core.People()[0]; p.RTT < 160*time.Millisecond {
		t.Errorf("once it is measured, %v", p.RTT)
	}
}

func TestDirectMessageIsForOnePersonAlone(t *testing.T) {
	w := newWorld(t, 6)
	nodes := everybody(w, "alice", "bob", "carol")
	w.run(time.Second)
	nodes[0].say("bob", "for you only")
	w.run(time.Minute)
	if got := nodes[1].lines("@alice"); !slices.Equal(got, []string{"alice: for you only"}) {
		t.Errorf("bob shows %q", got)
	}
	for _, e := range nodes[2].events {
		if m, ok := e.(peer.Message); ok {
			t.Errorf("carol got %q", m.Text)
		}
	}
}

func TestLongTextTravelsInParts(t *testing.T) {
	w := newWorld(t, 7)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol", "dave")
	w.run(time.Second)
	w.lan.Set(sim.Link{Loss: 0.2, Duplicate: 0.1, Reorder: 0.2})
	text := strings.Repeat("0123456789abcdef", 1024)
	nodes[0].say("#lobby", text)
	nodes[0].say("#lobby", "short")
	w.run(10 * time.Second)
	for _, n := range nodes {
		if got := n.lines("#lobby"); !slices.Equal(got, []string{"alice: " + text, "alice: short"}) {
			t.Errorf("%s shows %d lines", n.name, len(got))
		}
	}
	var refused error
	nodes[0].core.Say(nodes[0].clock(), "#lobby", text+"!", false, func(_ peer.Message, err error) { refused = err })
	if !errors.Is(refused, peer.ErrTooLong) {
		t.Errorf("a text too long: %v", refused)
	}
}

func TestPartitionHeals(t *testing.T) {
	w := newWorld(t, 8)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol", "dave")
	w.run(time.Second)
	w.lan.Partition([]*sim.Host{nodes[0].host, nodes[1].host}, []*sim.Host{nodes[2].host, nodes[3].host})
	w.run(10 * time.Second)
	for i := range 10 {
		nodes[0].say("#lobby", fmt.Sprint("left ", i))
		nodes[2].say("#lobby", fmt.Sprint("right ", i))
		w.run(time.Second)
	}
	w.run(60 * time.Second)
	w.lan.Heal()
	w.run(10 * time.Second)
	for _, n := range nodes {
		if got := len(n.lines("#lobby")); got != 20 {
			t.Errorf("%s shows %d lines", n.name, got)
		}
		if got := len(strings.Fields(n.online())); got != 3 {
			t.Errorf("%s sees %q", n.name, n.online())
		}
	}
}

func TestLostBroadcastsAreRepairedThroughSessions(t *testing.T) {
	w := newWorld(t, 9)
	w.quiet = true
	nodes := everybody(w, "alice", "bob", "carol", "dave", "erin")
	w.run(time.Second)
	w.lan.Set(sim.Link{BroadcastLoss: 1})
	for i := range 20 {
		nodes[i%5].say("#lobby", fmt.Sprint("line ", i))
	}
	w.run(3 * time.Second)
	for _, n := range nodes {
		if got := len(n.lines("#lobby")); got != 20 {
			t.Errorf("%s shows %d lines", n.name, got)
		}
	}
}

func TestRekeyLosesNothing(t *testing.T) {
	w := newWorld(t, 10)
	w.quiet = true
	w.lan.Set(sim.Link{Loss: 0.1})
	nodes := everybody(w, "alice", "bob")
	w.run(time.Second)
	for i := range 100 {
		nodes[i%2].say("#lobby", fmt.Sprint("line ", i))
		w.run(20 * time.Second)
	}
	for _, n := range nodes {
		if got := len(n.lines("#lobby")); got != 100 {
			t.Errorf("%s shows %d lines", n.name, got)
		}
		for _, e := range n.events {
			if l, ok := e.(peer.Left); ok {
				t.Errorf("%s thinks that %s left: %s", n.name, l.Person.Name, l.Reason)
			}
		}
	}
}

func TestLeavingIsToldAtOnce(t *testing.T) {
	w := newWorld(t, 11)
	w.quiet = true
	nodes := everybody(w, "alice", "bob")
	w.run(time.Second)
	nodes[1].say("#lobby", "bye")
	nodes[1].core.Leave(nodes[1].clock())
	nodes[1].settle()
	w.run(100 * time.Millisecond)
	if !nodes[1].core.Left() {
		t.Error("bob has not left")
	}
	if nodes[0].online() != "" || len(nodes[0].lines("#lobby")) != 1 {
		t.Errorf("alice sees %q and shows %q", nodes[0].online(), nodes[0].lines("#lobby"))
	}
}
