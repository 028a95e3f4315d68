package lan

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"slices"
)

// loopbackBroadcasts: Linux delivers 127.255.255.255 to every socket of the host although lo has no BROADCAST flag.
// Elsewhere nobody gets it.
const loopbackBroadcasts = runtime.GOOS == "linux"

// Broadcasts is the directed broadcast address of each of the interface's subnets, each once, in the order of Addrs.
// It is empty where nothing can be broadcast: subnets of one or two addresses (/32, and /31 by RFC 3021),
// and the loopback interface of systems other than Linux.
func (i Interface) Broadcasts() []netip.Addr {
	var all []netip.Addr
	for _, p := range i.Addrs {
		if i.Loopback && (!loopbackBroadcasts || !p.Addr().IsLoopback()) {
			continue
		}
		if b, ok := broadcast(p); ok && !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	return all
}

// OnLink tells whether a is the address of a host in one of the interface's subnets, the interface itself included.
// A broadcast or network address is no host's: an answer to it would go to everybody.
func (i Interface) OnLink(a netip.Addr) bool {
	a = a.Unmap()
	in := false
	for _, p := range i.Addrs {
		if !p.Contains(a) {
			continue
		}
		if b, ok := broadcast(p); ok && (a == b || a == p.Masked().Addr()) {
			return false
		}
		in = true
	}
	return in
}

// broadcast is the last address of a prefix (RFC 919), if the prefix is long enough to have one that is no host's.
func broadcast(p netip.Prefix) (netip.Addr, bool) {
	if !p.IsValid() || !p.Addr().Is4() || p.Bits() == 0 || p.Bits() > 30 {
		return netip.Addr{}, false
	}
	a := p.Addr().As4()
	last := binary.BigEndian.Uint32(a[:]) | ^uint32(0)>>p.Bits()
	binary.BigEndian.PutUint32(a[:], last)
	return netip.AddrFrom4(a), true
}
