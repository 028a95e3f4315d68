package lan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// Conn is a UDP socket that knows interfaces. One goroutine may read while any number write.
type Conn interface {
	// Read waits for at least one datagram and takes what else is there, without waiting for more: b.Datagrams, in order.
	// A datagram longer than 2,048 bytes may be cut, though never to fewer. The error is net.ErrClosed after Close; after
	// any other error the socket may still be read from.
	Read(b *Batch) error
	// Write sends datagrams in order. n of them went out; if that is not all, err says why ds[n] did not: it concerns that
	// one alone, so go on with ds[n+1:], except after ErrFull. ErrTooLong is one that its interface cannot take.
	Write(ds []Datagram) (n int, err error)
	// LocalAddr is the address that the socket is bound to: unspecified, with its port.
	LocalAddr() netip.AddrPort
	// Close ends the socket and a Read that waits.
	Close() error
}

// ErrTooLong is a datagram longer than its interface, or what is known of the path, takes: nothing is fragmented.
var ErrTooLong = errors.New("datagram is longer than the path takes")

// ErrFull is a datagram for which the system had no room, and got none within 10 ms: the network is slower than the writer.
// There is none for the next one either. Only Linux gives it; other systems drop without waiting.
var ErrFull = errors.New("send buffer is full")

// Poller is a Conn whose reader can wait for other things as well, without a goroutine in between: on a LAN handing a datagram
// over from one to another takes longer than the datagram did.
type Poller interface {
	Conn
	// Poll is Read that does not wait: the batch may stay empty.
	Poll(b *Batch) error
	// Wake lets a Read that waits, and every later one until Sleep, return at once with os.ErrDeadlineExceeded. Any goroutine
	// may call it.
	Wake()
	// Sleep ends that. Whoever reads calls it before looking at what it was woken for.
	Sleep()
}

// ErrPortTaken is a port that another program has and does not share.
var ErrPortTaken = errors.New("port is taken")

// What is asked of the system for what waits in a socket, in each direction. It gives what it allows. Bytes.
const (
	// sharedBuffer holds about 800 full datagrams: the burst of a whole LAN that speaks at once.
	sharedBuffer = 1 << 20
	// privateBuffer holds what comes in 10 ms at 400 MB/s, while the reader has no turn.
	privateBuffer = 4 << 20
)

// How long a read datagram may be: any on the private socket, on the shared one whatever an Ethernet carries. Bytes.
const (
	largest       = 1 << 16
	largestShared = 2048
)

// maxReports bounds how many reports of earlier datagrams in a row one Read passes over.
const maxReports = 100

// Listen opens a socket of one's own, from which broadcasts may be sent. Port 0 takes any free one.
//
// Errors: ErrPortTaken, fs.ErrPermission, or whatever else the system says.
func Listen(port uint16) (Conn, error) {
	c, err := listen(port, false)
	switch {
	case err == nil:
		return c, nil
	case portTaken(err):
		return nil, fmt.Errorf("lan: UDP port %d: %w by another program: end that program or choose another port", port, ErrPortTaken)
	case permission(err):
		return nil, fmt.Errorf("lan: UDP port %d: %w: choose a port above 1023, or let a firewall or sandbox allow it", port, fs.ErrPermission)
	}
	return nil, fmt.Errorf("lan: UDP port %d: %w", port, err)
}

// ListenShared opens a socket on a port that others who call ListenShared have as well. A broadcast to the port
// reaches all of them.
//
// Errors: ErrPortTaken, fs.ErrPermission, or whatever else the system says.
func ListenShared(port uint16) (Conn, error) {
	c, err := listen(port, true)
	switch {
	case err == nil:
		return c, nil
	case portTaken(err):
		return nil, fmt.Errorf("lan: announcement port %d: %w by a program that does not share it: end that program, or choose another announcement port, the same on all hosts",
			port, ErrPortTaken)
	case permission(err):
		return nil, fmt.Errorf("lan: announcement port %d: %w: choose one above 1023, the same on all hosts, or let a firewall or sandbox allow it",
			port, fs.ErrPermission)
	}
	return nil, fmt.Errorf("lan: announcement port %d: %w", port, err)
}

func listen(port uint16, shared bool) (*socket, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = setOptions(fd, shared) }); e != nil {
			return e
		}
		return err
	}}
	c, err := config.ListenPacket(context.Background(), "udp4", net.JoinHostPort("0.0.0.0", strconv.Itoa(int(port))))
	if err != nil {
		return nil, err
	}
	udp := c.(*net.UDPConn)
	// The net package sets SO_BROADCAST by itself, but promises it nowhere.
	if err := requireBroadcast(udp); err != nil {
		_ = udp.Close()
		return nil, err
	}
	// Less than asked for is enough for most LANs, so a refusal is no error.
	size := privateBuffer
	if shared {
		size = sharedBuffer
	}
	_ = udp.SetReadBuffer(size)
	_ = udp.SetWriteBuffer(size)
	return newSocket(udp, shared)
}

func requireBroadcast(udp *net.UDPConn) error {
	raw, err := udp.SyscallConn()
	if err != nil {
		return err
	}
	var on bool
	if e := raw.Control(func(fd uintptr) { on, err = mayBroadcast(fd) }); e != nil {
		return e
	}
	if err == nil && !on {
		err = errors.New("the system does not let this program broadcast")
	}
	return err
}

// permission tells whether the system refused, rather than could not.
func permission(err error) bool { return errors.Is(err, fs.ErrPermission) }

func (s *socket) LocalAddr() netip.AddrPort {
	a := s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (s *socket) Close() error { return s.udp.Close() }
