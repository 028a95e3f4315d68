package lantest_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan/lantest"
)

func TestMain(m *testing.M) {
	lantest.Main(m, map[string]func(){"whoami": whoami, "wait": func() { select {} }})
}

// whoami is a command: its arguments, and the addresses of its host.
func whoami() {
	addrs, err := net.InterfaceAddrs()
	fmt.Println(os.Args[1:], addrs, err)
	if len(os.Args) > 2 {
		os.Exit(3)
	}
}

// udp is a socket on a host.
func udp(t *testing.T, l *lantest.LAN, host int) (c *net.UDPConn) {
	t.Helper()
	l.In(host, func() {
		var err error
		if c, err = net.ListenUDP("udp4", nil); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { c.Close() })
	return c
}

func port(c *net.UDPConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

func send(t *testing.T, from *net.UDPConn, text string, to netip.Addr, port uint16) {
	t.Helper()
	if _, err := from.WriteToUDPAddrPort([]byte(text), netip.AddrPortFrom(to, port)); err != nil {
		t.Fatal(err)
	}
}

// quiet is how long nothing must come before nothing more is expected.
const quiet = 150 * time.Millisecond

// count reads what has come to a socket: it waits long for the first least datagrams and a little for more.
func count(t *testing.T, c *net.UDPConn, least int) (n int) {
	t.Helper()
	b := make([]byte, 100)
	for {
		wait := quiet
		if n < least {
			wait = 10 * time.Second
		}
		if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReadFromUDPAddrPort(b); err != nil {
			return n
		}
		n++
	}
}

func TestCommands(t *testing.T) {
	l := lantest.New(t, 2)
	out, err := l.Command(2, "whoami", "x").Output()
	if err != nil || !strings.HasPrefix(string(out), "[x] [127.0.0.1/8 10.77.0.2/24") {
		t.Errorf("whoami on host 2: %s, %v", out, err)
	}
	if err, ok := l.Command(1, "whoami", "x", "y").Run().(*exec.ExitError); !ok || err.ExitCode() != 3 {
		t.Errorf("exit code of whoami: %v", err)
	}
	// Any program will do as well, and gets what the test gives it.
	cmd := l.Command(1, "cat", "-", "/proc/self/net/fib_trie")
	cmd.Stdin = strings.NewReader("in\n")
	if out, err := cmd.Output(); err != nil || !bytes.HasPrefix(out, []byte("in\n")) || !bytes.Contains(out, []byte("10.77.0.1\n")) {
		t.Errorf("cat on host 1: %s, %v", out, err)
	}
	if err := l.Command(1, "nonesuch9").Run(); err == nil {
		t.Error("a program that does not exist was run")
	}
}

func TestCommandsEndWithTheTest(t *testing.T) {
	var cmd *exec.Cmd
	t.Run("inner", func(t *testing.T) {
		cmd = lantest.New(t, 1).Command(1, "wait")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	})
	if cmd == nil {
		t.Skip("as the inner test")
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the command ended with %v", err)
	}
}

func TestLoss(t *testing.T) {
	l := lantest.New(t, 2)
	a, b := udp(t, l, 1), udp(t, l, 2)
	const n = 400
	for _, c := range []struct{ loss, least, most int }{{0, n, n}, {100, 0, 0}, {50, n / 5, n * 4 / 5}, {0, n, n}} {
		l.Loss(2, c.loss)
		got := 0
		for range n / 100 { // fewer at once than a socket's buffer holds
			for range 100 {
				send(t, a, "x", l.Addr(2), port(b))
			}
			got += count(t, b, c.least*100/n)
		}
		if got < c.least || got > c.most {
			t.Errorf("at %d %% loss %d of %d arrive", c.loss, got, n)
		}
	}
	l.Loss(2, 100)
	l.In(2, func() { send(t, b, "to myself", netip.MustParseAddr("127.0.0.1"), port(b)) })
	if count(t, b, 1) != 1 {
		t.Error("loopback loses as well")
	}
}

func TestCablesAndBridges(t *testing.T) {
	l := lantest.New(t, 3)
	a, b, c := udp(t, l, 1), udp(t, l, 2), udp(t, l, 3)
	reach := func(when string, wantB, wantC int) {
		t.Helper()
		send(t, a, "x", l.Addr(2), port(b))
		send(t, a, "x", l.Addr(3), port(c))
		if gotB, gotC := count(t, b, wantB), count(t, c, wantC); gotB != wantB || gotC != wantC {
			t.Errorf("%s: %d reach host 2, %d host 3", when, gotB, gotC)
		}
	}
	reach("at first", 1, 1)
	l.Split(3)
	reach("split", 1, 0)
	l.Heal()
	reach("healed", 1, 1)
	l.Cut(2)
	reach("cut", 0, 1)
	l.Mend(2)
	reach("mended", 1, 1)
	l.Readdress(2, netip.MustParsePrefix("10.77.0.99/24"))
	reach("with another address", 1, 1)
}

func TestCapture(t *testing.T) {
	l := lantest.New(t, 2)
	a, b := udp(t, l, 1), udp(t, l, 2)
	send(t, a, "before", l.Addr(2), port(b))
	count(t, b, 1)
	l.Loss(2, 100)
	wire := l.Capture()
	send(t, a, "lost, but said", l.Addr(2), port(b))
	send(t, b, "an answer", l.Addr(1), port(a))
	send(t, a, "to myself", l.Addr(1), port(a))
	send(t, b, "to all", netip.MustParseAddr("10.77.0.255"), 9)

	at := func(host int, port uint16) netip.AddrPort { return netip.AddrPortFrom(l.Addr(host), port) }
	want := []lantest.Datagram{
		{Host: 1, Src: at(1, port(a)), Dst: at(2, port(b)), Payload: []byte("lost, but said")},
		{Host: 2, Src: at(2, port(b)), Dst: at(1, port(a)), Payload: []byte("an answer")},
		{Host: 2, Src: at(2, port(b)), Dst: netip.MustParseAddrPort("10.77.0.255:9"), Payload: []byte("to all")},
	}
	if got := wire.Datagrams(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("captured\n%v, want\n%v", got, want)
	}
}

func TestLANsAreApart(t *testing.T) {
	one, two := lantest.New(t, 2), lantest.New(t, 2)
	a, b := udp(t, one, 1), udp(t, two, 2)
	send(t, a, "x", two.Addr(2), port(b))
	if n := count(t, b, 0); n != 0 {
		t.Errorf("%d datagrams from another LAN", n)
	}
}
