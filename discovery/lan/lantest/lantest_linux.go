package lantest

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// linkTimeout is how long a link may take to come up: it was some milliseconds, and 1 s when it flapped.
const linkTimeout = 10 * time.Second

// LAN is a bridge and the hosts that are plugged into it. Its methods end the test if something fails,
// and are called from the test's goroutine.
type LAN struct {
	t      testing.TB
	sw     *side // the bridge's own namespace
	bridge netlink.Link
	other  netlink.Link // the second bridge of a Split, nil until then
	hosts  []*host
	cmds   []*exec.Cmd
}

// side is a namespace and the means to configure it.
type side struct {
	ns     *os.File
	handle *netlink.Handle
}

type host struct {
	side
	ports map[string]netlink.Link // the bridge's end of each cable, by the name of the host's interface
	addr  netip.Prefix            // of eth0, the latest
}

// New makes a LAN of so many hosts, numbered from 1: host i has the address 10.77.0.i/24 on its interface eth0, and no other route.
// It is removed, and what was started on it killed, when the test ends.
func New(t testing.TB, hosts int) *LAN {
	t.Helper()
	if !ready {
		t.Fatal("lantest: TestMain must call lantest.Main or lantest.Setup")
	}
	if hosts < 1 || hosts > 200 {
		t.Fatal("lantest: 1 to 200 hosts")
	}
	if refusal != nil {
		t.Skipf(skipped+"the kernel refuses network namespaces (%v)", refusal)
	}
	l := &LAN{t: t}
	t.Cleanup(l.remove)
	l.sw = l.newSide()
	l.bridge = l.newBridge("br0")
	for i := 1; i <= hosts; i++ {
		h := &host{side: *l.newSide(), ports: map[string]netlink.Link{}}
		l.hosts = append(l.hosts, h)
		lo, err := h.handle.LinkByName("lo")
		l.must(err)
		l.must(h.handle.LinkSetUp(lo))
		h.addr = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(i)}), 24)
		l.plug(i, "eth0", h.addr)
	}
	for i := 1; i <= hosts; i++ {
		l.await(i, "eth0")
	}
	return l
}

// Addr is the present address of a host's eth0.
func (l *LAN) Addr(host int) netip.Addr { return l.host(host).addr.Addr() }

// In calls do in the host's namespace. A socket that do opens belongs to that host for good; a goroutine that it starts does not.
func (l *LAN) In(host int, do func()) {
	l.t.Helper()
	l.must(within(l.host(host).ns, do))
}

// Acquaint tells every host the link address of every other one. The kernel keeps what hosts learn by themselves in one table
// for all namespaces, and by default of 1,024 entries: too few for more than 32 hosts that all speak to each other.
func (l *LAN) Acquaint() {
	l.t.Helper()
	for i := range l.hosts {
		to := l.link(i+1, "eth0").Attrs()
		for j, h := range l.hosts {
			if i != j {
				l.must(h.handle.NeighSet(&netlink.Neigh{
					LinkIndex: l.link(j+1, "eth0").Attrs().Index, State: netlink.NUD_PERMANENT,
					IP: l.Addr(i + 1).AsSlice(), HardwareAddr: to.HardwareAddr,
				}))
			}
		}
	}
}

// Command prepares a program, or a command given to Main, to run on a host. It is killed at the end of the test at the latest.
func (l *LAN) Command(host int, name string, args ...string) *exec.Cmd {
	l.t.Helper()
	self, err := os.Executable()
	l.must(err)
	namespace := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), l.host(host).ns.Fd())
	cmd := exec.Command(self, append([]string{argEnter, namespace, name}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	l.cmds = append(l.cmds, cmd)
	return cmd
}

// Loss drops that share, in percent, of the UDP datagrams that arrive at a host from others. 0 ends it.
func (l *LAN) Loss(host, percent int) {
	l.t.Helper()
	nft, err := exec.LookPath("nft")
	if err != nil {
		l.t.Skip(skipped + "loss needs the program nft (package nftables)")
	}
	script := "add table inet lantest\ndelete table inet lantest\n"
	if percent > 0 {
		script += "add table inet lantest\n" +
			"add chain inet lantest in { type filter hook input priority 0; }\n" +
			fmt.Sprintf("add rule inet lantest in iifname != lo meta l4proto udp numgen random mod 100 <= %d drop\n", percent-1)
	}
	var said []byte
	l.In(host, func() {
		cmd := exec.Command(nft, "-f", "-")
		cmd.Stdin = strings.NewReader(script)
		said, err = cmd.CombinedOutput()
	})
	if err != nil && (strings.Contains(string(said), "not supported") || strings.Contains(string(said), "not permitted")) {
		l.t.Skipf(skipped+"the kernel refuses nftables (%s)", said)
	}
	if err != nil {
		l.t.Fatalf("lantest: nft: %v\n%s", err, said)
	}
}

// Cut pulls the cable of a host's eth0.
func (l *LAN) Cut(host int) {
	l.t.Helper()
	l.must(l.sw.handle.LinkSetDown(l.host(host).ports["eth0"]))
}

// Mend puts the cable back.
func (l *LAN) Mend(host int) {
	l.t.Helper()
	l.must(l.sw.handle.LinkSetUp(l.host(host).ports["eth0"]))
	l.await(host, "eth0")
}

// Down turns a host's eth0 off, as its owner would.
func (l *LAN) Down(host int) {
	l.t.Helper()
	l.must(l.host(host).handle.LinkSetDown(l.link(host, "eth0")))
}

// Up turns it on again.
func (l *LAN) Up(host int) {
	l.t.Helper()
	l.must(l.host(host).handle.LinkSetUp(l.link(host, "eth0")))
	l.await(host, "eth0")
}

// Split moves these hosts to a bridge of their own, Heal puts all of them together again. No host's link goes down.
func (l *LAN) Split(hosts ...int) {
	l.t.Helper()
	if l.other == nil {
		l.other = l.newBridge("br1")
	}
	for _, i := range hosts {
		for _, p := range l.host(i).ports {
			l.must(l.sw.handle.LinkSetMaster(p, l.other))
		}
	}
}

// Heal ends every Split.
func (l *LAN) Heal() {
	l.t.Helper()
	for _, h := range l.hosts {
		for _, p := range h.ports {
			l.must(l.sw.handle.LinkSetMaster(p, l.bridge))
		}
	}
}

// Readdress takes all addresses from a host's eth0 and gives it another, as DHCP would.
func (l *LAN) Readdress(host int, addr netip.Prefix) {
	l.t.Helper()
	h, eth0 := l.host(host), l.link(host, "eth0")
	old, err := h.handle.AddrList(eth0, netlink.FAMILY_V4)
	l.must(err)
	for _, a := range old {
		// Without its primary address a subnet's secondary ones are gone already.
		if err := h.handle.AddrDel(eth0, &a); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			l.must(err)
		}
	}
	l.AddAddr(host, addr)
	h.addr = addr
}

