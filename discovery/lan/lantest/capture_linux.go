package lantest

import (
	"encoding/binary"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Capture is what has crossed the bridge since it began.
type Capture struct {
	t     testing.TB
	ports map[int]int // host by the index of its port
	file  *os.File
	mu    sync.Mutex
	seen  []Datagram
	frame [1 << 16]byte
}

// Datagram is one UDP datagram over IPv4 that a host sent. Fragments are left out.
type Datagram struct {
	Host     int // that sent it
	Src, Dst netip.AddrPort
	Payload  []byte
}

// Capture records every UDP datagram that the hosts put on the wire from now until the end of the test,
// lost or not at its destination.
func (l *LAN) Capture() *Capture {
	l.t.Helper()
	c := &Capture{t: l.t, ports: map[int]int{}}
	for i, h := range l.hosts {
		for _, p := range h.ports {
			c.ports[p.Attrs().Index] = i + 1
		}
	}
	var fd int
	var err error
	// All protocols, or else the bridge takes the frames first.
	l.must(within(l.sw.ns, func() {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, int(bigEndian(unix.ETH_P_ALL)))
	}))
	l.must(err)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 16<<20)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
	c.file = os.NewFile(uintptr(fd), "capture")
	raw, err := c.file.SyscallConn()
	l.must(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = raw.Read(func(fd uintptr) bool {
			c.drain(int(fd))
			return false // wait for more, until Close
		})
	}()
	l.t.Cleanup(func() {
		_ = c.file.Close()
		<-done
	})
	return c
}

// Datagrams is what has been captured so far: at least all that was sent before the call.
// The test fails if the kernel could not keep some of it.
func (c *Capture) Datagrams() []Datagram {
	c.t.Helper()
	raw, err := c.file.SyscallConn()
	if err != nil {
		c.t.Fatalf("lantest: capture: %v", err)
	}
	var lost uint32
	_ = raw.Control(func(fd uintptr) {
		c.drain(int(fd))
		if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			lost = s.Drops
		}
	})
	if lost > 0 {
		c.t.Fatalf("lantest: the capture lacks %d frames", lost)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

// drain reads all that waits.
func (c *Capture) drain(fd int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		n, from, err := unix.Recvfrom(fd, c.frame[:], 0)
		if err != nil {
			return
		}
		// Each frame is seen when it enters by a port and again wherever it leaves.
		link, ok := from.(*unix.SockaddrLinklayer)
		if !ok || link.Pkttype == unix.PACKET_OUTGOING || link.Protocol != bigEndian(unix.ETH_P_IP) {
			continue
		}
		host, ok := c.ports[link.Ifindex]
		if !ok || n < 14 {
			continue
		}
		if d, ok := datagram(c.frame[14:n]); ok {
			d.Host = host
			c.seen = append(c.seen, d)
		}
	}
}

// datagram takes an IPv4 packet (RFC 791) with UDP (RFC 768) apart.
func datagram(p []byte) (Datagram, bool) {
	if len(p) < 20 || p[0]>>4 != 4 || p[9] != unix.IPPROTO_UDP || binary.BigEndian.Uint16(p[6:])&0x3fff != 0 {
		return Datagram{}, false
	}
	header, total := int(p[0]&15)*4, int(binary.BigEndian.Uint16(p[2:]))
	if header < 20 || total < header+8 || total > len(p) {
		return Datagram{}, false
	}
	addr := func(at, port int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[at:at+4])), binary.BigEndian.Uint16(p[header+port:]))
	}
	return Datagram{Src: addr(12, 0), Dst: addr(16, 2), Payload: slices.Clone(p[header+8 : total])}, true
}

func bigEndian(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}
