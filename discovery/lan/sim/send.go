package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"earshot/discovery/lan"
)

// headers are those of IP and UDP, which the MTU includes. Bytes.
const headers = 28

// send puts a datagram on the wire, or keeps it within the host.
func (l *LAN) send(now time.Time, h *Host, port uint16, dst netip.AddrPort, index int, data []byte) error {
	if own := h.has(dst.Addr()); own != nil {
		in := h.ifaces[0]
		if index > 0 && !own.Loopback {
			in = own // Linux reports the interface that was asked for, or loopback
		}
		l.within(now, h, in, own.Addr.Addr(), port, dst, false, data)
		return nil
	}
	out, err := h.route(dst.Addr(), index)
	if err != nil {
		return err
	}
	if len(data)+headers > out.MTU {
		return fmt.Errorf("sim: %w: %d bytes by %s of %s", lan.ErrTooLong, len(data), out.Name, h.Name)
	}
	src := out.Addr.Addr()
	broadcast := dst.Addr() == limited || dst.Addr() == Broadcast(out.Addr)
	if broadcast {
		// A system gives its own sockets a copy, as if it came in by the interface that it left by.
		l.within(now, h, out, src, port, dst, true, data)
	}
	if out.Loopback {
		return nil
	}
	for _, t := range l.hosts {
		for _, in := range t.ifaces[1:] {
			if t != h && in.wire == out.wire && in.takes(dst.Addr()) {
				l.across(now, h, out, t, in, port, dst, broadcast, data)
				if !broadcast {
					return nil
				}
			}
		}
	}
	return nil
}

// takes tells whether a datagram to an address is for this interface.
func (i *Interface) takes(dst netip.Addr) bool {
	return i.Up && (dst == i.Addr.Addr() || dst == limited || dst == Broadcast(i.Addr))
}

func (l *LAN) within(now time.Time, h *Host, in *Interface, src netip.Addr, port uint16, dst netip.AddrPort, broadcast bool, data []byte) {
	f := l.flow(flowKey{h, h, port, in.Index, in.Index})
	f.n++
	l.frames.push(&frame{
		order: order{at: now.Add(LocalLatency), from: h.index, to: h.index, port: port, outIf: in.Index, inIf: in.Index, n: f.n},
		src:   netip.AddrPortFrom(src, port), dst: dst, broadcast: broadcast,
		host: h, in: in, local: true, data: slices.Clone(data),
	})
}

func (l *LAN) across(now time.Time, h *Host, out *Interface, t *Host, in *Interface, port uint16, dst netip.AddrPort, broadcast bool, data []byte) {
	f := l.flow(flowKey{h, t, port, out.Index, in.Index})
	arrivals := f.carry(now, l.link(h, t), l.queue(h, t), broadcast, data)
	if l.cut[[2]*Host{h, t}] || len(data)+headers > in.MTU {
		return // after its luck was drawn, so that a partition does not change that of later ones
	}
	for _, a := range arrivals {
		f.n++
		l.frames.push(&frame{
			order: order{at: a.at, from: h.index, to: t.index, port: port, outIf: out.Index, inIf: in.Index, n: f.n},
			src:   netip.AddrPortFrom(out.Addr.Addr(), port), dst: dst, broadcast: broadcast,
			host: t, in: in, data: a.data,
		})
	}
}

// flowKey names a flow: a sending socket, the interface it sends by, and the one that it reaches.
type flowKey struct {
	from, to *Host
	port     uint16
	out, in  int
}

func (k flowKey) String() string {
	return fmt.Sprintf("%s:%d/%d > %s/%d", k.from.Name, k.port, k.out, k.to.Name, k.in)
}

func (l *LAN) flow(k flowKey) *flow {
	f := l.flows[k]
	if f == nil {
		f = newFlow(l.seed, k.String())
		l.flows[k] = f
	}
	return f
}

func (l *LAN) queue(from, to *Host) *queue {
	k := [2]*Host{from, to}
	q := l.queues[k]
	if q == nil {
		q = &queue{}
		l.queues[k] = q
	}
	return q
}

// deliveries is what a frame that arrives becomes: nothing if it is no longer for this host, one delivery per socket otherwise.
func (f *frame) deliveries() []Delivery {
	if !f.local && !f.in.takes(f.dst.Addr()) {
		return nil
	}
	var sockets []*Socket
	for _, s := range f.host.sockets {
		if s.Port == f.dst.Port() {
			sockets = append(sockets, s)
		}
	}
	if !f.broadcast && len(sockets) > 1 {
		sockets = sockets[len(sockets)-1:]
	}
	out := make([]Delivery, len(sockets))
	for i, s := range sockets {
		out[i] = Delivery{
			At: f.at, To: f.host, Socket: s, Port: s.Port, Shared: s.Shared,
			Src: f.src, Interface: f.in.Index, Data: slices.Clone(f.data),
		}
	}
	return out
}
