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
	// one alone, so go on with ds[n+1:]. ErrTooLong is one that its interface cannot take.
	Write(ds []Datagram) (n int, err error)
	// LocalAddr is the address that the socket is bound to: unspecified, with its port.
	LocalAddr() netip.AddrPort
	// Close ends the socket and a Read that waits.
	Close() error
}

// ErrTooLong is a datagram longer than its interface, or what is known of the path, takes: nothing is fragmented.
var ErrTooLong = errors.New("datagram is longer than the path takes")

// ErrPortTaken is a port that another program has and does not share.
var ErrPortTaken = errors.New("port is taken")

// buffer is asked for in both directions, bytes; systems give what they allow.
// 1 MiB holds about 800 full datagrams: the burst of a whole LAN that speaks at once.
const buffer = 1 << 20

// largest is the size of a buffer that takes any UDP datagram. Bytes.
const largest = 1 << 16

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
	_ = udp.SetReadBuffer(buffer)
	_ = udp.SetWriteBuffer(buffer)
	return &socket{udp: udp, control: make([]byte, controlSpace)}, nil
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

// socket is a Conn of the system's.
type socket struct {
	udp     *net.UDPConn
	control []byte // of the one reader
}

func (s *socket) Read(b *Batch) error {
	b.Datagrams = b.Datagrams[:0]
	buf := b.buffers(1, largest)[0]
	for tries := 0; ; tries++ {
		n, m, _, src, err := s.udp.ReadMsgUDPAddrPort(buf, s.control)
		if err == nil {
			b.Datagrams = append(b.Datagrams, Datagram{
				Data: buf[:n], Addr: netip.AddrPortFrom(src.Addr().Unmap(), src.Port()), Interface: arrival(s.control[:m]),
			})
			return nil
		}
		// What an earlier datagram met is reported on the socket that sent it, once. It says nothing about reading.
		if tries == maxReports || !aboutOneDatagram(err) {
			return fmt.Errorf("lan: %w", err)
		}
	}
}

func (s *socket) Write(ds []Datagram) (int, error) {
	for n, d := range ds {
		if err := s.write(d); err != nil {
			return n, err
		}
	}
	return len(ds), nil
}

func (s *socket) write(d Datagram) error {
	var control []byte
	if d.Interface > 0 {
		control = departure(d.Interface)
	}
	_, _, err := s.udp.WriteMsgUDPAddrPort(d.Data, control, d.Addr)
	switch {
	case err == nil:
		return nil
	case tooLong(err):
		err = ErrTooLong
	}
	return fmt.Errorf("lan: %w", err)
}

func (s *socket) LocalAddr() netip.AddrPort {
	a := s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (s *socket) Close() error { return s.udp.Close() }
