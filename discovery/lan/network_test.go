package lan_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/lantest"
)

const announce = 24816

var everybody = netip.MustParseAddr("10.77.0.255")

// index is that of a host's interface.
func index(t *testing.T, l *lantest.LAN, host int, name string) (index int) {
	t.Helper()
	l.In(host, func() {
		i, err := net.InterfaceByName(name)
		if err != nil {
			t.Fatal(err)
		}
		index = i.Index
	})
	return index
}

// on opens a socket on a host: shared if it has a port.
func on(t *testing.T, l *lantest.LAN, host int, name string, port uint16) (s *listener) {
	t.Helper()
	l.In(host, func() {
		if port != 0 {
			s = shared(t, name, port)
		} else {
			s = private(t, name)
		}
	})
	return s
}

func TestHostsHearBroadcasts(t *testing.T) {
	l := lantest.New(t, 2)
	alice, bob := on(t, l, 1, "alice", 0), on(t, l, 2, "bob", 0)
	alices, bobs, carols := on(t, l, 1, "alice's shared", announce), on(t, l, 2, "bob's shared", announce), on(t, l, 2, "carol's shared", announce)
	here, there := index(t, l, 1, "eth0"), index(t, l, 2, "eth0")

	alice.say("hello all", everybody, announce, here)
	for _, s := range []*listener{bobs, carols} {
		s.hears("hello all", "10.77.0.1", alice.port(), there)
	}
	// Those on one's own host hear it too, as if it had come from the wire.
	alices.hears("hello all", "10.77.0.1", alice.port(), here)

	bob.say("hello alice", l.Addr(1), alice.port(), there)
	alice.hears("hello alice", "10.77.0.2", bob.port(), here)
}

// Two instances on one host meet by a broadcast on eth0, and go on by unicast to the address they saw.
func TestNeighboursOnOneHost(t *testing.T) {
	l := lantest.New(t, 1)
	alice, bob, bobs := on(t, l, 1, "alice", 0), on(t, l, 1, "bob", 0), on(t, l, 1, "bob's shared", announce)
	eth0 := index(t, l, 1, "eth0")

	alice.say("hello all", everybody, announce, eth0)
	bobs.hears("hello all", "10.77.0.1", alice.port(), eth0)
	bob.say("hello alice", l.Addr(1), alice.port(), eth0)
	alice.hears("hello alice", "10.77.0.1", bob.port(), eth0)
}

func TestTwoInterfacesInOneSubnet(t *testing.T) {
	l := lantest.New(t, 2)
	l.AddInterface(1, "eth1", netip.MustParsePrefix("10.77.0.101/24"))
	alice, bob := on(t, l, 1, "alice", 0), on(t, l, 2, "bob", 0)
	alices, bobs := on(t, l, 1, "alice's shared", announce), on(t, l, 2, "bob's shared", announce)
	eth0, eth1, there := index(t, l, 1, "eth0"), index(t, l, 1, "eth1"), index(t, l, 2, "eth0")

	alice.say("by eth0", everybody, announce, eth0)
	bobs.hears("by eth0", "10.77.0.1", alice.port(), there)
	alice.say("by eth1", everybody, announce, eth1)
	bobs.hears("by eth1", "10.77.0.101", alice.port(), there)

	// Each came back to its sender's host once, by the interface it left by: from the wire, at the other one,
	// the kernel refuses its own address as a source.
	alices.hears("by eth0", "10.77.0.1", alice.port(), eth0)
	alices.hears("by eth1", "10.77.0.101", alice.port(), eth1)

	bob.say("to all", everybody, announce, there)
	var at []int
	for range 2 {
		select {
		case h := <-alices.got:
			if h.text != "to all" || h.src != netip.AddrPortFrom(l.Addr(2), bob.port()) {
				t.Fatalf("heard %v", h)
			}
			at = append(at, h.ifindex)
		case <-time.After(patience):
			t.Fatalf("heard by %v only", at)
		}
	}
	if at[0]+at[1] != eth0+eth1 || at[0] == at[1] {
		t.Errorf("heard by interfaces %v, want %d and %d", at, eth0, eth1)
	}
}

