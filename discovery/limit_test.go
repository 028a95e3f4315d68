package discovery_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"earshot/discovery"
	"earshot/protocol"
)

func newRoster(seed uint64) *discovery.Roster {
	return discovery.NewRoster(discovery.RosterConfig{Self: instance("me"), Rand: rand.New(rand.NewPCG(seed, 0))})
}

// address is the i-th of 10.0.0.0/8.
func address(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255) }

func hear(r *discovery.Roster, now time.Time, name, addr string) error {
	return r.Announced(now, protocol.Announcement{Instance: instance(name), Counter: 1, Port: port}, path(addr, 2))
}

// step calls Advance at every deadline until a time.
func step(r *discovery.Roster, now, until time.Time, do func(now time.Time, a discovery.Action)) {
	for due := r.Deadline(); !due.IsZero() && !due.After(until); due = r.Deadline() {
		if due.After(now) {
			now = due
		}
		for _, a := range r.Advance(now) {
			do(now, a)
		}
	}
}

// The more are there already, the more their handshakes with a newcomer are spread: 200 within 4 s.
func TestAnswersToANewcomerAreSpread(t *testing.T) {
	least, most := time.Hour, time.Duration(0)
	for seed := range uint64(100) {
		r := newRoster(seed)
		for i := range 199 {
			r.Proven(start, instance(fmt.Sprint(i)), protocol.PeerID{}, path(address(i), 2))
		}
		if err := hear(r, start, "bob", "10.9.9.9"); err != nil {
			t.Fatal(err)
		}
		step(r, start, start.Add(5*time.Second), func(now time.Time, a discovery.Action) {
			if a.Kind != discovery.Connect {
				t.Fatalf("%s", a.Kind)
			}
			least, most = min(least, now.Sub(start)), max(most, now.Sub(start))
		})
	}
	if most > 4*time.Second || most < 3800*time.Millisecond || least > 200*time.Millisecond {
		t.Fatalf("answers after %v to %v, want all from 0 to 4 s", least, most)
	}
}

func TestHandshakesAreLimitedInRateAndNumber(t *testing.T) {
	for _, lasts := range []time.Duration{200 * time.Millisecond, 3 * time.Second, time.Hour} {
		t.Run(lasts.String(), func(t *testing.T) {
			r := newRoster(1)
			for i := range 300 {
				if err := hear(r, start, fmt.Sprint(i), address(i)); err != nil {
					t.Fatal(err)
				}
			}
			type attempt struct {
				instance protocol.Instance
				end      time.Time
			}
			var running []attempt
			var begun []time.Time
			for now := start; now.Before(start.Add(19 * time.Second)); now = now.Add(time.Millisecond) {
				for len(running) > 0 && !now.Before(running[0].end) {
					r.Failed(now, running[0].instance)
					running = running[1:]
				}
				for _, a := range r.Advance(now) {
					// One that nobody ended has ended by itself by now.
					if len(running) > 0 && !now.Before(running[0].end.Add(protocol.ConnectTimeout-lasts)) {
						running = running[1:]
					}
					running = append(running, attempt{a.Instance, now.Add(lasts)})
					begun = append(begun, now)
				}
				if len(running) > protocol.ConnectLimit {
					t.Fatalf("%d handshakes at once", len(running))
				}
			}
			for i := protocol.ConnectRate; i < len(begun); i++ {
				if d := begun[i].Sub(begun[i-protocol.ConnectRate]); d < time.Second {
					t.Fatalf("21 handshakes within %v", d)
				}
			}
			want := 300
			switch lasts {
			case 3 * time.Second:
				want = 190 // 32 every 3 s
			case time.Hour:
				want = 2 * protocol.ConnectLimit // each given up after 10 s
			}
			if len(begun) < want {
				t.Fatalf("%d handshakes, want %d", len(begun), want)
			}
		})
	}
}

