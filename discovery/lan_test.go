package discovery_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"earshot/discovery"
	"earshot/discovery/lan/sim"
	"earshot/protocol"
)

// The tests of this file put rosters and announcers on a simulated LAN, with handshakes and pings of one letter.
// Whatever carries the letter of a session counts as authenticated.
const (
	hello   = 'H' // first message of a handshake
	welcome = 'W' // second
	ping    = 'P'
	pong    = 'A'
)

type node struct {
	host      *sim.Host
	private   *sim.Socket
	shared    *sim.Socket
	self      protocol.Instance
	announcer *discovery.Announcer
	roster    *discovery.Roster
	counter   uint64
	attempts  []attempt
	dead      bool
	gone      map[protocol.Instance]time.Time // when it reported whom as offline
}

type attempt struct {
	instance protocol.Instance
	end      time.Time
}

type world struct {
	t     *testing.T
	lan   *sim.LAN
	now   time.Time
	nodes []*node
}

func newWorld(t *testing.T, seed uint64, n int) *world {
	w := &world{t: t, lan: sim.New(seed), now: start}
	for i := range n {
		addr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 24)
		nd := &node{host: w.lan.AddHost(fmt.Sprintf("h%d", i), addr), gone: map[protocol.Instance]time.Time{}}
		nd.private, _ = nd.host.Open(port)
		nd.shared, _ = nd.host.OpenShared(protocol.AnnouncePort)
		nd.self = instance(nd.host.Name)
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		nd.announcer = discovery.NewAnnouncer(r)
		nd.roster = discovery.NewRoster(discovery.RosterConfig{Self: nd.self, Rand: r})
		nd.announcer.Burst(start.Add(time.Duration(r.Int64N(int64(time.Second)))))
		nd.private.Tag, nd.shared.Tag = nd, nd
		w.nodes = append(w.nodes, nd)
	}
	return w
}

func (nd *node) deadline() time.Time {
	if nd.dead {
		return time.Time{}
	}
	d := nd.announcer.Deadline()
	if r := nd.roster.Deadline(); !r.IsZero() && r.Before(d) {
		d = r
	}
	for _, a := range nd.attempts {
		if a.end.Before(d) {
			d = a.end
		}
	}
	return d
}

func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for {
		at, ok := w.lan.Next()
		var next *node
		for _, nd := range w.nodes {
			if d := nd.deadline(); !d.IsZero() && (!ok || d.Before(at)) {
				at, ok, next = d, true, nd
			}
		}
		if !ok || at.After(end) {
			break
		}
		if at.After(w.now) {
			w.now = at
		}
		if next != nil {
			w.advance(next)
		} else if d := w.lan.Deliver(); d.To != nil {
			w.receive(d.Socket.Tag.(*node), d)
		}
	}
	w.now = end
}

func (w *world) send(nd *node, to netip.AddrPort, kind byte) {
	if err := nd.private.Send(w.now, to, 2, append([]byte{kind}, nd.self[:]...)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) advance(nd *node) {
	for len(nd.attempts) > 0 && !w.now.Before(nd.attempts[0].end) {
		nd.roster.Failed(w.now, nd.attempts[0].instance)
		nd.attempts = nd.attempts[1:]
	}
	if nd.announcer.Advance(w.now, nd.roster.N()+1) {
		nd.counter++
		e := protocol.NewEncoder()
		protocol.Announcement{Instance: nd.self, Counter: nd.counter, Port: port}.Append(e)
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 255}), protocol.AnnouncePort)
		if err := nd.private.Send(w.now, to, 2, e.Bytes()); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, a := range nd.roster.Advance(w.now) {
		switch a.Kind {
		case discovery.Connect:
			w.send(nd, a.Path.Addr, hello)
			nd.attempts = append(nd.attempts, attempt{a.Instance, w.now.Add(3 * time.Second)})
		case discovery.Ping:
			w.send(nd, a.Path.Addr, ping)
		case discovery.Offline:
			nd.gone[a.Instance] = w.now
		case discovery.Challenge:
			w.t.Fatalf("challenge to %s", a.Path)
		}
	}
}

