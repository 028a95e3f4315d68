package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEverybodySeesEverybody(t *testing.T) {
	for _, c := range []struct {
		hosts   int
		promise time.Duration
	}{{3, time.Second}, {20, 2 * time.Second}} {
		t.Run(fmt.Sprint(c.hosts), func(t *testing.T) {
			ears := newHosts(t, c.hosts).listenAll(c.hosts)
			took := meet(ears...).Sub(lastStart(ears))
			promised(t, fmt.Sprintf("%d hosts, from the last start until all see all", c.hosts), took, c.promise)
		})
	}
}

// Each line is said by a command beside a running instance, as a person or a script would.
func TestALineIsThereAtOnce(t *testing.T) {
	h := newHosts(t, 3)
	ears := h.listenAll(3)
	meet(ears...)
	var said, whole []time.Duration
	for i := range 20 {
		from := i % 3
		text := fmt.Sprintf("line %d", i)
		start := time.Now()
		h.must(from+1, "send", "--wait", "all", text)
		whole = append(whole, time.Since(start))
		for to, e := range ears {
			got := e.said("#lobby", text)
			if to != from {
				said = append(said, got.at.Sub(got.Time))
			}
			if got.From != ears[from].name {
				t.Errorf("%q comes from %s", text, got.From)
			}
		}
	}
	slices.Sort(said)
	slices.Sort(whole)
	t.Logf("send, the whole command: p50 %v, max %v", whole[len(whole)/2], whole[len(whole)-1])
	t.Logf("from one host to another, the slowest: %v", said[len(said)-1]) // where others use the machine it may be anything
	promised(t, "from one host to another, half of them within", said[len(said)/2], 100*time.Millisecond)
}

func TestAPeerIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	h := newHosts(t, 3)
	ears := h.listenAll(3)
	meet(ears...)
	for i := range ears {
		h.must(i+1, "send", "--wait", "all", fmt.Sprintf("before, by n%d", i+1))
	}
	marks := []int{ears[0].mark(), 0, ears[2].mark()}

	ears[1].kill()
	killed := time.Now()
	for _, i := range []int{0, 2} {
		left := ears[i].saw(marks[i], "left", "n2")
		promised(t, fmt.Sprintf("n2 is gone for n%d", i+1), left.at.Sub(killed), 5*time.Second)
		if left.Reason != "no answer" {
			t.Errorf("the reason is %q", left.Reason)
		}
		marks[i] = ears[i].mark()
	}
	h.must(1, "send", "meanwhile")

	ears[1] = h.listen(2)
	for _, i := range []int{0, 2} {
		back := ears[i].saw(marks[i], "joined", "n2")
		promised(t, fmt.Sprintf("n2 is back for n%d", i+1), back.at.Sub(ears[1].started), 2*time.Second)
	}
	meet(ears...)
	for i := range ears {
		h.must(i+1, "send", "--wait", "all", fmt.Sprintf("after, by n%d", i+1))
	}
	for i, e := range ears {
		for j := range ears {
			e.said("#lobby", fmt.Sprintf("after, by n%d", j+1))
		}
		e.once()
		if old := e.texts("#lobby", "n1")[0]; i == 1 && strings.HasPrefix(old, "before") {
			t.Errorf("history is printed as new: %q", old)
		}
	}
	// Its author learns that the line said meanwhile has arrived.
	id := ears[0].said("#lobby", "meanwhile").ID
	n2 := ears[0].saw(0, "joined", "n2").Peer
	ears[0].await("n2's word for the line said while it was away", func(all []event) bool {
		return slices.ContainsFunc(all, func(e event) bool { return e.Type == "delivered" && e.ID == id && e.Peer == n2 })
	})
	if r := h.must(2, "listen", "--json", "--backlog", "20", "--count", "5"); strings.Count(r, `"text":"meanwhile"`) != 1 {
		t.Errorf("n2's history:\n%s", r)
	}
}