func TestCandidatesPerAddress(t *testing.T) {
	for addr, limit := range map[string]int{
		"10.0.0.2": protocol.MaxCandidatesPerAddr, "127.0.0.1": protocol.MaxCandidatesLoopback,
	} {
		r := newRoster(1)
		for i := range limit + 1 {
			if err := hear(r, start, fmt.Sprint(i), addr); err != nil {
				t.Fatal(err)
			}
		}
		if r.N() != limit {
			t.Fatalf("%d candidates from %s", r.N(), addr)
		}
		if _, ok := r.Reception(instance("0")); ok {
			t.Fatal("the oldest one is still there")
		}
		if err := hear(r, start, "another", "10.0.0.3"); err != nil || r.N() != limit+1 {
			t.Fatalf("another address: %v, %d candidates", err, r.N())
		}
	}
}

func TestCandidatesInAll(t *testing.T) {
	r := newRoster(1)
	for i := range protocol.MaxCandidates + 100 {
		if err := hear(r, start, fmt.Sprint(i), address(i)); err != nil {
			t.Fatal(err)
		}
	}
	if r.N() != protocol.MaxCandidates {
		t.Fatalf("%d candidates", r.N())
	}
	for name, want := range map[string]bool{"0": false, "99": false, "100": true, "1123": true} {
		if _, ok := r.Reception(instance(name)); ok != want {
			t.Fatalf("candidate %s is there: %v", name, ok)
		}
	}
}

// Somebody who invents instances does not push out those whom a handshake runs with, nor those who have proven themselves.
func TestWhoIsBeingProvenStays(t *testing.T) {
	r := newRoster(1)
	r.Proven(start, instance("carol"), protocol.PeerID{}, path("10.0.0.2", 2))
	for i := range protocol.MaxCandidatesPerAddr {
		if err := hear(r, start, fmt.Sprint(i), "10.0.0.2"); err != nil {
			t.Fatal(err)
		}
	}
	connects := 0
	now := start.Add(2 * time.Second)
	step(r, start, now, func(time.Time, discovery.Action) { connects++ })
	if connects != protocol.MaxCandidatesPerAddr {
		t.Fatalf("%d handshakes", connects)
	}
	if err := hear(r, now, "mallory", "10.0.0.2"); err != discovery.ErrFull {
		t.Fatalf("one more: %v", err)
	}
	r.Failed(now, instance("0"))
	if err := hear(r, now, "mallory", "10.0.0.2"); err != nil {
		t.Fatal(err)
	}
	if live := r.Live(); len(live) != 1 || live[0] != instance("carol") {
		t.Fatalf("live: %v", live)
	}
}

func TestChallengesAreLimitedInAll(t *testing.T) {
	r := newRoster(1)
	for i := range 100 {
		r.Proven(start, instance(fmt.Sprint(i)), protocol.PeerID{}, path(address(i), 2))
	}
	for i := range 100 {
		if err := hear(r, start, fmt.Sprint(i), "10.6.6.6"); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(r.Advance(start)); got != protocol.ChallengeRate {
		t.Fatalf("%d challenges at once", got)
	}
}

func TestReception(t *testing.T) {
	r := newRoster(1)
	if _, ok := r.Reception(instance("bob")); ok {
		t.Fatal("known before it was heard")
	}
	for _, step := range []struct {
		counters []uint64
		want     float64
	}{
		{[]uint64{10}, 1},
		{[]uint64{11, 12, 13}, 1},
		{[]uint64{13, 13}, 1}, // by two interfaces
		{[]uint64{15}, 5.0 / 6},
		{[]uint64{14}, 1},            // late
		{[]uint64{8}, 7.0 / 8},       // from before
		{[]uint64{71}, 8.0 / 64},     // 8, 10 to 15 and 71, of 8 to 71
		{[]uint64{1 << 60}, 1. / 64}, // whatever that is
		{[]uint64{1, 2}, 1},          // it counts anew
		{[]uint64{1<<64 - 1}, 1. / 64},
		{[]uint64{1<<64 - 2}, 2. / 64},
	} {
		for _, c := range step.counters {
			addr := netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), port)
			if err := r.Announced(start, protocol.Announcement{Instance: instance("bob"), Counter: c, Port: port}, protocol.Path{Addr: addr}); err != nil {
				t.Fatal(err)
			}
		}
		if got, ok := r.Reception(instance("bob")); !ok || got != step.want {
			t.Fatalf("after %v: %v, want %v", step.counters, got, step.want)
		}
	}
}