func TestTwoSubnetsOnOneInterface(t *testing.T) {
	l := lantest.New(t, 2)
	l.AddAddr(1, netip.MustParsePrefix("192.168.5.1/26"))
	l.AddAddr(2, netip.MustParsePrefix("192.168.5.2/26"))
	alice, bobs := on(t, l, 1, "alice", 0), on(t, l, 2, "bob's shared", announce)
	here, there := index(t, l, 1, "eth0"), index(t, l, 2, "eth0")

	var dsts []netip.Addr
	l.In(1, func() {
		all, err := lan.Interfaces([]string{"eth0"})
		if err != nil || len(all) != 1 {
			t.Fatalf("interfaces: %v, %v", all, err)
		}
		dsts = all[0].Broadcasts()
	})
	// Each subnet is told from the address that it knows the sender by.
	for i, src := range []string{"10.77.0.1", "192.168.5.1"} {
		alice.say("hello", dsts[i], announce, here)
		bobs.hears("hello", src, alice.port(), there)
	}
}

// reportInterfaces is a command: the interfaces now, and again whenever they have changed.
func reportInterfaces() {
	changed := lan.Watch(context.Background())
	for {
		all, err := lan.Interfaces(nil)
		var names []string
		for _, i := range all {
			names = append(names, fmt.Sprint(i.Name, i.Addrs))
		}
		unusable, _ := lan.Unusable(nil)
		fmt.Println(strings.Join(append(names, unusable...), ", "), err)
		<-changed
	}
}

func TestWatchSeesEveryChange(t *testing.T) {
	l := lantest.New(t, 1)
	cmd := l.Command(1, "interfaces")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	// Well before the regular look, so that it is the kernel's word that is acted on.
	deadline := 3 * time.Second
	see := func(after, want string) {
		t.Helper()
		began, last := time.Now(), "nothing"
		for {
			select {
			case line, ok := <-lines:
				if !ok {
					t.Fatalf("after %s: the command has ended", after)
				}
				if last = line; line == want+" <nil>" {
					return
				}
			case <-time.After(time.Until(began.Add(deadline))):
				t.Fatalf("after %s: %s, want %s", after, last, want)
			}
		}
	}
	see("start", "lo[127.0.0.1/8], eth0[10.77.0.1/24]")
	l.Cut(1)
	see("a pulled cable", "lo[127.0.0.1/8], eth0: no cable or no link")
	l.Mend(1)
	see("a plugged cable", "lo[127.0.0.1/8], eth0[10.77.0.1/24]")
	l.Down(1)
	see("eth0 off", "lo[127.0.0.1/8], eth0: down")
	l.Up(1)
	see("eth0 on", "lo[127.0.0.1/8], eth0[10.77.0.1/24]")
	l.Readdress(1, netip.MustParsePrefix("10.77.0.200/25"))
	see("another address", "lo[127.0.0.1/8], eth0[10.77.0.200/25]")
	l.AddAddr(1, netip.MustParsePrefix("10.78.0.1/16"))
	see("a second address", "lo[127.0.0.1/8], eth0[10.77.0.200/25 10.78.0.1/16]")
	l.AddInterface(1, "eth1", netip.MustParsePrefix("10.79.0.1/31"))
	see("a new interface", "lo[127.0.0.1/8], eth0[10.77.0.200/25 10.78.0.1/16], eth1[10.79.0.1/31]")
	l.RemoveInterface(1, "eth1")
	see("its end", "lo[127.0.0.1/8], eth0[10.77.0.200/25 10.78.0.1/16]")
}

func TestWatchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	changed := lan.Watch(ctx)
	cancel()
	for range changed {
	}
}

func TestSocketOutlivesItsInterface(t *testing.T) {
	l := lantest.New(t, 2)
	l.AddInterface(1, "eth1", netip.MustParsePrefix("10.77.0.101/24"))
	alice, bobs := on(t, l, 1, "alice", 0), on(t, l, 2, "bob's shared", announce)
	eth0, eth1, there := index(t, l, 1, "eth0"), index(t, l, 1, "eth1"), index(t, l, 2, "eth0")

	l.RemoveInterface(1, "eth1")
	if err := alice.write([]byte("lost"), netip.AddrPortFrom(everybody, announce), eth1); err == nil {
		t.Error("written by an interface that is no more")
	}
	l.Readdress(1, netip.MustParsePrefix("10.77.0.200/24"))
	alice.say("still here", everybody, announce, eth0)
	bobs.hears("still here", "10.77.0.200", alice.port(), there)
}
