package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// bed is a LAN: a network namespace for each host, joined by a bridge in one more, host I at 10.78.0.I. MTU 1500.
// Nothing leaves it.
type bed struct {
	name  string // prefix of its namespaces
	hosts int
}

func newBed(name string, hosts int) (*bed, error) {
	b := &bed{name, hosts}
	err := b.build()
	if err != nil {
		b.remove()
		return nil, err
	}
	return b, nil
}

func (b *bed) host(i int) string { return fmt.Sprintf("%s_h%d", b.name, i) }
func (b *bed) hub() string       { return b.name + "_sw" }
func (b *bed) addr(i int) string { return fmt.Sprintf("10.78.0.%d", i) }
func (b *bed) names() []string {
	names := []string{b.hub()}
	for i := range b.hosts {
		names = append(names, b.host(i+1))
	}
	return names
}

func (b *bed) build() error {
	for _, name := range b.names() {
		if err := sh("ip netns add %s; ip netns exec %[1]s sysctl -qw net.ipv6.conf.all.disable_ipv6=1", name); err != nil {
			return err
		}
	}
	if err := sh("ip -n %s link add br0 type bridge; ip -n %[1]s link set br0 up", b.hub()); err != nil {
		return err
	}
	for i := range b.hosts {
		if err := sh(`ip -n %s link add p%d type veth peer name eth0 address %[6]s netns %[3]s
			ip -n %[3]s addr add %[4]s/24 brd + dev eth0
			ip -n %[3]s link set lo up
			ip -n %[3]s link set eth0 up
			ip -n %[3]s route add default dev eth0
			ip -n %[1]s link set p%[2]d master br0 up
			ip -n %[3]s -batch - <<end
%[5]s
end`, b.hub(), i+1, b.host(i+1), b.addr(i+1), b.neighbours(i+1), hardware(i+1)); err != nil {
			return err
		}
	}
	return nil
}

func hardware(i int) string { return fmt.Sprintf("02:00:00:00:00:%02x", i) }

// neighbours tells host i all hardware addresses, a command a line. Permanent entries, as the kernel's table of the others is
// small, and one for all namespaces of a machine: when it is full, packets vanish.
func (b *bed) neighbours(i int) string {
	const format = "neigh replace %s lladdr %s dev eth0 nud permanent\n"
	text := fmt.Sprintf(format, "255.255.255.255", "ff:ff:ff:ff:ff:ff") + fmt.Sprintf(format, b.addr(255), "ff:ff:ff:ff:ff:ff")
	for j := range b.hosts {
		if j+1 != i {
			text += fmt.Sprintf(format, b.addr(j+1), hardware(j+1))
		}
	}
	return text
}

// remove ends what of the bed is there. Its links go with their namespaces.
func (b *bed) remove() {
	for _, name := range b.names() {
		_ = sh("ip netns del %s 2>/dev/null", name)
	}
}

// loss drops that share of what arrives at each host, percent. What segmentation offload left in one piece drops in one piece.
func (b *bed) loss(percent int) error {
	for i := range b.hosts {
		rules := "add table inet loss; delete table inet loss"
		if percent > 0 {
			rules += fmt.Sprintf(`; add table inet loss; add chain inet loss in { type filter hook input priority 0; }
				add rule inet loss in meta l4proto { tcp, udp } numgen random mod 1000 < %d drop`, percent*10)
		}
		if err := sh("ip netns exec %s nft '%s'", b.host(i+1), rules); err != nil {
			return err
		}
	}
	return nil
}

// cut makes the switch cut into packets what segmentation offload left in one piece: what arrives then, and is lost, are
// single packets, as on the wire of a real LAN.
func (b *bed) cut() error {
	for i := range b.hosts {
		if err := sh("ip -n %s link set p%d gso_max_segs 1", b.hub(), i+1); err != nil {
			return err
		}
	}
	return nil
}

// cutAtOnce makes the hosts do it, for a queue in the switch to see single packets. It slows them, which matters to no bottleneck.
func (b *bed) cutAtOnce() error {
	for i := range b.hosts {
		if err := sh("ip -n %s link set eth0 gso_max_segs 1", b.host(i+1)); err != nil {
			return err
		}
	}
	return nil
}

// narrow makes a bottleneck of the bridge's port to host i. queue: arguments of tc's tbf.
func (b *bed) narrow(i int, queue string) error {
	return sh("tc -n %s qdisc replace dev p%d root tbf %s", b.hub(), i, queue)
}

// dropped is the share of packets that the bottleneck to host i has dropped.
func (b *bed) dropped(i int) (float64, error) {
	out, err := capture("tc -n %s -s -j qdisc show dev p%d root", b.hub(), i)
	if err != nil {
		return 0, err
	}
	var queues []struct{ Packets, Drops float64 }
	if err := json.Unmarshal(out, &queues); err != nil || len(queues) == 0 || queues[0].Packets == 0 {
		return 0, fmt.Errorf("no counters of the bottleneck in %q: %w", out, err)
	}
	return queues[0].Drops / (queues[0].Packets + queues[0].Drops), nil
}

// meter counts what arrives at host i from the hosts before it.
func (b *bed) meter(i int) error {
	rules := "add table inet arrivals; delete table inet arrivals; add table inet arrivals; add chain inet arrivals in { type filter hook input priority 10; }"
	for from := 1; from < i; from++ {
		rules += fmt.Sprintf("; add counter inet arrivals from%d; add rule inet arrivals in ip saddr %s counter name from%d", from, b.addr(from), from)
	}
	return sh("ip netns exec %s nft '%s'", b.host(i), rules)
}

// arrived is what the meter of host i has counted from each host before it. Bytes.
func (b *bed) arrived(i int) ([]float64, error) {
	out, err := capture("ip netns exec %s nft -j list counters table inet arrivals", b.host(i))
	if err != nil {
		return nil, err
	}
	var listing struct {
		Nftables []struct {
			Counter *struct {
				Name  string
				Bytes float64
			}
		}
	}
	if err := json.Unmarshal(out, &listing); err != nil {
		return nil, err
	}
	bytes := make([]float64, i-1)
	for _, entry := range listing.Nftables {
		if from := 0; entry.Counter != nil {
			if _, err := fmt.Sscanf(entry.Counter.Name, "from%d", &from); err != nil || from < 1 || from >= i {
				return nil, fmt.Errorf("odd counter %q", entry.Counter.Name)
			}
			bytes[from-1] = entry.Counter.Bytes
		}
	}
	return bytes, nil
}

func sh(format string, args ...any) error {
	_, err := capture(format, args...)
	return err
}

func capture(format string, args ...any) ([]byte, error) {
	script := fmt.Sprintf(format, args...)
	c := exec.Command("sh", "-ec", script)
	var trouble strings.Builder
	c.Stderr = &trouble
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%.120s: %w: %.300s", script, err, strings.TrimSpace(trouble.String()))
	}
	return out, nil
}
