//go:build !linux

package lantest

import (
	"net/netip"
	"os"
	"os/exec"
	"testing"
)

// LAN exists on Linux alone.
type LAN struct{}

// Main runs the tests.
func Main(m interface{ Run() int }, commands map[string]func()) { os.Exit(m.Run()) }

// Setup does nothing.
func Setup(commands map[string]func()) {}

// New skips the test.
func New(t testing.TB, hosts int) *LAN {
	t.Helper()
	t.Skip(skipped + "network namespaces need Linux")
	return nil
}

func (l *LAN) Addr(host int) netip.Addr                                { return netip.Addr{} }
func (l *LAN) In(host int, do func())                                  {}
func (l *LAN) Command(host int, name string, args ...string) *exec.Cmd { return nil }
func (l *LAN) Loss(host, percent int)                                  {}
func (l *LAN) Cut(host int)                                            {}
func (l *LAN) Mend(host int)                                           {}
func (l *LAN) Down(host int)                                           {}
func (l *LAN) Up(host int)                                             {}
func (l *LAN) Split(hosts ...int)                                      {}
func (l *LAN) Heal()                                                   {}
func (l *LAN) Readdress(host int, addr netip.Prefix)                   {}
func (l *LAN) AddAddr(host int, addr netip.Prefix)                     {}
func (l *LAN) AddInterface(host int, name string, addr netip.Prefix)   {}
func (l *LAN) RemoveInterface(host int, name string)                   {}
func (l *LAN) Capture() *Capture                                       { return nil }

// Capture exists on Linux alone.
type Capture struct{}

// Datagram is one UDP datagram that crossed the bridge.
type Datagram struct {
	Host     int
	Src, Dst netip.AddrPort
	Payload  []byte
}

func (c *Capture) Datagrams() []Datagram { return nil }
