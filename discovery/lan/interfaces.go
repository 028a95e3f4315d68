package lan

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Interface is one way out of this host, as it was when Interfaces was asked.
type Interface struct {
	Index    int
	Name     string
	Addrs    []netip.Prefix // IPv4, each with the length of its subnet's prefix
	Loopback bool
	MTU      int // bytes, IP header included
}

// ErrNoInterface is a name that no interface of this host has.
var ErrNoInterface = errors.New("no such interface")

// Interfaces is every interface that is up and running, has an IPv4 address, and can broadcast or is loopback, by index.
// If names are given, only those.
//
// A name that no interface has is ErrNoInterface, with those that exist. One that exists and is not usable at present
// is left out; Unusable says why.
func Interfaces(only []string) ([]Interface, error) {
	all, err := interfaces(only)
	if err != nil {
		return nil, err
	}
	var usable []Interface
	for _, s := range all {
		if s.reason == "" {
			usable = append(usable, s.Interface)
		}
	}
	return usable, nil
}

// Unusable says of each interface (of these names, if any are given) that Interfaces leaves out, why: "eth0: no cable or no link".
func Unusable(only []string) ([]string, error) {
	all, err := interfaces(only)
	if err != nil {
		return nil, err
	}
	var reasons []string
	for _, s := range all {
		if s.reason != "" {
			reasons = append(reasons, s.Name+": "+s.reason)
		}
	}
	return reasons, nil
}

type state struct {
	Interface
	reason string // why it cannot be used, empty if it can
}

func interfaces(only []string) ([]state, error) {
	found, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("lan: listing interfaces: %w", err)
	}
	slices.SortFunc(found, func(a, b net.Interface) int { return a.Index - b.Index })
	for _, name := range only {
		if !slices.ContainsFunc(found, func(i net.Interface) bool { return i.Name == name }) {
			return nil, fmt.Errorf("lan: %w: %s (there are: %s)", ErrNoInterface, name, names(found))
		}
	}
	var all []state
	for _, i := range found {
		if len(only) > 0 && !slices.Contains(only, i.Name) {
			continue
		}
		all = append(all, look(i))
	}
	return all, nil
}

func look(i net.Interface) state {
	s := state{Interface: Interface{Index: i.Index, Name: i.Name, Loopback: i.Flags&net.FlagLoopback != 0, MTU: i.MTU}}
	// An interface that vanishes between the two questions has no addresses.
	addrs, _ := i.Addrs()
	for _, a := range addrs {
		if p, ok := prefix(a); ok {
			s.Addrs = append(s.Addrs, p)
		}
	}
	switch {
	case i.Flags&net.FlagUp == 0:
		s.reason = "down"
	case i.Flags&net.FlagRunning == 0:
		s.reason = "no cable or no link"
	case !s.Loopback && i.Flags&net.FlagBroadcast == 0:
		s.reason = "cannot broadcast"
	case len(s.Addrs) == 0:
		s.reason = "no IPv4 address"
	}
	return s
}

func prefix(a net.Addr) (netip.Prefix, bool) {
	n, ok := a.(*net.IPNet)
	if !ok {
		return netip.Prefix{}, false
	}
	ip, ok := netip.AddrFromSlice(n.IP)
	bits, size := n.Mask.Size()
	if !ok || !ip.Unmap().Is4() {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(ip.Unmap(), bits-(size-32)), true
}

func names(all []net.Interface) string {
	var n []string
	for _, i := range all {
		n = append(n, i.Name)
	}
	return strings.Join(n, ", ")
}