// Nobody is restarted in this test.
func TestAPulledCableAndANewAddress(t *testing.T) {
	t.Parallel()
	h := newHosts(t, 3)
	ears := h.listenAll(3)
	meet(ears...)

	h.Cut(2)
	late := make(chan result, 1)
	patient := h.command(2, "send", "--timeout", "60s", "--wait", "2", "from beyond the cable")
	go func() { late <- finished(patient) }()
	ears[0].saw(0, "left", "n2")
	h.must(1, "send", "without you")
	// 10 s, as somebody needs who trips over it and looks for the socket.
	ears[1].saw(0, "left", "n1")
	ears[1].saw(0, "left", "n3")
	<-time.After(time.Until(ears[1].started.Add(10 * time.Second)))
	h.Mend(2)
	mended := time.Now()
	if r := <-late; r.code != 3 && r.code != 0 {
		t.Errorf("send with the cable pulled: %+v", r)
	}
	for _, i := range []int{0, 2} {
		ears[i].said("#lobby", "from beyond the cable")
	}
	ears[1].said("#lobby", "without you")
	t.Logf("the line said with the cable pulled arrives %v after it was mended", time.Since(mended).Round(time.Millisecond))
	h.must(2, "send", "--wait", "2", "mended")
	h.must(1, "send", "--wait", "2", "welcome back")

	for _, addr := range []string{"10.77.0.200/24", "10.77.0.2/24"} {
		moved := time.Now()
		h.Readdress(2, netip.MustParsePrefix(addr))
		h.must(2, "send", "--wait", "2", "--timeout", "30s", "I am at "+addr)
		h.must(1, "send", "--wait", "2", "--timeout", "30s", "I hear you at "+addr)
		t.Logf("from the new address to a line and its answer: %v", time.Since(moved).Round(time.Millisecond))
		for _, host := range []int{1, 3} {
			eventually(t, func() (string, bool) {
				got := h.must(host, "peers", "--json")
				return got, strings.Contains(got, `"address":"`+h.Addr(2).String()+":")
			})
		}
	}
	for _, e := range ears {
		e.once()
	}
}

// eventually asks again until the answer is good.
func eventually(t *testing.T, ask func() (answer string, ok bool)) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		answer, ok := ask()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("still, after %v: %s", patience, answer)
		}
	}
}

// shell runs a program that configures a host.
func (h *hosts) shell(host int, line string) {
	h.t.Helper()
	args := strings.Fields(line)
	if out, err := h.Command(host, args[0], args[1:]...).CombinedOutput(); err != nil {
		h.t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// Where no broadcast arrives, one address given by hand is enough.
func TestPeersByHandWhereNoBroadcastArrives(t *testing.T) {
	t.Parallel()
	h := newHosts(t, 4)
	h.Loss(1, 0) // skips where there is no nft
	for host := 1; host <= 4; host++ {
		h.shell(host, "nft add table inet quiet")
		h.shell(host, "nft add chain inet quiet in { type filter hook input priority 0; }")
		h.shell(host, "nft add rule inet quiet in iifname != lo meta pkttype broadcast drop")
	}
	hub := h.listen(1)
	alone := h.listen(3)
	two := h.listen(2, "--peer", h.Addr(1).String())
	four := h.listen(4, "--peer", h.Addr(1).String()+":24816")
	meet(hub, two)
	meet(hub, four)
	h.must(1, "send", "--wait", "2", "to both")
	two.said("#lobby", "to both")
	four.said("#lobby", "to both")
	h.must(2, "send", "by one")
	hub.said("#lobby", "by one")
	h.must(4, "send", "--to", "n1", "by the other")
	hub.said("@n4", "by the other")
	if got := alone.heard(); len(got) > 0 {
		t.Errorf("broadcasts arrive all the same:\n%s", transcript(got))
	}
}

// Hosts 1 and 2 are in one subnet, 3 and 4 in another. Only host 3 is told of an address in the other:
// who is proven there is passed on, also when somebody comes later.
func TestTwoSubnetsMeetByOnePeerGivenByHand(t *testing.T) {
	t.Parallel()
	h := newHosts(t, 5)
	for host := 1; host <= 5; host++ {
		other := "10.78.0.0/24"
		if host >= 3 {
			h.Readdress(host, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 78, 0, byte(host)}), 24))
			other = "10.77.0.0/24"
		}
		h.shell(host, "ip route add "+other+" dev eth0")
	}
	ears := []*ear{h.listen(1), h.listen(2), h.listen(4), h.listen(3, "--peer", h.Addr(1).String())}
	took := meet(ears...).Sub(lastStart(ears))
	t.Logf("all see all after %v", took.Round(time.Millisecond))
	h.must(4, "send", "--to", "n2", "from one subnet to the other")
	ears[1].said("@n4", "from one subnet to the other")

	late := h.listen(5)
	took = meet(append(ears, late)...).Sub(late.started)
	t.Logf("whoever comes later sees all after %v", took.Round(time.Millisecond))
}
