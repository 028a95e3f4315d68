//go:build !linux

package lan

import (
	"fmt"
	"net"
	"net/netip"
)

// socket is a Conn of the system's that carries one datagram after the other.
type socket struct {
	udp     *net.UDPConn
	control []byte // of the one reader
	size    int    // of its buffer
}

func newSocket(udp *net.UDPConn, shared bool) (*socket, error) {
	s := &socket{udp: udp, control: make([]byte, controlSpace), size: largest}
	if shared {
		s.size = largestShared
	}
	return s, nil
}

func (s *socket) Read(b *Batch) error {
	b.Datagrams = b.Datagrams[:0]
	buf := b.buffers(1, s.size)[0]
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
