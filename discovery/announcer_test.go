package discovery_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"earshot/discovery"
	"earshot/protocol"
)

// announce is when an announcer announces until a time, called at its deadlines.
func announce(a *discovery.Announcer, until time.Time, n func() int) []time.Duration {
	var out []time.Duration
	for due := a.Deadline(); !due.IsZero() && !due.After(until); due = a.Deadline() {
		if a.Advance(due, n()) {
			out = append(out, due.Sub(start))
		}
	}
	return out
}

func constant(n int) func() int { return func() int { return n } }

func TestAnnouncerIsSilentBeforeItsBurst(t *testing.T) {
	a := discovery.NewAnnouncer(rand.New(rand.NewPCG(1, 0)))
	if a.Advance(start, 1) || !a.Deadline().IsZero() {
		t.Fatal("announces unasked")
	}
}

func TestBurstThenIntervals(t *testing.T) {
	a := discovery.NewAnnouncer(rand.New(rand.NewPCG(1, 0)))
	a.Burst(start)
	got := announce(a, start.Add(time.Hour), constant(2))
	for i, want := range []time.Duration{0, 1, 2, 4} {
		if got[i] != want*time.Second {
			t.Fatalf("burst at %v", got[:4])
		}
	}
	least, most := time.Hour, time.Duration(0)
	for i := 4; i < len(got); i++ {
		least, most = min(least, got[i]-got[i-1]), max(most, got[i]-got[i-1])
	}
	if least < 1500*time.Millisecond || most > 2500*time.Millisecond || least > 1550*time.Millisecond || most < 2450*time.Millisecond {
		t.Fatalf("intervals from %v to %v, want 1.5 to 2.5 s", least, most)
	}
}

func TestLateAnnouncementsAreNotMadeUpFor(t *testing.T) {
	a := discovery.NewAnnouncer(rand.New(rand.NewPCG(1, 0)))
	a.Burst(start)
	late := start.Add(time.Minute)
	if !a.Advance(late, 2) || a.Advance(late, 2) {
		t.Fatal("want one announcement for a missed burst")
	}
	if wait := a.Deadline().Sub(late); wait < 1500*time.Millisecond || wait > 2500*time.Millisecond {
		t.Fatalf("the next one after %v", wait)
	}
}

// An interface that comes and goes must not make a node shout.
func TestManyBurstsKeepTheirDistance(t *testing.T) {
	a := discovery.NewAnnouncer(rand.New(rand.NewPCG(1, 0)))
	count := 0
	for ms := range 10000 {
		now := start.Add(time.Duration(ms) * time.Millisecond)
		a.Burst(now)
		if a.Advance(now, 2) {
			count++
		}
	}
	if count != 50 {
		t.Fatalf("%d announcements in 10 s, want 50", count)
	}
}

func TestAnnouncerFollowsTheNumberOfInstances(t *testing.T) {
	a := discovery.NewAnnouncer(rand.New(rand.NewPCG(1, 0)))
	a.Burst(start)
	got := announce(a, start.Add(10*time.Second), constant(500))
	last := start.Add(got[len(got)-1])
	if wait := a.Deadline().Sub(last); wait < 15*time.Second || wait > 25*time.Second {
		t.Fatalf("the next one after %v at 500", wait)
	}
	a.Advance(last.Add(time.Millisecond), 2)
	if wait := a.Deadline().Sub(last); wait < 1500*time.Millisecond || wait > 2500*time.Millisecond {
		t.Fatalf("the next one after %v when only 2 are left", wait)
	}
}

// However many announce, the LAN carries about 25 announcements a second.
func TestBudgetOfTheLAN(t *testing.T) {
	const from, to = 60 * time.Second, 360 * time.Second
	for _, n := range []int{2, 50, 500} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			perSecond := make([]int, to/time.Second)
			for i := range n {
				r := rand.New(rand.NewPCG(uint64(i), uint64(n)))
				a := discovery.NewAnnouncer(r)
				a.Burst(start.Add(time.Duration(r.Int64N(int64(time.Second)))))
				for _, at := range announce(a, start.Add(to-1), constant(n)) {
					perSecond[at/time.Second]++
				}
			}
			total, peak := 0, 0
			for _, c := range perSecond[from/time.Second:] {
				total += c
				peak = max(peak, c)
			}
			rate := float64(total) / (to - from).Seconds()
			want := min(float64(n)/2, protocol.AnnounceBudget)
			if rate < 0.95*want || rate > 1.05*want {
				t.Fatalf("%.1f announcements a second, want about %.0f", rate, want)
			}
			if peak > 2*protocol.AnnounceBudget {
				t.Fatalf("%d announcements in one second", peak)
			}
		})
	}
}
