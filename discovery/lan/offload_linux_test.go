package lan_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"earshot/discovery/lan"
	"earshot/discovery/lan/lantest"
)

// pair is a socket on each of two hosts.
func pair(t testing.TB, l *lantest.LAN) (from, to lan.Conn, at netip.AddrPort) {
	t.Helper()
	open := func(host int) (c lan.Conn) {
		l.In(host, func() {
			var err error
			if c, err = lan.Listen(0); err != nil {
				t.Fatal(err)
			}
		})
		t.Cleanup(func() { c.Close() })
		return c
	}
	from, to = open(1), open(2)
	return from, to, netip.AddrPortFrom(l.Addr(2), to.LocalAddr().Port())
}

// sized makes datagrams of those sizes to one address, no two alike.
func sized(to netip.AddrPort, sizes ...int) (ds []lan.Datagram) {
	for i, size := range sizes {
		data := bytes.Repeat([]byte{byte(i)}, size)
		copy(data, fmt.Sprint(i, " "))
		ds = append(ds, lan.Datagram{Data: data, Addr: to})
	}
	return ds
}

func repeat(n, size int) []int { return slices.Repeat([]int{size}, n) }

// collect reads until so many datagrams have come, each of which it copies.
func collect(t *testing.T, c lan.Conn, count int) (got []lan.Datagram) {
	t.Helper()
	late := time.AfterFunc(patience, func() { c.Close() })
	defer late.Stop()
	for b := lan.NewBatch(); len(got) < count; {
		if err := c.Read(b); err != nil {
			t.Fatalf("%d of %d datagrams read: %v", len(got), count, err)
		}
		if len(b.Datagrams) == 0 {
			t.Fatal("an empty batch")
		}
		for _, d := range b.Datagrams {
			d.Data = bytes.Clone(d.Data)
			got = append(got, d)
		}
	}
	return got
}

// What is written arrives datagram by datagram, in order, whatever the system joins and cuts on the way.
func TestRunsKeepTheirDatagrams(t *testing.T) {
	for _, offload := range []bool{true, false} {
		t.Run(fmt.Sprintf("offload %v", offload), func(t *testing.T) {
			l := lantest.New(t, 2)
			from, to, at := pair(t, l)
			if !offload {
				lan.WithoutOffload(from)
				lan.WithoutOffload(to)
			}
			there := index(t, l, 2, "eth0")
			for name, sizes := range map[string][]int{
				"one":                         {100},
				"empty":                       {0},
				"empty ones":                  {0, 0, 0},
				"equal":                       repeat(10, 1472),
				"a shorter last":              append(repeat(10, 1472), 7),
				"an empty last":               append(repeat(10, 1472), 0),
				"one of a byte last":          append(repeat(10, 1472), 1),
				"a run, then a longer one":    {1200, 1200, 1472},
				"a run of one, then a longer": {1200, 1472},
				"each longer":                 {1, 2, 3, 4, 5},
				"each shorter":                {5, 4, 3, 2, 1},
				"more than segments":          repeat(200, 100),
				"segments and one":            repeat(65, 1000),
				"more than a message":         repeat(100, 1472),
				"more than messages":          slices.Concat(slices.Repeat([][]int{{9, 10}}, 40)...),
				"runs and single ones":        slices.Concat(repeat(44, 1400), []int{20, 1472}, repeat(3, 30), []int{0}, repeat(5, 30)),
			} {
				ds := sized(at, sizes...)
				if n, err := from.Write(ds); n != len(ds) || err != nil {
					t.Fatalf("%s: %d of %d written: %v", name, n, len(ds), err)
				}
				for i, d := range collect(t, to, len(ds)) {
					if !bytes.Equal(d.Data, ds[i].Data) || d.Addr != netip.AddrPortFrom(l.Addr(1), from.LocalAddr().Port()) || d.Interface != there {
						t.Fatalf("%s: datagram %d is %d bytes %.8q from %s by interface %d, want %d bytes %.8q by %d",
							name, i, len(d.Data), d.Data, d.Addr, d.Interface, len(ds[i].Data), ds[i].Data, there)
					}
				}
			}
			if lan.Offloads(from) != offload {
				t.Errorf("offload: %v", !offload)
			}
		})
	}
}

func TestOffloadTakesFewMessages(t *testing.T) {
	l := lantest.New(t, 2)
	from, to, at := pair(t, l)
	// As many as a message holds, then some with a shorter last.
	if _, err := from.Write(sized(at, append(repeat(44+10, 1472), 9)...)); err != nil {
		t.Fatal(err)
	}
	if n := lan.Written(from); n != 2 {
		t.Errorf("written in %d messages", n)
	}
	b := lan.NewBatch()
	if err := to.Read(b); err != nil || len(b.Datagrams) != 44 && len(b.Datagrams) != 55 {
		t.Errorf("%d datagrams read at once: %v", len(b.Datagrams), err)
	}
}

