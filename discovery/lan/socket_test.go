package lan_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/lantest"
)

func TestMain(m *testing.M) {
	lantest.Main(m, map[string]func(){"interfaces": reportInterfaces})
}

// patience bounds how long a test waits for what must come.
const patience = 10 * time.Second

// heard is one datagram as a socket read it.
type heard struct {
	text    string
	src     netip.AddrPort
	ifindex int
	err     error
}

// listener reads a socket until it is closed.
type listener struct {
	lan.Conn
	t    *testing.T
	name string
	got  chan heard
}

func listen(t *testing.T, name string, conn lan.Conn, err error) *listener {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{conn, t, name, make(chan heard, 100)}
	t.Cleanup(func() { conn.Close() })
	go func() {
		defer close(l.got)
		b := lan.NewBatch()
		for {
			err := conn.Read(b)
			for _, d := range b.Datagrams {
				l.got <- heard{string(d.Data), d.Addr, d.Interface, nil}
			}
			if err != nil {
				l.got <- heard{err: err}
				return
			}
		}
	}()
	return l
}

func private(t *testing.T, name string) *listener {
	t.Helper()
	c, err := lan.Listen(0)
	return listen(t, name, c, err)
}

func shared(t *testing.T, name string, port uint16) *listener {
	t.Helper()
	c, err := lan.ListenShared(port)
	return listen(t, name, c, err)
}

func (l *listener) port() uint16 { return l.LocalAddr().Port() }

// write sends one datagram.
func (l *listener) write(data []byte, dst netip.AddrPort, ifindex int) error {
	n, err := l.Write([]lan.Datagram{{Data: data, Addr: dst, Interface: ifindex}})
	if (n == 1) != (err == nil) {
		l.t.Errorf("%s has written %d: %v", l.name, n, err)
	}
	return err
}

func (l *listener) say(text string, addr netip.Addr, port uint16, ifindex int) {
	l.t.Helper()
	if err := l.write([]byte(text), netip.AddrPortFrom(addr, port), ifindex); err != nil {
		l.t.Fatalf("%s says %q to %s: %v", l.name, text, addr, err)
	}
}

// hears waits for the next datagram, which must be this one.
func (l *listener) hears(text, src string, port uint16, ifindex int) {
	l.t.Helper()
	want := heard{text, netip.AddrPortFrom(netip.MustParseAddr(src), port), ifindex, nil}
	select {
	case got := <-l.got:
		if got != want {
			l.t.Fatalf("%s hears %v, want %v", l.name, got, want)
		}
	case <-time.After(patience):
		l.t.Fatalf("%s does not hear %q", l.name, text)
	}
}

// loopback is this host's own network.
func loopback(t *testing.T) lan.Interface {
	t.Helper()
	all, err := lan.Interfaces(nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(i lan.Interface) bool { return i.Loopback })
	if i < 0 {
		t.Fatalf("no loopback interface among %v", all)
	}
	return all[i]
}

var localhost = netip.MustParseAddr("127.0.0.1")

func TestBroadcastOnLoopback(t *testing.T) {
	lo := loopback(t)
	alice, bob := private(t, "alice"), private(t, "bob")
	first := shared(t, "first", 0)
	second := shared(t, "second", first.port())

	alice.say("to bob", localhost, bob.port(), lo.Index)
	bob.hears("to bob", "127.0.0.1", alice.port(), lo.Index)
	bob.say("to alice, by any way", localhost, alice.port(), 0)
	alice.hears("to alice, by any way", "127.0.0.1", bob.port(), lo.Index)

	for _, all := range lo.Broadcasts() {
		alice.say("to all from alice", all, first.port(), lo.Index)
		bob.say("to all from bob", all, first.port(), 0)
		for _, l := range []*listener{first, second} {
			l.hears("to all from alice", "127.0.0.1", alice.port(), lo.Index)
			l.hears("to all from bob", "127.0.0.1", bob.port(), lo.Index)
		}
	}
}

func TestPortTaken(t *testing.T) {
	mine := private(t, "mine")
	ours := shared(t, "ours", 0)
	for name, open := range map[string]func() (lan.Conn, error){
		"private on private": func() (lan.Conn, error) { return lan.Listen(mine.port()) },
		"private on shared":  func() (lan.Conn, error) { return lan.Listen(ours.port()) },
		"shared on private":  func() (lan.Conn, error) { return lan.ListenShared(mine.port()) },
	} {
		c, err := open()
		if err == nil {
			c.Close()
		}
		if !errors.Is(err, lan.ErrPortTaken) || !strings.Contains(err.Error(), "choose another") {
			t.Errorf("%s: %v", name, err)
		}
	}
	shared(t, "another", ours.port())
}

func TestReaderSurvivesRefusalAndEndsWithClose(t *testing.T) {
	lo := loopback(t)
	alice, bob, gone := private(t, "alice"), private(t, "bob"), private(t, "gone")
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	if h := <-gone.got; !errors.Is(h.err, net.ErrClosed) {
		t.Errorf("reading a closed socket: %v", h.err)
	}
	if err := gone.write(nil, alice.LocalAddr(), 0); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing to a closed socket: %v", err)
	}
	for range 3 {
		alice.say("anybody?", localhost, gone.port(), lo.Index) // answered by ICMP: port unreachable
	}
	bob.say("hello", localhost, alice.port(), lo.Index)
	alice.hears("hello", "127.0.0.1", bob.port(), lo.Index)
}

func TestSizes(t *testing.T) {
	alice, bob := private(t, "alice"), private(t, "bob")
	for _, size := range []int{0, 1, 1200, 1501, 9000} {
		alice.say(strings.Repeat("x", size), localhost, bob.port(), 0)
		if h := <-bob.got; len(h.text) != size || h.err != nil {
			t.Errorf("%d bytes sent, %d read, %v", size, len(h.text), h.err)
		}
	}
}

func TestWriteErrorsConcernOneDatagram(t *testing.T) {
	alice, bob := private(t, "alice"), private(t, "bob")
	if err := alice.write([]byte("x"), bob.LocalAddr(), 1<<20); err == nil {
		t.Error("written by an interface that does not exist")
	}
	if err := alice.write(make([]byte, 1<<16), netip.AddrPortFrom(localhost, bob.port()), 0); !errors.Is(err, lan.ErrTooLong) {
		t.Errorf("more than UDP can carry: %v", err)
	}
	alice.say("hello", localhost, bob.port(), 0)
	bob.hears("hello", "127.0.0.1", alice.port(), loopback(t).Index)
}

func TestInterfacesByName(t *testing.T) {
	lo := loopback(t)
	got, err := lan.Interfaces([]string{lo.Name})
	if err != nil || len(got) != 1 || got[0].Index != lo.Index || !got[0].OnLink(localhost) || got[0].MTU < 1500 {
		t.Errorf("interfaces named %s: %v, %v", lo.Name, got, err)
	}
	_, err = lan.Interfaces([]string{lo.Name, "nonesuch9"})
	if !errors.Is(err, lan.ErrNoInterface) || !strings.Contains(err.Error(), "nonesuch9 (there are: ") || !strings.Contains(err.Error(), lo.Name) {
		t.Errorf("interfaces named nonesuch9: %v", err)
	}
}
