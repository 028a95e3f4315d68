package sim_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/sim"
)

const announce, unicast = 24816, 7000

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func to(s string) netip.AddrPort   { return netip.MustParseAddrPort(s) }

// hosts makes a LAN of hosts 10.0.0.1, 10.0.0.2 … with both ports open.
func hosts(t *testing.T, seed uint64, names ...string) (*sim.LAN, []*sim.Host) {
	l := sim.New(seed)
	var hs []*sim.Host
	for i, name := range names {
		h := l.AddHost(name, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 24))
		open(t, h)
		hs = append(hs, h)
	}
	return l, hs
}

func open(t *testing.T, h *sim.Host) *sim.Socket {
	t.Helper()
	if _, err := h.OpenShared(announce); err != nil {
		t.Fatal(err)
	}
	s, err := h.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// arrivals takes out everything and tells who got what: "bob:24816%2 hi".
func arrivals(l *sim.LAN) string {
	var out []string
	for _, ok := l.Next(); ok; _, ok = l.Next() {
		if d := l.Deliver(); d.To != nil {
			out = append(out, fmt.Sprintf("%s:%d%%%d %s from %s", d.To.Name, d.Port, d.Interface, d.Data, d.Src))
		}
	}
	return strings.Join(out, "\n")
}

func want(t *testing.T, l *sim.LAN, lines ...string) {
	t.Helper()
	if got := arrivals(l); got != strings.Join(lines, "\n") {
		t.Fatalf("arrived:\n%s\nwant:\n%s", got, strings.Join(lines, "\n"))
	}
}

func TestBroadcastReachesTheSharedPortOfEveryHost(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob", "carol")
	if err := hs[0].Send(start, 49152, to("10.0.0.255:24816"), []byte("hi")); err != nil {
		t.Fatal(err)
	}
	want(
		t, l,
		"alice:24816%2 hi from 10.0.0.1:49152",
		"bob:24816%2 hi from 10.0.0.1:49152",
		"carol:24816%2 hi from 10.0.0.1:49152",
	)
}

func TestBroadcastOfAnotherPrefixIsNotHeard(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob")
	hs[1].Readdress(prefix("10.0.0.2/16"))
	_ = hs[0].Send(start, 49152, to("10.0.0.255:24816"), []byte("a"))
	_ = hs[1].Send(start, 49152, to("10.0.255.255:24816"), []byte("b"))
	want(
		t, l,
		"alice:24816%2 a from 10.0.0.1:49152",
		"bob:24816%2 b from 10.0.0.2:49152",
	)
	_ = hs[0].Send(start, 49152, to("255.255.255.255:24816"), []byte("c"))
	want(
		t, l,
		"alice:24816%2 c from 10.0.0.1:49152",
		"bob:24816%2 c from 10.0.0.1:49152",
	)
}

func TestUnicastReachesOneSocket(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob", "carol")
	_ = hs[0].Send(start, 49152, to("10.0.0.2:49152"), []byte("hi"))
	_ = hs[0].Send(start, 49152, to("10.0.0.2:1"), []byte("nobody listens"))
	_ = hs[0].Send(start, 49152, to("10.0.0.77:49152"), []byte("nobody there"))
	want(t, l, "bob:49152%2 hi from 10.0.0.1:49152")
	if err := hs[0].Send(start, 49152, to("192.168.1.1:5"), nil); !errors.Is(err, sim.ErrUnreachable) {
		t.Fatalf("no route: %v", err)
	}
}

// Two programs on one host that has loopback only.
func TestSeveralInstancesOnLoopback(t *testing.T) {
	l := sim.New(1)
	h := l.AddHost("alone", netip.Prefix{})
	a, b := open(t, h), open(t, h)
	if a.Port == b.Port {
		t.Fatal("one port for two")
	}
	_ = a.Send(start, to("127.255.255.255:24816"), 1, []byte("hi"))
	want(
		t, l,
		"alone:24816%1 hi from 127.0.0.1:49152",
		"alone:24816%1 hi from 127.0.0.1:49152",
	)
	_ = a.Send(start, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), b.Port), 0, []byte("you"))
	want(t, l, "alone:49153%1 you from 127.0.0.1:49152")
	_ = b.Send(start, to("127.0.0.1:24816"), 0, []byte("one of them"))
	want(t, l, "alone:24816%1 one of them from 127.0.0.1:49153")
	if err := a.Send(start, to("10.0.0.255:24816"), 0, nil); !errors.Is(err, sim.ErrUnreachable) {
		t.Fatalf("no cable: %v", err)
	}
}

