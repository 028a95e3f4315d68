package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

var limited = netip.MustParseAddr("255.255.255.255")

// LAN is hosts, the wires between them, and what is under way. It needs one caller at a time.
type LAN struct {
	seed   uint64
	hosts  []*Host
	all    Link
	links  map[[2]*Host]Link
	cut    map[[2]*Host]bool
	flows  map[flowKey]*flow
	queues map[[2]*Host]*queue
	frames frames
	ready  []Delivery // of the frame that arrives now, to the rest of its sockets
}

// Delivery is one datagram at one socket.
type Delivery struct {
	At        time.Time
	To        *Host
	Socket    *Socket
	Port      uint16 // of the socket
	Shared    bool   // the socket is on a shared port
	Src       netip.AddrPort
	Interface int    // that it came in by
	Data      []byte // the receiver's own copy
}

func (d Delivery) String() string {
	return fmt.Sprintf("%s %s -> %s:%d %%%d %x", d.At.Format("15:04:05.000000"), d.Src, d.To.Name, d.Port, d.Interface, d.Data)
}

// New makes an empty LAN. Everything random in it follows from seed.
func New(seed uint64) *LAN {
	return &LAN{
		seed: seed, links: map[[2]*Host]Link{}, cut: map[[2]*Host]bool{}, flows: map[flowKey]*flow{}, queues: map[[2]*Host]*queue{},
	}
}

// AddHost puts a computer on the LAN with a loopback interface (1) and one with an address (2) on the wire named "".
// The zero Prefix gives it loopback only. Names must differ.
func (l *LAN) AddHost(name string, addr netip.Prefix) *Host {
	if l.Host(name) != nil {
		panic("sim: two hosts named " + name)
	}
	h := &Host{Name: name, lan: l, index: len(l.hosts)}
	h.ifaces = []*Interface{{Index: 1, Name: "lo", Addr: loopback, Loopback: true, MTU: 65536, Up: true}}
	if addr.IsValid() {
		h.Attach("", addr)
	}
	l.hosts = append(l.hosts, h)
	return h
}

// Host finds a host by its name, nil if there is none.
func (l *LAN) Host(name string) *Host {
	if i := slices.IndexFunc(l.hosts, func(h *Host) bool { return h.Name == name }); i >= 0 {
		return l.hosts[i]
	}
	return nil
}

// Hosts is all hosts in the order in which they were added.
func (l *LAN) Hosts() []*Host { return slices.Clone(l.hosts) }

// Set makes every link alike, those with a setting of their own included.
func (l *LAN) Set(link Link) {
	l.all = link
	clear(l.links)
}

// SetLink sets the link from one host to another; nil stands for every host.
func (l *LAN) SetLink(from, to *Host, link Link) {
	for _, f := range l.hosts {
		for _, t := range l.hosts {
			if (from == nil || f == from) && (to == nil || t == to) {
				l.links[[2]*Host{f, t}] = link
			}
		}
	}
}

func (l *LAN) link(from, to *Host) Link {
	if link, ok := l.links[[2]*Host{from, to}]; ok {
		return link
	}
	return l.all
}

// Partition cuts the links between hosts of different groups. A host in no group keeps its links.
func (l *LAN) Partition(groups ...[]*Host) {
	for i, g := range groups {
		for j, other := range groups {
			for _, a := range g {
				for _, b := range other {
					if i != j {
						l.Cut(a, b)
					}
				}
			}
		}
	}
}

// Cut lets nothing from one host to another, while the way back stays.
func (l *LAN) Cut(from, to *Host) { l.cut[[2]*Host{from, to}] = true }

// Heal ends all partitions and cuts. Other settings stay.
func (l *LAN) Heal() { clear(l.cut) }

// Next is when the next datagram arrives; ok is false if nothing is under way. What is sent after this call may
// arrive earlier.
func (l *LAN) Next() (at time.Time, ok bool) {
	switch {
	case len(l.ready) > 0:
		return l.ready[0].At, true
	case len(l.frames) > 0:
		return l.frames[0].at, true
	}
	return time.Time{}, false
}

// Deliver takes out what arrives next. To is nil if nothing is under way, or if the datagram arrives nowhere any more:
// its socket is closed, its address has changed, its cable is out.
func (l *LAN) Deliver() Delivery {
	if len(l.ready) == 0 && len(l.frames) > 0 {
		l.ready = l.frames.pop().deliveries()
	}
	if len(l.ready) == 0 {
		return Delivery{}
	}
	d := l.ready[0]
	l.ready = l.ready[1:]
	if d.Socket.closed {
		return Delivery{}
	}
	return d
}
