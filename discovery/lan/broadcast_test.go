package lan_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"earshot/discovery/lan"
)

// iface makes an interface of prefixes such as "10.77.0.1/24".
func iface(prefixes ...string) lan.Interface {
	i := lan.Interface{Index: 2, Name: "eth0"}
	for _, p := range prefixes {
		i.Addrs = append(i.Addrs, netip.MustParsePrefix(p))
	}
	return i
}

func TestBroadcastsOfAnyPrefix(t *testing.T) {
	for addrs, want := range map[string]string{
		"":                              "",
		"192.168.1.20/24":               "192.168.1.255",
		"10.1.2.3/8":                    "10.255.255.255",
		"172.16.5.4/12":                 "172.31.255.255",
		"192.168.1.20/25":               "192.168.1.127",
		"192.168.1.200/25":              "192.168.1.255",
		"10.0.7.9/22":                   "10.0.7.255",
		"10.0.8.9/23":                   "10.0.9.255",
		"10.0.0.5/30":                   "10.0.0.7",
		"128.0.0.1/1":                   "255.255.255.255",
		"10.0.0.4/31":                   "", // point to point, RFC 3021
		"10.0.0.5/31":                   "",
		"10.0.0.5/32":                   "",
		"10.0.0.5/0":                    "",
		"10.0.0.1/24 10.0.0.2/24":       "10.0.0.255", // two addresses in one subnet
		"10.0.0.1/24 10.0.0.2/25":       "10.0.0.255 10.0.0.127",
		"10.0.0.1/32 192.168.9.1/24":    "192.168.9.255",
		"192.168.9.1/24 10.0.0.1/16":    "192.168.9.255 10.0.255.255",
		"169.254.17.4/16 100.64.0.1/10": "169.254.255.255 100.127.255.255",
	} {
		got := strings.Trim(fmt.Sprint(iface(strings.Fields(addrs)...).Broadcasts()), "[]")
		if got != want {
			t.Errorf("broadcasts of %q: %q, want %q", addrs, got, want)
		}
	}
}

func TestLoopbackBroadcastsOnLinuxOnly(t *testing.T) {
	lo := iface("127.0.0.1/8", "10.9.9.9/24")
	lo.Loopback = true
	want := "[]"
	if runtime.GOOS == "linux" {
		want = "[127.255.255.255]"
	}
	if got := fmt.Sprint(lo.Broadcasts()); got != want {
		t.Errorf("broadcasts of loopback: %s, want %s", got, want)
	}
}

func TestOnLink(t *testing.T) {
	two := iface("192.168.1.20/25", "10.0.0.4/31", "10.9.0.1/32")
	for addr, want := range map[string]bool{
		"192.168.1.1":        true,
		"192.168.1.20":       true, // itself
		"192.168.1.126":      true,
		"::ffff:192.168.1.1": true,
		"192.168.1.127":      false, // the broadcast address
		"192.168.1.0":        false, // the network's own
		"192.168.1.128":      false, // the other half of the /24
		"192.168.2.1":        false,
		"10.0.0.4":           true, // both ends of a /31 are hosts
		"10.0.0.5":           true,
		"10.0.0.6":           false,
		"10.9.0.1":           true,
		"10.9.0.2":           false,
		"0.0.0.0":            false,
		"255.255.255.255":    false,
		"224.0.0.251":        false,
		"127.0.0.1":          false,
		"fe80::1":            false,
	} {
		if got := two.OnLink(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s on link of %v: %v", addr, two.Addrs, got)
		}
	}
	if two.OnLink(netip.Addr{}) {
		t.Error("no address is on a link")
	}
}
