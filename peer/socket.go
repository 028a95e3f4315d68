package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"earshot/discovery/lan"
	"earshot/protocol"
)

// socket is a lan.Conn that is opened anew when it fails ten times in a row.
type socket struct {
	conn atomic.Pointer[lan.Conn]
	open func() (lan.Conn, error) // nil for a conn that was given
}

// rebindAfter is how many read errors in a row make a socket useless.
const rebindAfter = 10

func openSocket(given lan.Conn, port uint16, listen func(uint16) (lan.Conn, error)) (*socket, error) {
	s := &socket{}
	if given != nil {
		s.conn.Store(&given)
		return s, nil
	}
	c, err := listen(port)
	if err != nil {
		return nil, err
	}
	s.conn.Store(&c)
	port = s.port()
	s.open = func() (lan.Conn, error) { return listen(port) }
	return s, nil
}

func (s *socket) port() uint16 { return (*s.conn.Load()).LocalAddr().Port() }
func (s *socket) close()       { _ = (*s.conn.Load()).Close() }

func (s *socket) write(b []byte, to netip.AddrPort, ifindex int) error {
	return (*s.conn.Load()).WriteTo(b, to, ifindex)
}

// read gives every datagram to take, until ctx ends or take refuses. Only the end ends it: an error is logged,
// waited off, and after ten in a row the socket is opened anew.
func (s *socket) read(ctx context.Context, log *slog.Logger, take func([]byte, protocol.Path) bool) {
	buf := make([]byte, protocol.MaxReceive+1)
	failures := 0
	for {
		n, from, ifindex, err := (*s.conn.Load()).ReadFrom(buf)
		if err == nil {
			failures = 0
			data := append(make([]byte, 0, n), buf[:n]...)
			if !take(data, protocol.Path{Addr: from, Interface: ifindex}) {
				return
			}
			continue
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		failures++
		log.Debug("datagram not read", "error", err, "failures", failures)
		select {
		case <-time.After(min(time.Duration(failures)*10*time.Millisecond, time.Second)):
		case <-ctx.Done():
			return
		}
		if failures >= rebindAfter && s.open != nil {
			if !s.reopen(ctx) {
				return
			}
			failures = 0
		}
	}
}

// reopen closes the socket and opens it anew on its port, however often that takes; false once ctx has ended.
func (s *socket) reopen(ctx context.Context) bool {
	s.close()
	for {
		if c, err := s.open(); err == nil {
			s.conn.Store(&c)
			if ctx.Err() != nil {
				s.close()
				return false
			}
			return true
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return false
		}
	}
}
