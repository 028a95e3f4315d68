package peer

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/discovery"
	"earshot/discovery/lan"
	"earshot/protocol"
	"earshot/protocol/trace"
)

// air is the LAN as this node reaches it: interfaces, announcements, and peers given by hand.
type air struct {
	port       uint16
	announcer  *discovery.Announcer
	counter    uint64
	interfaces []lan.Interface
	trouble    string   // what the last note said, so that it is said once
	failed     []string // what the notes said of interfaces that announcements cannot leave by
	seeds      []seedPeer
}

// seedPeer is an address from --peer.
type seedPeer struct {
	addr netip.AddrPort
	next time.Time
}

func addrPort(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a, port) }

func (a *air) deadline() time.Time {
	d := a.announcer.Deadline()
	for _, s := range a.seeds {
		d = earliest(d, s.next)
	}
	return d
}

func (a *air) advance(c *Core, now time.Time) {
	if c.leaving.left {
		return
	}
	if a.announcer.Advance(now, c.roster.N()+1) {
		a.announce(c, now)
	}
	for i := range a.seeds {
		s := &a.seeds[i]
		if !due(now, s.next) {
			continue
		}
		s.next = now.Add(protocol.RetryMin)
		if !slices.ContainsFunc(c.conns, func(cn *conn) bool { return cn.seed == s.addr || cn.path.to.Addr == s.addr }) {
			c.endpoint.Connect(now, uuid.Nil, protocol.Path{Addr: s.addr})
		}
	}
}

// announce says that this instance is here, to the directed broadcast address of every interface (SPEC section 3.1).
func (a *air) announce(c *Core, now time.Time) {
	a.counter++
	c.enc.Reset()
	protocol.Announcement{
		Instance: c.inst, Counter: a.counter, Port: a.port, Digest: c.logs.index.Heads(c.rooms.public()),
	}.Append(c.enc)
	data := slices.Clone(c.enc.Bytes())
	for _, p := range a.targets(c) {
		c.trace(trace.Record{Time: now, Out: true, Kind: protocol.KindAnnouncement, Path: p, Instance: c.inst, Size: len(data), Number: a.counter})
		c.send(p, data)
	}
}

// targets is where announcements go.
func (a *air) targets(c *Core) []protocol.Path {
	out := a.broadcasts(c.cfg.AnnouncePort)
	for _, i := range a.interfaces {
		if i.Loopback && len(i.Broadcasts()) == 0 && c.cfg.LocalPorts != nil {
			for _, port := range c.cfg.LocalPorts() {
				if port != a.port {
					out = append(out, protocol.Path{Addr: addrPort(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port), Interface: i.Index})
				}
			}
		}
	}
	return out
}

func (a *air) broadcasts(port uint16) []protocol.Path {
	var out []protocol.Path
	for _, i := range a.interfaces {
		for _, b := range i.Broadcasts() {
			out = append(out, protocol.Path{Addr: addrPort(b, port), Interface: i.Index})
		}
	}
	return out
}

// onLink tells whether a datagram's source belongs to the interface on which it came.
func (a *air) onLink(p protocol.Path) bool {
	for _, i := range a.interfaces {
		if (p.Interface == 0 || i.Index == p.Interface) && i.OnLink(p.Addr.Addr()) {
			return true
		}
	}
	return false
}

func (a *air) interfaceName(index int) string {
	for _, i := range a.interfaces {
		if i.Index == index {
			return i.Name
		}
	}
	return ""
}

func (a *air) setInterfaces(c *Core, now time.Time, list []lan.Interface, err error) {
	trouble := ""
	switch {
	case err != nil:
		trouble = fmt.Sprintf("no network: %v", err)
	case len(list) == 0:
		trouble = "no network: no interface here can broadcast over IPv4; earshot goes on as soon as one can"
	}
	if trouble != a.trouble {
		a.trouble = trouble
		if trouble == "" {
			trouble = "the network is back: " + strings.Join(interfaceNames(list), ", ")
		}
		c.emit(Note{Text: trouble, Trouble: a.trouble != ""})
	}
	if slices.EqualFunc(a.interfaces, list, sameInterface) {
		return
	}
	a.interfaces, a.failed = list, nil
	a.announcer.Burst(now)
	c.roster.Wake(now)
	c.status.touch(now)
}

func interfaceNames(list []lan.Interface) []string {
	names := make([]string, 0, len(list))
	for _, i := range list {
		if !slices.Contains(names, i.Name) {
			names = append(names, i.Name)
		}
	}
	return names
}

// SendFailed tells that the system refused a datagram. Broadcasts that fail are worth a note, once per interface:
// without them nobody finds this node.
func (c *Core) SendFailed(now time.Time, d lan.Datagram, err error) {
	if errors.Is(err, lan.ErrTooLong) {
		c.tooLong(now, d)
	}
	name := c.air.interfaceName(d.Interface)
	text := fmt.Sprintf(
		"announcements cannot leave by %s: %v; others will not find you there (a firewall, or a missing permission for local networks?)", name, err)
	if d.Addr.Port() != c.cfg.AnnouncePort || name == "" || slices.Contains(c.air.failed, text) {
		return
	}
	c.air.failed = append(c.air.failed, text)
	c.emit(Note{Text: text, Trouble: true})
}

func sameInterface(a, b lan.Interface) bool {
	return a.Index == b.Index && a.Name == b.Name && a.MTU == b.MTU && slices.Equal(a.Addrs, b.Addrs)
}

// headers are those of IPv4 and UDP, which the MTU of an interface includes. Bytes.
const headers = 20 + 8

// mtu is the longest datagram that the interface towards a path takes.
func (a *air) mtu(p protocol.Path) int {
	for _, i := range a.interfaces {
		if (p.Interface == 0 || i.Index == p.Interface) && i.OnLink(p.Addr.Addr()) {
			return min(max(i.MTU-headers, protocol.MaxDatagram), protocol.MaxPacket)
		}
	}
	return protocol.MaxDatagram
}
