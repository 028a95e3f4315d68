package sim_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/sim"
)

func addrPort(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a, port) }

func datagrams(dst netip.AddrPort, ifindex int, texts ...string) (ds []lan.Datagram) {
	for _, t := range texts {
		ds = append(ds, lan.Datagram{Data: []byte(t), Addr: dst, Interface: ifindex})
	}
	return ds
}

func TestConnWaitsForADatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, hs := hosts(t, 1, "alice", "bob")
		l.Set(sim.Link{Delay: 20 * time.Millisecond})
		sw := sim.NewSwitch(l)
		defer sw.Close()
		a, err := sw.Listen(hs[0], unicast)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		b, _ := sw.ListenShared(hs[1], announce)
		defer b.Close()
		if b.LocalAddr() != to("0.0.0.0:24816") {
			t.Fatal(b.LocalAddr())
		}
		if _, err := sw.Listen(hs[0], unicast); !errors.Is(err, sim.ErrPortTaken) {
			t.Fatal(err)
		}
		sent := time.Now()
		all := to("10.0.0.255:24816")
		for _, d := range [][]lan.Datagram{datagrams(all, 2, "hello", "again"), datagrams(all, 0, "third")} {
			if n, err := a.Write(d); n != len(d) || err != nil {
				t.Fatalf("%d written: %v", n, err)
			}
		}
		got := lan.NewBatch()
		if err := b.Read(got); err != nil || fmt.Sprint(got.Datagrams) != fmt.Sprint(datagrams(to("10.0.0.1:7000"), 2, "hello", "again", "third")) {
			t.Fatalf("%v: %v", got.Datagrams, err)
		}
		if took := time.Since(sent); took != 20*time.Millisecond+sim.Latency {
			t.Fatalf("took %v", took)
		}
		sw.Do(func(l *sim.LAN) { l.Set(sim.Link{Loss: 1}) })
		_, _ = a.Write(datagrams(to("10.0.0.2:24816"), 0, "lost"))
		done := make(chan error)
		go func() {
			done <- b.Read(got)
		}()
		time.Sleep(time.Minute)
		_ = b.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Fatalf("a read that Close ends: %v", err)
		}
		if n, err := b.Write(datagrams(to("10.0.0.1:7000"), 0, "")); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Fatalf("%d written after Close: %v", n, err)
		}
	})
}

// Goroutines that send at one instant race for the switch. What each of them receives, and when, does not depend on it.
func TestConnsAreReproducible(t *testing.T) {
	play := func() string {
		var mu sync.Mutex
		heard := map[string][]string{}
		synctest.Test(t, func(t *testing.T) {
			l, hs := hosts(t, 3, "a", "b", "c", "d")
			l.Set(bad)
			sw := sim.NewSwitch(l)
			begin := time.Now()
			var wg sync.WaitGroup
			var conns []*sim.Conn
			for _, h := range hs {
				for _, port := range []uint16{unicast, unicast + 1} { // two instances on each host
					c, _ := sw.Listen(h, port)
					conns = append(conns, c)
					name := fmt.Sprintf("%s:%d", h.Name, port)
					wg.Go(func() {
						got := lan.NewBatch()
						for c.Read(got) == nil {
							mu.Lock()
							for _, d := range got.Datagrams {
								heard[name] = append(heard[name], fmt.Sprintf("%s %s %v %x", name, d.Addr, time.Since(begin), d.Data))
							}
							mu.Unlock()
						}
					})
					wg.Go(func() {
						for i := range 50 {
							for to := range hs {
								dst := hs[to].Interfaces()[1].Addr.Addr()
								_, _ = c.Write(datagrams(addrPort(dst, unicast+uint16(i%2)), 0, fmt.Sprint(name, " ", i)))
							}
							time.Sleep(time.Millisecond)
						}
					})
				}
			}
			time.Sleep(time.Minute)
			for _, c := range conns {
				_ = c.Close()
			}
			wg.Wait()
			sw.Close()
		})
		var all []string
		for _, lines := range heard {
			all = append(all, lines...)
		}
		slices.Sort(all)
		return strings.Join(all, "\n")
	}
	first := play()
	if n := strings.Count(first, "\n"); n < 500 {
		t.Fatalf("only %d datagrams arrived", n)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(procs)
		if play() != first {
			t.Fatalf("another outcome at GOMAXPROCS %d", procs)
		}
	}
}