func (w *world) receive(nd *node, d sim.Delivery) {
	if nd.dead {
		return
	}
	from := protocol.Path{Addr: d.Src, Interface: d.Interface}
	if d.Shared {
		a, err := protocol.ParseAnnouncement(d.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		from.Addr = netip.AddrPortFrom(d.Src.Addr(), a.Port)
		if err := nd.roster.Announced(w.now, a, from); err != nil && err != discovery.ErrOwn {
			w.t.Fatal(err)
		}
		return
	}
	who := protocol.Instance(d.Data[1:])
	_, live := nd.roster.Peer(who)
	switch d.Data[0] {
	case hello, welcome:
		nd.roster.Proven(w.now, who, protocol.PeerID{}, from)
		if d.Data[0] == hello {
			w.send(nd, d.Src, welcome)
		}
	case ping:
		nd.roster.Life(w.now, who)
		if live {
			w.send(nd, d.Src, pong)
		}
	case pong:
		nd.roster.Life(w.now, who)
	}
}

func (w *world) wantAllLive() {
	w.t.Helper()
	for _, nd := range w.nodes {
		if got := len(nd.roster.Live()); got != len(w.nodes)-1 {
			w.t.Fatalf("%s sees %d of %d after %v", nd.host.Name, got, len(w.nodes)-1, w.now.Sub(start))
		}
	}
}

// 20 hosts that start within a second have met within two seconds of the last start, when nothing is lost.
func TestTwentyHostsMeet(t *testing.T) {
	w := newWorld(t, 1, 20)
	w.run(3 * time.Second)
	w.wantAllLive()
}

func TestAKilledPeerIsOfflineEverywhereWithinFiveSeconds(t *testing.T) {
	for _, loss := range []float64{0, 0.3} {
		t.Run(fmt.Sprint(loss), func(t *testing.T) {
			w := newWorld(t, 2, 51)
			w.run(30 * time.Second)
			w.wantAllLive()
			w.lan.Set(sim.Link{Loss: loss})
			w.run(30*time.Second + 777*time.Millisecond)
			killed, victim := w.now, w.nodes[17]
			victim.dead = true
			w.run(10 * time.Second)
			for _, nd := range w.nodes {
				if nd == victim {
					continue
				}
				if at, ok := nd.gone[victim.self]; !ok || at.Sub(killed) > 5*time.Second || len(nd.gone) != 1 {
					t.Fatalf("%s: noticed %v after %v; %d are gone", nd.host.Name, ok, at.Sub(killed), len(nd.gone))
				}
			}
		})
	}
}

// With 30 % loss in each direction nobody is ever shown as gone falsely: 11 · 10 · 55 = 6,050 peer-minutes.
func TestNoFalseDeparturesUnderLoss(t *testing.T) {
	w := newWorld(t, 3, 11)
	w.lan.Set(sim.Link{Loss: 0.3, Delay: 2 * time.Millisecond, Jitter: 5 * time.Millisecond})
	w.run(2 * time.Minute)
	w.wantAllLive()
	for _, nd := range w.nodes {
		clear(nd.gone) // these handshakes, which repeat nothing, may leave a session that one side only knows
	}
	w.run(55 * time.Minute)
	for _, nd := range w.nodes {
		for who, at := range nd.gone {
			t.Errorf("%s thought %s gone after %v", nd.host.Name, who, at.Sub(start))
		}
		for _, i := range nd.roster.Live() {
			if share, ok := nd.roster.Reception(i); !ok || share < 0.45 || share > 0.95 {
				t.Errorf("%s hears %.2f of the announcements of %s", nd.host.Name, share, i)
			}
		}
	}
}

// A LAN that was cut in two is one again as soon as announcements pass.
func TestAPartitionHeals(t *testing.T) {
	w := newWorld(t, 4, 8)
	w.run(10 * time.Second)
	var left, right []*sim.Host
	for i, nd := range w.nodes {
		if i%2 == 0 {
			left = append(left, nd.host)
		} else {
			right = append(right, nd.host)
		}
	}
	w.lan.Partition(left, right)
	w.run(time.Minute)
	for _, nd := range w.nodes {
		if got := len(nd.roster.Live()); got != 3 {
			t.Fatalf("%s sees %d of its half", nd.host.Name, got)
		}
		if nd.roster.N() != 3 {
			t.Fatalf("%s still counts %d", nd.host.Name, nd.roster.N())
		}
	}
	w.lan.Heal()
	w.run(3 * time.Second)
	w.wantAllLive()
}

// Where broadcasts do not pass for long, sessions keep everybody present by pings.
func TestPresenceWithoutBroadcasts(t *testing.T) {
	w := newWorld(t, 5, 5)
	w.run(5 * time.Second)
	w.lan.Set(sim.Link{BroadcastLoss: 1})
	w.run(10 * time.Minute)
	w.wantAllLive()
	for _, nd := range w.nodes {
		if len(nd.gone) > 0 {
			t.Fatalf("%s lost somebody", nd.host.Name)
		}
	}
}
