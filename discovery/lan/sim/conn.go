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

// ReadFrom waits for a datagram and cuts it to the length of b.
func (c *Conn) ReadFrom(b []byte) (n int, src netip.AddrPort, ifindex int, err error) {
	select {
	case <-c.done:
		return 0, netip.AddrPort{}, 0, net.ErrClosed
	default:
	}
	select {
	case d := <-c.inbox:
		return copy(b, d.Data), d.Src, d.Interface, nil
	case <-c.done:
		return 0, netip.AddrPort{}, 0, net.ErrClosed
	}
}

// WriteTo sends at this moment of the time package's.
func (c *Conn) WriteTo(b []byte, dst netip.AddrPort, ifindex int) error {
	c.sw.mu.Lock()
	err := net.ErrClosed
	if !c.socket.closed {
		err = c.socket.Send(time.Now(), dst, ifindex, b)
	}
	c.sw.mu.Unlock()
	c.sw.notify()
	return err
}

// LocalAddr is the unspecified address with the socket's port.
func (c *Conn) LocalAddr() netip.AddrPort {
	return netip.AddrPortFrom(netip.IPv4Unspecified(), c.socket.Port)
}

// Close ends the socket and a ReadFrom that waits.
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
			Index: i.Index, Name: i.Name, Addrs: []netip.Prefix{i.Addr}, Loopback: i.Loopback, MTU: 1500,
		})
	}
	return out
}