// AddAddr gives a host's eth0 a further address.
func (l *LAN) AddAddr(host int, addr netip.Prefix) {
	l.t.Helper()
	l.addAddr(host, "eth0", addr)
}

// AddInterface plugs a host into the bridge with a further interface.
func (l *LAN) AddInterface(host int, name string, addr netip.Prefix) {
	l.t.Helper()
	l.plug(host, name, addr)
	l.await(host, name)
}

func (l *LAN) plug(host int, name string, addr netip.Prefix) {
	l.t.Helper()
	h := l.host(host)
	cable := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: fmt.Sprintf("h%d-%s", host, name)},
		PeerName:      name,
		PeerNamespace: netlink.NsFd(h.ns.Fd()),
	}
	l.must(l.sw.handle.LinkAdd(cable))
	port, err := l.sw.handle.LinkByName(cable.Name)
	l.must(err)
	l.must(l.sw.handle.LinkSetMaster(port, l.bridge))
	l.must(l.sw.handle.LinkSetUp(port))
	h.ports[name] = port
	l.addAddr(host, name, addr)
	l.must(h.handle.LinkSetUp(l.link(host, name)))
}

// await lets the link come up at both ends of a cable. The kernel does that a while after it was told, and drops what is sent before.
func (l *LAN) await(host int, name string) {
	l.t.Helper()
	h := l.host(host)
	for end := time.Now().Add(linkTimeout); ; time.Sleep(time.Millisecond) {
		port, err := l.sw.handle.LinkByIndex(h.ports[name].Attrs().Index)
		l.must(err)
		if port.Attrs().OperState == netlink.OperUp && l.link(host, name).Attrs().OperState == netlink.OperUp {
			return
		}
		if time.Now().After(end) {
			l.t.Fatalf("lantest: no link at %s of host %d after %v", name, host, linkTimeout)
		}
	}
}

// RemoveInterface takes an interface out of a host.
func (l *LAN) RemoveInterface(host int, name string) {
	l.t.Helper()
	h := l.host(host)
	l.must(h.handle.LinkDel(l.link(host, name)))
	delete(h.ports, name)
}

func (l *LAN) addAddr(host int, name string, addr netip.Prefix) {
	l.t.Helper()
	a, err := netlink.ParseAddr(addr.String())
	l.must(err)
	l.must(l.host(host).handle.AddrAdd(l.link(host, name), a))
}

func (l *LAN) host(i int) *host {
	l.t.Helper()
	if i < 1 || i > len(l.hosts) {
		l.t.Fatalf("lantest: there is no host %d", i)
	}
	return l.hosts[i-1]
}

func (l *LAN) link(host int, name string) netlink.Link {
	l.t.Helper()
	link, err := l.host(host).handle.LinkByName(name)
	l.must(err)
	return link
}

func (l *LAN) newSide() *side {
	l.t.Helper()
	ns, err := newNamespace()
	l.must(err)
	handle, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		_ = ns.Close()
	}
	l.must(err)
	return &side{ns, handle}
}

func (l *LAN) newBridge(name string) netlink.Link {
	l.t.Helper()
	b := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
	l.must(l.sw.handle.LinkAdd(b))
	l.must(l.sw.handle.LinkSetUp(b))
	return b
}

func (l *LAN) remove() {
	for _, c := range l.cmds {
		if c.Process != nil {
			_ = c.Process.Kill()
		}
	}
	for _, h := range l.hosts {
		h.close()
	}
	if l.sw != nil {
		l.sw.close()
	}
}

func (s *side) close() {
	s.handle.Close()
	_ = s.ns.Close()
}

// must ends the test: as skipped where the kernel cannot or will not, as failed otherwise.
func (l *LAN) must(err error) {
	l.t.Helper()
	for _, refused := range []error{unix.EPERM, unix.EOPNOTSUPP, unix.ENOSYS, unix.ENOSPC} {
		if errors.Is(err, refused) {
			l.t.Skipf(skipped+"the kernel refuses (%v)", err)
		}
	}
	if err != nil {
		l.t.Fatalf("lantest: %v", err)
	}
}
