package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTroubleIsSaid(t *testing.T) {
	t.Parallel()
	h := newHosts(t, 1)
	h.In(1, func() { // a program that does not share its ports
		for _, port := range []int{40001, 40002} {
			c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
		}
	})
	expect := func(what string, r result, code int, complaint ...string) {
		t.Helper()
		if r.code != code {
			t.Errorf("%s: exit code %d, want %d\n%s%s", what, r.code, code, r.out, r.err)
		}
		for _, words := range complaint {
			if !strings.Contains(r.err, words) {
				t.Errorf("%s: standard error has no %q:\n%s", what, words, r.err)
			}
		}
		if strings.Contains(r.err, "goroutine") || strings.Contains(r.out, "earshot:") {
			t.Errorf("%s:\n%s%s", what, r.out, r.err)
		}
	}
	for _, verb := range [][]string{{"send", "x"}, {"listen"}, {"peers"}, {"ping", "x"}} {
		run := func(flags ...string) result { return h.run(1, append(verb, flags...)...) }
		expect("a port that is taken", run("--port", "40001"), 1, "earshot: ", "port 40001", "taken", "choose another")
		expect("an announce port that is taken", run("--announce-port", "40002"), 1, "port 40002", "taken", "same on all hosts")
		expect("an interface that is not there", run("--interface", "wlan7"), 1, "no such interface: wlan7", "lo, eth0")
		expect("a port that cannot be", run("--port", "70000"), 2, "70000", "--help")
	}

	// The program without the right to the ports below 1024, under the name by which it knows itself.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(h.dir, "earshot")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	expect("a port without permission",
		finished(h.settle(1, h.Command(1, "setpriv", "--bounding-set=-net_bind_service", program, "listen", "--port", "80"))),
		1, "port 80", "permission denied", "above 1023")

	h.Loss(1, 0) // skips where there is no nft
	h.shell(1, "nft add table inet closed")
	h.shell(1, "nft add chain inet closed out { type filter hook output priority 0; }")
	h.shell(1, "nft add rule inet closed out oifname eth0 drop")
	silent := []string{"send", "--timeout", "300ms", "x"}
	expect("a firewall that lets nothing out", h.run(1, silent...), 3, "eth0", "stored")
	h.shell(1, "nft delete table inet closed")

	h.RemoveInterface(1, "eth0")
	expect("an interface that has gone", h.run(1, append(silent, "--interface", "eth0")...), 1, "no such interface: eth0")
	h.shell(1, "ip link set lo down")
	expect("no interface at all", h.run(1, silent...), 3, "no network", "lo: down", "stored")
	expect("no interface at all", h.run(1, "peers", "--for", "100ms"), 0, "no network")
}
