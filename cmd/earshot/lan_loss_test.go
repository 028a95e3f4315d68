package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lossy is the share of datagrams, in percent, that every host loses of those that arrive.
const lossy = 30

func TestLinesArriveOnceAndInOrderDespiteLoss(t *testing.T) {
	t.Parallel()
	const lines = 200
	h := newHosts(t, 3)
	for host := 1; host <= 3; host++ {
		h.Loss(host, lossy)
	}
	ears := h.listenAll(3)
	t.Logf("at %d %% loss all see all after %v", lossy, meet(ears...).Sub(lastStart(ears)).Round(time.Millisecond))

	want := make([]string, lines)
	for i := range want {
		want[i] = fmt.Sprintf("line %d", i+1)
	}
	start := time.Now()
	ends := make(chan result, len(ears))
	for i := range ears {
		cmd := h.command(i+1, "send", "--wait", "all", "--timeout", "60s", "-")
		cmd.Stdin = strings.NewReader(strings.Join(want, "\n"))
		go func() { ends <- finished(cmd) }()
	}
	for range ears {
		if r := <-ends; r.code != 0 || strings.Count(r.out, "(2 of 2)") != lines {
			t.Errorf("send -: exit code %d, %d lines delivered to both\n%s", r.code, strings.Count(r.out, "(2 of 2)"), r.err)
		}
	}
	t.Logf("3 times %d lines are delivered to both others after %v", lines, time.Since(start).Round(time.Millisecond))
	for _, e := range ears {
		for _, author := range ears {
			e.await(fmt.Sprintf("%d lines by %s", lines, author.name), func([]event) bool { return len(e.texts("#lobby", author.name)) >= lines })
		}
	}
	// What would come twice has come before the answer to a question that was asked after it all.
	for i := range ears {
		h.must(i+1, "send", "--wait", "all", "--timeout", "60s", "the end")
	}
	for _, e := range ears {
		for _, author := range ears {
			got := e.await("the end", func([]event) bool { return slices.Contains(e.texts("#lobby", author.name), "the end") })
			if lines := e.texts("#lobby", author.name); !slices.Equal(lines, append(slices.Clone(want), "the end")) {
				t.Errorf("%s has of %s %d lines, not as they were said: %v", e.name, author.name, len(lines), disorder(lines, want))
			}
			if gone := slices.IndexFunc(got, func(x event) bool { return x.Type == "left" }); gone >= 0 {
				t.Errorf("%s saw %s go", e.name, got[gone].Name)
			}
		}
		e.once()
	}
}

// disorder is where two lists differ first, with what follows.
func disorder(got, want []string) []string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	return got[i:min(i+8, len(got))]
}

// The run is 20 s, or two minutes with EARSHOT_NIGHTLY.
func TestNobodyIsGoneFalselyDespiteLoss(t *testing.T) {
	t.Parallel()
	span := 20 * time.Second
	if nightly {
		span = 2 * time.Minute
	}
	h := newHosts(t, 4)
	for host := 1; host <= 4; host++ {
		h.Loss(host, lossy)
	}
	ears := h.listenAll(4)
	meet(ears...)
	over := time.After(span)

	// Meanwhile, on host 4: who is here, and how far away.
	eventually(t, func() (string, bool) {
		got := h.must(4, "peers", "--json")
		return got, strings.Count(got, `"state":"online"`) == 3 && !strings.Contains(got, `"rtt_ms":0,`)
	})
	if table := h.must(4, "peers"); strings.Count(table, " eth0 ") != 3 || strings.Count(table, " online ") != 3 {
		t.Errorf("peers:\n%s", table)
	}
	ping := h.must(4, "ping", "--count", "20", "--interval", "10ms", "--timeout", "250ms", "n1")
	var sent, answered, lost int
	at := strings.Index(ping, "20 sent")
	if at < 0 {
		t.Fatalf("ping:\n%s", ping)
	}
	if _, err := fmt.Sscanf(ping[at:], "%d sent, %d answered, %d %% lost", &sent, &answered, &lost); err != nil {
		t.Fatalf("ping:\n%s", ping)
	}
	t.Logf("ping: %s", ping[at:])
	// Of 20 pings 49 % are answered: all of them once in 10^6 runs, none of them as often.
	if answered == 0 || answered == sent || lost != (sent-answered)*100/sent {
		t.Errorf("ping at %d %% loss each way:\n%s", lossy, ping)
	}

	<-over
	for _, e := range ears {
		for _, x := range e.heard() {
			if x.Type == "left" {
				t.Errorf("%s: %s is gone (%s) after %v", e.name, x.Name, x.Reason, x.at.Sub(e.started).Round(time.Millisecond))
			}
		}
	}
	t.Logf("4 hosts, %v, %d %% loss", span, lossy)
}