// Datagrams to several, and by several interfaces, keep apart.
func TestMixedDestinations(t *testing.T) {
	l := lantest.New(t, 2)
	l.AddInterface(1, "eth1", netip.MustParsePrefix("10.77.0.101/24"))
	from, one, atOne := pair(t, l)
	_, two, atTwo := pair(t, l)
	eth1 := index(t, l, 1, "eth1")
	a, b := sized(atOne, repeat(9, 500)...), sized(atTwo, repeat(9, 500)...)
	var ds []lan.Datagram
	for i := range a {
		if i > 4 { // within what would be one run
			a[i].Interface = eth1
		}
		ds = append(ds, a[i])
		if i%3 == 2 {
			ds = append(ds, b[i-2:i+1]...)
		}
	}
	if n, err := from.Write(ds); n != len(ds) || err != nil {
		t.Fatalf("%d of %d written: %v", n, len(ds), err)
	}
	for i, d := range collect(t, one, len(a)) {
		if !bytes.Equal(d.Data, a[i].Data) || (d.Addr.Addr() == l.Addr(1)) != (i <= 4) {
			t.Errorf("datagram %d of the first is %.8q from %s", i, d.Data, d.Addr)
		}
	}
	for i, d := range collect(t, two, len(b)) {
		if !bytes.Equal(d.Data, b[i].Data) {
			t.Errorf("datagram %d of the second is %.8q", i, d.Data)
		}
	}
}

// A datagram in the middle that cannot go leaves those before and after it alone, and the offload too.
func TestAnErrorConcernsOneDatagram(t *testing.T) {
	l := lantest.New(t, 2)
	from, to, at := pair(t, l)
	ds := sized(at, slices.Concat(repeat(5, 1000), repeat(3, 1473), repeat(5, 1000))...)
	ds[2].Addr = netip.MustParseAddrPort("10.99.0.1:9") // no route
	ds[8].Addr = netip.MustParseAddrPort("[::1]:9")
	ds[9].Addr = netip.AddrPort{}
	var failed []int
	for n := 0; n < len(ds); n++ {
		sent, err := from.Write(ds[n:])
		if n += sent; err == nil {
			break
		}
		failed = append(failed, n)
		if errors.Is(err, lan.ErrTooLong) != (n >= 5 && n <= 7) {
			t.Errorf("datagram %d: %v", n, err)
		}
	}
	if want := []int{2, 5, 6, 7, 8, 9}; !slices.Equal(failed, want) {
		t.Errorf("datagrams %v failed, want %v", failed, want)
	}
	want := slices.Concat(ds[:2], ds[3:5], ds[10:])
	for i, d := range collect(t, to, len(want)) {
		if !bytes.Equal(d.Data, want[i].Data) {
			t.Errorf("datagram %d is %d bytes %.8q", i, len(d.Data), d.Data)
		}
	}
	if !lan.Offloads(from) {
		t.Error("no offload any more")
	}
}

// An interface that cannot cut messages shows only when the first is sent. Nothing is lost, and it is not asked again.
func TestOffloadRefused(t *testing.T) {
	l := lantest.New(t, 2)
	from, to, at := pair(t, l)
	lan.RefuseOffload(from)
	for range 2 {
		ds := sized(at, append(repeat(70, 1472), 10)...)
		if n, err := from.Write(ds); n != len(ds) || err != nil {
			t.Fatalf("%d of %d written: %v", n, len(ds), err)
		}
		for i, d := range collect(t, to, len(ds)) {
			if !bytes.Equal(d.Data, ds[i].Data) {
				t.Fatalf("datagram %d is %d bytes %.8q", i, len(d.Data), d.Data)
			}
		}
	}
	if lan.Offloads(from) {
		t.Error("still asked to cut messages")
	}
}

func TestNothingIsFragmented(t *testing.T) {
	l := lantest.New(t, 2)
	from, to, at := pair(t, l)
	if n, err := from.Write(sized(at, 1473)); n != 0 || !errors.Is(err, lan.ErrTooLong) {
		t.Errorf("%d written that are a byte too long: %v", n, err)
	}
	if n, err := from.Write(sized(at, 1472)); n != 1 || err != nil {
		t.Errorf("%d written that just fit: %v", n, err)
	}
	if got := collect(t, to, 1); len(got[0].Data) != 1472 {
		t.Errorf("%d bytes arrived", len(got[0].Data))
	}
	// Loopback takes all that UDP can say.
	if _, err := to.Write(sized(netip.AddrPortFrom(localhost, to.LocalAddr().Port()), 65507)); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, to, 1); len(got[0].Data) != 65507 {
		t.Errorf("%d bytes arrived on loopback", len(got[0].Data))
	}
}

// A network slower than the writer does not hold him up for long.
func TestASlowNetworkIsFull(t *testing.T) {
	l := lantest.New(t, 2)
	from, _, at := pair(t, l)
	lan.SmallBuffer(from)
	l.In(1, func() {
		eth0, err := netlink.LinkByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		slow := &netlink.Tbf{
			QdiscAttrs: netlink.QdiscAttrs{LinkIndex: eth0.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
			Rate:       100_000, Buffer: 1 << 20, Limit: 1 << 24, // bytes a second, 64 ns, bytes
		}
		if err := netlink.QdiscAdd(slow); err != nil {
			t.Fatal(err)
		}
	})
	ds := sized(at, repeat(1000, 1472)...)
	n, err := from.Write(ds)
	if n == len(ds) || !errors.Is(err, lan.ErrFull) {
		t.Errorf("%d written: %v", n, err)
	}
	if _, err := from.Write(ds[n:]); !errors.Is(err, lan.ErrFull) {
		t.Errorf("then: %v", err)
	}
}
