package sim

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Errors of sockets, as a system gives them.
var (
	// ErrUnreachable is a destination that no interface leads to.
	ErrUnreachable = errors.New("sim: network is unreachable")
	// ErrPortTaken is a port that another socket has and does not share.
	ErrPortTaken = errors.New("sim: port is taken")
	// ErrClosed is a socket that was closed.
	ErrClosed = errors.New("sim: socket is closed")
)

var loopback = netip.MustParsePrefix("127.0.0.1/8")

// Host is a computer on the LAN.
type Host struct {
	Name    string
	lan     *LAN
	index   int
	ifaces  []*Interface
	sockets []*Socket
	port    uint16 // the last one given to a socket that asked for any
}

// Interface is one way out of a host.
type Interface struct {
	Index    int // 1 is loopback
	Name     string
	Addr     netip.Prefix // not masked
	Loopback bool
	MTU      int  // bytes, IP header included; 1,500 unless the test changes it
	Up       bool // a cable is in it
	wire     string
}

// Broadcast is the directed broadcast address of a prefix.
func Broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// Attach gives the host another interface with an address. Interfaces with the same wire hear one another,
// whatever their addresses; AddHost attaches to the wire named "".
func (h *Host) Attach(wire string, addr netip.Prefix) *Interface {
	i := &Interface{
		Index: len(h.ifaces) + 1, Name: fmt.Sprintf("eth%d", len(h.ifaces)-1), Addr: addr, MTU: 1500, Up: true, wire: wire,
	}
	h.ifaces = append(h.ifaces, i)
	return i
}

// Interfaces is the host's interfaces that are up, loopback first.
func (h *Host) Interfaces() []Interface {
	var out []Interface
	for _, i := range h.ifaces {
		if i.Up {
			out = append(out, *i)
		}
	}
	return out
}

// SetMTU sets that of one interface.
func (h *Host) SetMTU(index, mtu int) { h.ifaces[index-1].MTU = mtu }

// Readdress gives the host's first interface after loopback another address.
// What is under way to the old one is lost.
func (h *Host) Readdress(addr netip.Prefix) { h.ifaces[1].Addr = addr }

// Down pulls every cable of the host, Up puts them in again. Loopback stays.
func (h *Host) Down() { h.plug(false) }

// Up puts the cables in again.
func (h *Host) Up() { h.plug(true) }

func (h *Host) plug(up bool) {
	for _, i := range h.ifaces[1:] {
		i.Up = up
	}
}

// Plug puts the cable into one interface, or pulls it.
func (h *Host) Plug(index int, up bool) { h.ifaces[index-1].Up = up }

// has is the interface with that address. Every address of 127.0.0.0/8 is the host's own.
func (h *Host) has(a netip.Addr) *Interface {
	for _, i := range h.ifaces {
		if i.Addr.Addr() == a || i.Loopback && i.Addr.Contains(a) && a != Broadcast(i.Addr) {
			return i
		}
	}
	return nil
}

// route is the interface that a datagram leaves by.
func (h *Host) route(dst netip.Addr, index int) (*Interface, error) {
	for _, i := range h.ifaces {
		if i.Up && (index == i.Index || index == 0 && (i.Addr.Contains(dst) || dst == limited && !i.Loopback)) {
			return i, nil
		}
	}
	return nil, fmt.Errorf("%w: %s from %s", ErrUnreachable, dst, h.Name)
}

// Socket is a UDP port of a host, bound to all of its addresses.
type Socket struct {
	Host   *Host
	Port   uint16
	Shared bool
	Tag    any // the test's own
	closed bool
}

// Open opens a port that the host has not; 0 takes any free one.
func (h *Host) Open(port uint16) (*Socket, error) { return h.open(port, false) }

// OpenShared opens a port that any number of sockets of the host may share.
func (h *Host) OpenShared(port uint16) (*Socket, error) { return h.open(port, true) }

func (h *Host) open(port uint16, shared bool) (*Socket, error) {
	taken := func(port uint16) bool {
		return slices.ContainsFunc(h.sockets, func(s *Socket) bool { return s.Port == port && (!shared || !s.Shared) })
	}
	for port == 0 || h.port == 0 {
		if h.port == 0 {
			h.port = 49151
			continue
		}
		if h.port++; !taken(h.port) {
			port = h.port
		}
	}
	if taken(port) {
		return nil, fmt.Errorf("%w: %d on %s", ErrPortTaken, port, h.Name)
	}
	s := &Socket{Host: h, Port: port, Shared: shared}
	h.sockets = append(h.sockets, s)
	return s, nil
}

// Close frees the port. What is under way to it is lost.
func (s *Socket) Close() {
	s.closed = true
	s.Host.sockets = slices.DeleteFunc(s.Host.sockets, func(x *Socket) bool { return x == s })
}

// Send sends a datagram by the interface with that index, 0: the first that leads there.
func (s *Socket) Send(now time.Time, dst netip.AddrPort, index int, data []byte) error {
	if s.closed {
		return ErrClosed
	}
	return s.Host.lan.send(now, s.Host, s.Port, dst, index, data)
}

// Send sends a datagram from a port, by the first interface that leads there.
func (h *Host) Send(now time.Time, port uint16, dst netip.AddrPort, data []byte) error {
	return h.lan.send(now, h, port, dst, 0, data)
}
