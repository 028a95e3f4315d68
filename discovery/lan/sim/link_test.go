package sim_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan/sim"
)

// tally is what came of the datagrams.
type tally struct {
	arrived, twice, overtaken, changed, cut int
	runs                                    int // of losses
	delay                                   time.Duration
}

// faults sends 10,000 datagrams of 100 bytes from alice to bob, 1 ms apart, and counts what comes of them.
func faults(t *testing.T, link sim.Link, dst string) tally {
	l, hs := hosts(t, 7, "alice", "bob")
	l.Set(link)
	var c tally
	const n = 10000
	seen := make([]int, n)
	last := -1
	take := func(until time.Time) {
		for at, ok := l.Next(); ok && !at.After(until); at, ok = l.Next() {
			d := l.Deliver()
			if d.To != hs[1] {
				continue
			}
			c.arrived++
			number := d.At.Sub(start)
			if len(d.Data) != 100 {
				c.cut++
				continue
			}
			var i int
			if _, err := fmt.Sscanf(string(d.Data), "%d", &i); err != nil || i >= n || strings.Trim(string(d.Data[5:]), " ") != "" {
				c.changed++
				continue
			}
			c.delay = max(c.delay, number-time.Duration(i)*time.Millisecond)
			if seen[i]++; seen[i] > 1 {
				c.twice++
			}
			if i < last {
				c.overtaken++
			}
			last = max(last, i)
		}
	}
	for i := range n {
		now := start.Add(time.Duration(i) * time.Millisecond)
		take(now)
		_ = hs[0].Send(now, 49152, to(dst), []byte(fmt.Sprintf("%05d%95s", i, "")))
	}
	take(start.Add(time.Hour))
	for i := 1; i < n; i++ {
		if seen[i] == 0 && seen[i-1] > 0 {
			c.runs++
		}
	}
	return c
}

func near(got, want int) bool { return got >= want*9/10-1 && got <= want*11/10+1 }

func TestFaultsAreAsFrequentAsSaid(t *testing.T) {
	const bob = "10.0.0.2:49152"
	if c := faults(t, sim.Link{}, bob); c != (tally{arrived: 10000, delay: sim.Latency}) {
		t.Errorf("a perfect wire: %+v", c)
	}
	if c := faults(t, sim.Link{Loss: 0.3}, bob); !near(c.arrived, 7000) || !near(c.runs, 2100) {
		t.Errorf("loss: %+v", c)
	}
	if c := faults(t, sim.Link{Loss: 0.3, LossBurst: 10}, bob); !near(c.arrived, 7000) || c.runs < 200 || c.runs > 400 {
		t.Errorf("loss in bursts: %+v", c)
	}
	if c := faults(t, sim.Link{Loss: 1}, bob); c.arrived != 0 {
		t.Errorf("loss of everything: %+v", c)
	}
	if c := faults(t, sim.Link{Duplicate: 0.2}, bob); !near(c.arrived, 12000) || !near(c.twice, 2000) {
		t.Errorf("duplication: %+v", c)
	}
	if c := faults(t, sim.Link{Reorder: 0.1}, bob); c.arrived != 10000 || c.overtaken < 700 {
		t.Errorf("reordering: %+v", c)
	}
	if c := faults(t, sim.Link{Corrupt: 0.25}, bob); c.arrived != 10000 || c.changed < 2000 {
		t.Errorf("corruption: %+v", c)
	}
	if c := faults(t, sim.Link{Truncate: 0.25}, bob); !near(c.cut, 2500) {
		t.Errorf("truncation: %+v", c)
	}
	if c := faults(t, sim.Link{BroadcastLoss: 0.5}, bob); c.arrived != 10000 {
		t.Errorf("loss of broadcasts, of unicasts: %+v", c)
	}
	if c := faults(t, sim.Link{BroadcastLoss: 0.5}, "10.0.0.255:24816"); !near(c.arrived, 5000) {
		t.Errorf("loss of broadcasts: %+v", c)
	}
	if c := faults(t, sim.Link{Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond}, bob); c.delay < 29*time.Millisecond || c.delay > 31*time.Millisecond {
		t.Errorf("delay: %+v", c)
	}
	// 128 bytes each millisecond, through half of that: 20 wait 2 ms each, and one leaves.
	if c := faults(t, sim.Link{Rate: 64_000, Queue: 20}, bob); !near(c.arrived, 5000) || c.delay < 41*time.Millisecond || c.delay > 43*time.Millisecond {
		t.Errorf("rate: %+v", c)
	}
	if c := faults(t, sim.Link{Rate: 128_000}, bob); c.arrived != 10000 || c.delay != time.Millisecond+sim.Latency {
		t.Errorf("a rate that is just enough: %+v", c)
	}
}

// What a host sends to another at once leaves one by one, whichever sockets it comes from, until the queue is full;
// the way back and other hosts have a rate of their own.
func TestARateIsSharedByALink(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob", "carol")
	l.Set(sim.Link{Rate: 1_000_000, Queue: 2})
	say := func(from *sim.Host, port uint16, dst, what string) {
		_ = from.Send(start, port, to(dst), []byte(fmt.Sprintf("%-972s", what))) // 1,000 bytes with its headers, 1 ms
	}
	say(hs[0], 49152, "10.0.0.2:49152", "one")
	say(hs[0], 49153, "10.0.0.2:49152", "two")
	say(hs[0], 49152, "10.0.0.2:49152", "three")
	say(hs[0], 49153, "10.0.0.2:49152", "too many")
	say(hs[0], 49152, "10.0.0.3:49152", "elsewhere")
	say(hs[1], 49152, "10.0.0.1:49152", "back")
	got := map[string]time.Duration{}
	for _, ok := l.Next(); ok; _, ok = l.Next() {
		d := l.Deliver()
		got[strings.TrimSpace(string(d.Data))] = d.At.Sub(start) - sim.Latency
	}
	ms := time.Millisecond
	if want := (map[string]time.Duration{"one": ms, "two": 2 * ms, "three": 3 * ms, "elsewhere": ms, "back": ms}); !maps.Equal(got, want) {
		t.Errorf("left %v, not %v", got, want)
	}
	_ = hs[0].Send(start.Add(2*ms), 49152, to("10.0.0.2:49152"), []byte("again")) // 33 bytes, when two have left
	l.Next()
	if d := l.Deliver(); string(d.Data) != "again" || d.At != start.Add(3*ms+33*time.Microsecond+sim.Latency) {
		t.Errorf("%q arrives after %v", d.Data, d.At.Sub(start))
	}
}

func TestLinksMayDiffer(t *testing.T) {
	l, hs := hosts(t, 1, "alice", "bob", "carol")
	l.SetLink(hs[0], nil, sim.Link{Loss: 1})
	l.SetLink(hs[0], hs[2], sim.Link{})
	_ = hs[0].Send(start, 49152, to("10.0.0.255:24816"), []byte("x"))
	want(
		t, l,
		"alice:24816%2 x from 10.0.0.1:49152",
		"carol:24816%2 x from 10.0.0.1:49152",
	)
}