func TestPortsAreTakenAndFreed(t *testing.T) {
	h := sim.New(1).AddHost("h", prefix("10.0.0.1/24"))
	a, err := h.Open(unicast)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Open(unicast); !errors.Is(err, sim.ErrPortTaken) {
		t.Fatal(err)
	}
	if _, err := h.OpenShared(unicast); !errors.Is(err, sim.ErrPortTaken) {
		t.Fatal(err)
	}
	a.Close()
	if err := a.Send(start, to("10.0.0.1:1"), 0, nil); !errors.Is(err, sim.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := h.OpenShared(unicast); err != nil {
		t.Fatal(err)
	}
}

// Two interfaces in one LAN: a broadcast from elsewhere comes in twice, and one can choose by which to send.
func TestTwoInterfacesOnOneWire(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob")
	hs[1].Attach("", prefix("10.0.0.12/24"))
	_ = hs[0].Send(start, 49152, to("10.0.0.255:24816"), []byte("a"))
	want(
		t, l,
		"alice:24816%2 a from 10.0.0.1:49152",
		"bob:24816%2 a from 10.0.0.1:49152",
		"bob:24816%3 a from 10.0.0.1:49152",
	)
	s, _ := hs[1].Open(0)
	_ = s.Send(start, to("10.0.0.255:24816"), 3, []byte("b"))
	want(
		t, l,
		"bob:24816%3 b from 10.0.0.12:49153",
		"alice:24816%2 b from 10.0.0.12:49153",
	)
}

func TestWiresAreApart(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob", "router")
	hs[2].Attach("upstairs", prefix("10.0.1.1/24"))
	dave := l.AddHost("dave", netip.Prefix{})
	dave.Attach("upstairs", prefix("10.0.1.2/24"))
	open(t, dave)
	_ = dave.Send(start, 49152, to("10.0.1.255:24816"), []byte("up here"))
	want(
		t, l,
		"dave:24816%2 up here from 10.0.1.2:49152",
		"router:24816%3 up here from 10.0.1.2:49152",
	)
}

func TestWhatIsUnderWayMeetsAChangedWorld(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob", "carol", "dave")
	l.Set(sim.Link{Delay: 10 * time.Millisecond})
	for _, dst := range []string{"10.0.0.2:49152", "10.0.0.3:49152", "10.0.0.4:49152"} {
		_ = hs[0].Send(start, 49152, to(dst), []byte("late"))
	}
	hs[1].Readdress(prefix("10.0.0.9/24"))
	hs[2].Down()
	want(t, l, "dave:49152%2 late from 10.0.0.1:49152")
	if err := hs[2].Send(start, 49152, to("10.0.0.1:49152"), nil); !errors.Is(err, sim.ErrUnreachable) {
		t.Fatalf("without a cable: %v", err)
	}
	if n := len(hs[2].Interfaces()); n != 1 {
		t.Fatalf("%d interfaces without a cable", n)
	}
	hs[2].Up()
	_ = hs[2].Send(start, 49152, to("10.0.0.9:49152"), []byte("new"))
	want(t, l, "bob:49152%2 new from 10.0.0.3:49152")
}

func TestPartitionAndCut(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob", "carol")
	l.Partition([]*sim.Host{hs[0]}, []*sim.Host{hs[1], hs[2]})
	_ = hs[1].Send(start, 49152, to("10.0.0.255:24816"), []byte("x"))
	want(
		t, l,
		"bob:24816%2 x from 10.0.0.2:49152",
		"carol:24816%2 x from 10.0.0.2:49152",
	)
	l.Heal()
	l.Cut(hs[0], hs[1])
	_ = hs[0].Send(start, 49152, to("10.0.0.2:49152"), []byte("there"))
	_ = hs[1].Send(start, 49152, to("10.0.0.1:49152"), []byte("back"))
	want(t, l, "alice:49152%2 back from 10.0.0.2:49152")
}

var bad = sim.Link{
	Loss: 0.2, LossBurst: 3, BroadcastLoss: 0.1, Duplicate: 0.1, Reorder: 0.1, Corrupt: 0.1, Truncate: 0.05,
	Delay: time.Millisecond, Jitter: 3 * time.Millisecond,
}

// story is every delivery of a run in which each host, on hearing something, may say something more.
func story(t *testing.T, seed uint64) []byte {
	l, hs := hosts(t, seed, "a", "b", "c", "d", "e")
	l.Set(bad)
	r := rand.New(rand.NewPCG(seed, 1))
	say := func(now time.Time, h *sim.Host) {
		dst := fmt.Sprintf("10.0.0.%d:49152", 1+r.IntN(len(hs)))
		if r.IntN(4) == 0 {
			dst = "10.0.0.255:24816"
		}
		_ = h.Send(now, 49152, to(dst), []byte(fmt.Sprintf("%x", r.Uint64())))
	}
	for i := range 50 {
		say(start, hs[i%len(hs)])
	}
	var out bytes.Buffer
	for n := 0; n < 3000; n++ {
		at, ok := l.Next()
		if !ok {
			break
		}
		d := l.Deliver()
		fmt.Fprintln(&out, d)
		say(at, d.To)
		if n%1000 == 500 {
			l.Partition(hs[:2], hs[2:])
		} else if n%1000 == 700 {
			l.Heal()
		}
	}
	return out.Bytes()
}

func TestOneSeedGivesOneStory(t *testing.T) {
	first := story(t, 5)
	if lines := bytes.Count(first, []byte("\n")); lines < 1000 {
		t.Fatalf("a story of %d lines proves little", lines)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(procs)
		if !bytes.Equal(first, story(t, 5)) {
			t.Fatalf("another story at GOMAXPROCS %d", procs)
		}
	}
	if bytes.Equal(first, story(t, 6)) {
		t.Fatal("another seed gives the same story")
	}
}

// The luck of one flow does not depend on what others send, nor on another fault of the link.
func TestFlowsDoNotDisturbOneAnother(t *testing.T) {
	fates := func(noise bool, link sim.Link) string {
		l, hs := hosts(t, 9, "alice", "bob", "carol")
		l.Set(link)
		other, _ := hs[0].Open(0)
		var out strings.Builder
		for i := range 500 {
			now := start.Add(time.Duration(i) * time.Second)
			if noise {
				_ = other.Send(now, to("10.0.0.2:49152"), 0, []byte("noise"))
				_ = hs[2].Send(now, 49152, to("10.0.0.2:49152"), []byte("noise"))
			}
			_ = hs[0].Send(now, 49152, to("10.0.0.2:49152"), []byte("x"))
			for _, ok := l.Next(); ok; _, ok = l.Next() {
				if d := l.Deliver(); d.Src == to("10.0.0.1:49152") {
					fmt.Fprintf(&out, "%d ", i)
				}
			}
		}
		return out.String()
	}
	quiet := fates(false, sim.Link{Loss: 0.3})
	if quiet != fates(true, sim.Link{Loss: 0.3}) {
		t.Error("noise changes what is lost")
	}
	if quiet != fates(false, sim.Link{Loss: 0.3, Corrupt: 0.5, Jitter: time.Millisecond}) {
		t.Error("corruption changes what is lost")
	}
}

func TestAReceiverMayScribble(t *testing.T) {
	l := sim.New(1)
	h := l.AddHost("alone", netip.Prefix{})
	a := open(t, h)
	open(t, h)
	data := []byte("hi")
	_ = a.Send(start, to("127.255.255.255:24816"), 1, data)
	data[0] = 'x'
	first := l.Deliver()
	first.Data[1] = 'y'
	if second := l.Deliver(); string(second.Data) != "hi" {
		t.Fatalf("the second socket got %q", second.Data)
	}
}

// What is sent after Next has looked ahead may still come first.
func TestNextOnlyLooks(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob")
	l.Set(sim.Link{Delay: time.Second})
	_ = hs[0].Send(start, 49152, to("10.0.0.2:49152"), []byte("slow"))
	l.Next()
	l.Set(sim.Link{})
	_ = hs[0].Send(start.Add(time.Millisecond), 49152, to("10.0.0.2:49152"), []byte("fast"))
	want(t, l, "bob:49152%2 fast from 10.0.0.1:49152", "bob:49152%2 slow from 10.0.0.1:49152")
}

func TestMTU(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob", "carol")
	hs[0].SetMTU(2, 9000)
	hs[1].SetMTU(2, 9000)
	say := func(from *sim.Host, dst string, size int) error {
		return from.Send(start, 49152, to(dst), make([]byte, size))
	}
	arrives := func() (n int) {
		for _, ok := l.Next(); ok; _, ok = l.Next() {
			n += len(l.Deliver().Data)
		}
		return n
	}
	for _, c := range []struct {
		from    *sim.Host
		dst     string
		size    int
		arrives bool
		err     error
	}{
		{hs[0], "10.0.0.2:49152", 8972, true, nil},
		{hs[0], "10.0.0.2:49152", 8973, false, lan.ErrTooLong},
		{hs[0], "10.0.0.3:49152", 1472, true, nil},
		{hs[0], "10.0.0.3:49152", 1473, false, nil}, // nobody tells
		{hs[2], "10.0.0.2:49152", 1472, true, nil},
		{hs[2], "10.0.0.2:49152", 1473, false, lan.ErrTooLong},
		{hs[2], "10.0.0.3:49152", 20000, true, nil}, // its own, by loopback
		{hs[2], "10.0.0.255:24816", 1473, false, lan.ErrTooLong},
	} {
		err := say(c.from, c.dst, c.size)
		if n := arrives(); !errors.Is(err, c.err) || (n == c.size) != c.arrives || !c.arrives && n > 0 {
			t.Errorf("%d bytes from %s to %s: %d arrive, %v", c.size, c.from.Name, c.dst, n, err)
		}
	}
}
