package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"earshot/discovery/lan"
)

// socket is a lan.Conn that is opened anew when it fails ten times in a row.
type socket struct {
	conn atomic.Pointer[lan.Conn]
	open func() (lan.Conn, error) // nil for a conn that was given
	free chan *arrived            // batches to read into; there is a fixed number, which go round
}

// arrived is a batch on its way from a socket's reader to the loop and back.
type arrived struct {
	lan.Batch
	from *socket
}

// release gives the batch back to the reader.
func (a *arrived) release() { a.from.free <- a }

// batches is how many a socket has: while the loop works on one, others take what comes.
const batches = 4

// rebindAfter is how many read errors in a row make a socket useless.
const rebindAfter = 10

func openSocket(given lan.Conn, port uint16, listen func(uint16) (lan.Conn, error)) (*socket, error) {
	s := &socket{free: make(chan *arrived, batches)}
	for range batches {
		s.free <- &arrived{from: s}
	}
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

// write sends datagrams, however many of them fail: failed is told of each of those. If the network is too slow to take
// them all, the rest fails at once, so that nobody waits long for this.
func (s *socket) write(ds []lan.Datagram, failed func(lan.Datagram, error)) {
	conn := *s.conn.Load()
	for len(ds) > 0 {
		n, err := conn.Write(ds)
		if err == nil {
			return
		}
		ds = ds[n:]
		rest := ds[1:]
		if errors.Is(err, lan.ErrFull) {
			rest = nil
		}
		for _, d := range ds[:len(ds)-len(rest)] {
			failed(d, err)
		}
		ds = rest
	}
}

// read gives every batch to the loop, until ctx ends. Only the end ends it: an error is logged,
// waited off, and after ten in a row the socket is opened anew.
func (s *socket) read(ctx context.Context, log *slog.Logger, take chan<- *arrived, taken func()) {
	failures := 0
	for {
		var a *arrived
		select {
		case a = <-s.free:
		case <-ctx.Done():
			return
		}
		err := (*s.conn.Load()).Read(&a.Batch)
		if err == nil {
			failures = 0
			take <- a // has room for all there are
			taken()
			continue
		}
		a.release()
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
