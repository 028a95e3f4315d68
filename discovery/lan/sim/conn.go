package sim

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"earshot/discovery/lan"
)

// inbox is how many datagrams wait for a reader. A system's buffer is bounded too, and drops what comes after.
const inbox = 4096

// batch is how many datagrams one Read takes at most.
const batch = 64

// Switch carries the datagrams of a LAN as time passes, between sockets that block. Within a testing/synctest bubble time
// passes when everybody waits. Make it inside of the bubble and close it before the bubble ends.
type Switch struct {
	mu      sync.Mutex
	lan     *LAN
	changed chan struct{}
	done    chan struct{}
	ended   chan struct{}
}

// NewSwitch begins to carry what is sent on the LAN, which from now on is touched inside of Do only.
func NewSwitch(l *LAN) *Switch {
	s := &Switch{lan: l, changed: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{})}
	go s.run()
	return s
}

// Do lets the test change the LAN.
func (s *Switch) Do(change func(*LAN)) {
	s.mu.Lock()
	change(s.lan)
	s.mu.Unlock()
	s.notify()
}

// Close stops carrying and waits until that is so. Sockets remain open.
func (s *Switch) Close() {
	close(s.done)
	<-s.ended
}

func (s *Switch) notify() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *Switch) run() {
	defer close(s.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-s.changed:
		case <-timer.C:
		}
		if next, ok := s.deliver(time.Now()); ok {
			timer.Reset(time.Until(next))
		}
	}
}

// deliver hands over what has arrived by now, and tells when the next delivery is due.
func (s *Switch) deliver(now time.Time) (next time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		next, ok = s.lan.Next()
		if !ok || next.After(now) {
			return next, ok
		}
		d := s.lan.Deliver()
		if d.To == nil {
			continue
		}
		if c, ok := d.Socket.Tag.(*Conn); ok {
			select {
			case c.inbox <- d:
			default:
			}
		}
	}
}

// Conn is a socket of a host, as lan.Conn. Its errors after Close are net.ErrClosed.
type Conn struct {
	sw     *Switch
	socket *Socket
	inbox  chan Delivery
	done   chan struct{}
	once   sync.Once
}

var _ lan.Conn = (*Conn)(nil)

// Listen opens a port of a host for unicast, 0: any.
func (s *Switch) Listen(h *Host, port uint16) (*Conn, error) { return s.listen(h, port, false) }

// ListenShared opens a port that others on the host share.
func (s *Switch) ListenShared(h *Host, port uint16) (*Conn, error) { return s.listen(h, port, true) }

func (s *Switch) listen(h *Host, port uint16, shared bool) (*Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	socket, err := h.open(port, shared)
	if err != nil {
		return nil, err
	}
	c := &Conn{sw: s, socket: socket, inbox: make(chan Delivery, inbox), done: make(chan struct{})}
	socket.Tag = c
	return c, nil
}

// Read implements lan.Conn.
func (c *Conn) Read(b *lan.Batch) error {
	b.Datagrams = b.Datagrams[:0]
	select {
	case <-c.done:
		return net.ErrClosed
	default:
	}
	select {
	case d := <-c.inbox:
		for {
			b.Datagrams = append(b.Datagrams, lan.Datagram{Data: d.Data, Addr: d.Src, Interface: d.Interface})
			if len(b.Datagrams) == batch || len(c.inbox) == 0 {
				return nil
			}
			d = <-c.inbox
		}
	case <-c.done:
		return net.ErrClosed
	}
}

// Write implements lan.Conn: it sends at this moment of the time package's.
func (c *Conn) Write(ds []lan.Datagram) (n int, err error) {
	now := time.Now()
	c.sw.mu.Lock()
	for n < len(ds) && err == nil {
		if err = net.ErrClosed; !c.socket.closed {
			err = c.socket.Send(now, ds[n].Addr, ds[n].Interface, ds[n].Data)
		}
		if err == nil {
			n++
		}
	}
	c.sw.mu.Unlock()
	c.sw.notify()
	return n, err
}

// LocalAddr is the unspecified address with the socket's port.
func (c *Conn) LocalAddr() netip.AddrPort {
	return netip.AddrPortFrom(netip.IPv4Unspecified(), c.socket.Port)
}

// Close ends the socket and a Read that waits.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.sw.mu.Lock()
		c.socket.Close()
		c.sw.mu.Unlock()
		close(c.done)
	})
	return nil
}

// List is the host's interfaces as lan.Interfaces gives them. Inside of Do, or before NewSwitch.
func (h *Host) List() []lan.Interface {
	var out []lan.Interface
	for _, i := range h.Interfaces() {
		out = append(out, lan.Interface{
			Index: i.Index, Name: i.Name, Addrs: []netip.Prefix{i.Addr}, Loopback: i.Loopback, MTU: i.MTU,
		})
	}
	return out
}
