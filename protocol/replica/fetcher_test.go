package replica

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
)

// asking is a fetcher that is told a story about one log, in milliseconds. Every request that is not expected fails.
type asking struct {
	*testing.T
	f   *Fetcher
	now time.Time
	log Log
}

func newAsking(t *testing.T, seed uint64) *asking {
	return &asking{t, NewFetcher(rand.New(rand.NewPCG(seed, 0))), noon, writes("alice", 1).log}
}

func (a *asking) learn(peer int, ranges string) {
	a.Helper()
	a.f.Learn(a.now, instance(peer), a.log, set(a.T, ranges))
	a.consistent()
}

func (a *asking) got(ranges string) {
	a.Helper()
	for _, r := range set(a.T, ranges) {
		for n := r.First; n <= r.Last; n++ {
			a.f.Got(a.log, n)
			a.consistent()
		}
	}
}

// wait goes from deadline to deadline for so long and returns what was asked of whom and when, as "25ms 1:3-5".
func (a *asking) wait(d time.Duration) (asked []string) {
	a.Helper()
	start, end := a.now, a.now.Add(d)
	for range 10000 {
		next := a.f.Deadline()
		if next.IsZero() || next.After(end) {
			a.now = end
			return asked
		}
		if next.After(a.now) {
			a.now = next
		}
		for _, r := range a.f.Advance(a.now) {
			if log := (Log{r.Want.Room, r.Want.Author, r.Want.Epoch}); log != a.log {
				a.Fatalf("want of %v", log)
			}
			asked = append(asked, fmt.Sprintf("%v %d:%s", a.now.Sub(start), r.To[0], protocol.RangeSet(r.Want.Ranges)))
		}
		a.consistent()
		if next := a.f.Deadline(); !next.IsZero() && !next.After(a.now) {
			a.Fatalf("due at once after Advance, with %v missing", a.f.Missing(a.log))
		}
	}
	a.Fatal("it never stops asking")
	return nil
}

// want waits and expects each peer asked, in this order, for these numbers.
func (a *asking) want(d time.Duration, want ...string) {
	a.Helper()
	asked := a.wait(d)
	for i, s := range asked {
		_, asked[i], _ = strings.Cut(s, " ")
	}
	if strings.Join(asked, " ") != strings.Join(want, " ") {
		a.Errorf("within %v asked %q, want %q", d, asked, want)
	}
}

// consistent holds the fetcher to its own books.
func (a *asking) consistent() {
	a.Helper()
	owed := map[protocol.Instance]uint64{}
	for _, w := range a.f.logs {
		var all protocol.RangeSet
		for _, k := range w.asks {
			if len(k.numbers) == 0 || len(both(all, k.numbers)) > 0 {
				a.Fatalf("numbers %v asked for twice, or an empty ask", k.numbers)
			}
			all = join(all, k.numbers)
			if k.out {
				owed[k.to] += k.numbers.Len()
			}
		}
		if len(all) == 0 || a.f.byLog[w.log] != w {
			a.Fatal("a log of which nothing is missing")
		}
	}
	for _, s := range a.f.sources {
		if s.out != owed[s.id] || s.out > protocol.WantWindow {
			a.Fatalf("peer %d owes %d, on the books are %d", s.id[0], owed[s.id], s.out)
		}
	}
	if len(a.f.logs) != len(a.f.byLog) {
		a.Fatal("logs lost")
	}
}

func TestWantWaitsALittle(t *testing.T) {
	for seed := range uint64(50) {
		a := newAsking(t, seed)
		a.learn(1, "3-5")
		if at := a.f.Deadline().Sub(noon); at < protocol.WantMin || at > protocol.WantMax {
			t.Errorf("asked after %v", at)
		}
		a.want(protocol.WantMax, "1:3-5")
	}
}

func TestNothingIsAskedThatComesInTime(t *testing.T) {
	a := newAsking(t, 1)
	a.learn(1, "3-5")
	a.learn(2, "4-6")
	a.got("3-6")
	if !a.f.Deadline().IsZero() {
		t.Error("something is due")
	}
	a.want(time.Minute)
}

func TestOnlyWhatIsStillMissingIsAsked(t *testing.T) {
	a := newAsking(t, 1)
	a.learn(1, "1-9")
	a.got("2-7")
	a.want(protocol.WantMax, "1:1,8-9")
	a.got("8")
	a.got("9")
	a.got("1")
	a.want(time.Minute)
}

func TestAnotherPeerIsAskedEachTime(t *testing.T) {
	for seed := range uint64(20) {
		a := newAsking(t, seed)
		a.learn(1, "3")
		a.learn(2, "3")
		a.learn(3, "3")
		last := ""
		asked := a.wait(20 * time.Second)
		for _, s := range asked {
			if _, to, _ := strings.Cut(s, " "); to == last {
				t.Errorf("seed %d: the same peer twice in a row: %v", seed, asked)
			} else {
				last = to
			}
		}
		if len(asked) != protocol.WantTries {
			t.Errorf("seed %d: asked %d times", seed, len(asked))
		}
	}
}

func TestTheOnlyOneIsAskedAgainLaterAndLater(t *testing.T) {
	a := newAsking(t, 1)
	a.learn(1, "3")
	var last time.Duration
	var pauses []time.Duration
	for _, s := range a.wait(time.Minute) {
		at, _, _ := strings.Cut(s, " ")
		d, err := time.ParseDuration(at)
		if err != nil {
			t.Fatal(err)
		}
		if last > 0 {
			pauses = append(pauses, d-last)
		}
		last = d
	}
	if got := fmt.Sprint(pauses); got != "[100ms 200ms 400ms 800ms 1.6s 3.2s 5s]" {
		t.Errorf("pauses %s", got)
	}
	// After that it is forgotten, until a Vector names it again.
	if !a.f.Deadline().IsZero() || len(a.f.Missing(a.log)) > 0 {
		t.Error("asked for ever")
	}
	a.learn(1, "3")
	a.want(protocol.WantMax, "1:3")
}

func TestAPeerThatGoesIsReplacedAtOnce(t *testing.T) {
	for seed := range uint64(10) {
		a := newAsking(t, seed)
		a.learn(1, "3-5")
		a.want(protocol.WantMax, "1:3-5")
		a.learn(2, "3-4")
		a.f.Gone(instance(1))
		a.consistent()
		a.want(0, "2:3-4")
		if got := a.f.Missing(a.log).String(); got != "3-4" {
			t.Errorf("nobody has 5, but missing is %s", got)
		}
		if to, ok := a.f.Asked(a.log, 3); to != instance(2) || !ok {
			t.Errorf("3 was asked of %v, %t", to, ok)
		}
		a.f.Gone(instance(2))
		a.want(time.Minute)
	}
}

func TestWhoBringsSomethingIsGivenTime(t *testing.T) {
	a := newAsking(t, 1)
	a.learn(1, "1-10")
	a.learn(2, "1-10")
	first := a.wait(protocol.WantMax)
	for n := 10; n > 1; n-- {
		a.got(fmt.Sprint(n))
		a.want(90 * time.Millisecond)
	}
	if got := a.wait(400 * time.Millisecond); len(got) == 0 || strings.Split(got[0], " ")[1][0] == strings.Split(first[0], " ")[1][0] {
		t.Errorf("first asked %v, then, when no more came, %v", first, got)
	}
}

// A newcomer gets the newest page first, no more than a window at once, and all of it in the end.
func TestHistoryIsAskedFromTheNewestDown(t *testing.T) {
	a := newAsking(t, 1)
	a.learn(1, "1-3000")
	lowest, total, requests := uint64(3001), uint64(0), 0
	for range 3000 {
		next := a.f.Deadline()
		if next.IsZero() {
			break
		}
		a.now = a.now.Add(max(time.Millisecond, next.Sub(a.now)))
		for _, r := range a.f.Advance(a.now) {
			requests++
			for _, numbers := range r.Want.Ranges {
				if numbers.Last != lowest-1 {
					t.Fatalf("after %d asked for %s", lowest, numbers)
				}
				lowest = numbers.First
				total += numbers.Len()
			}
			for _, numbers := range r.Want.Ranges {
				a.got(numbers.String())
			}
		}
	}
	if total != 3000 || lowest != 1 || requests > 100 {
		t.Errorf("%d numbers asked for in %d requests, down to %d", total, requests, lowest)
	}
	// The next page is asked for when the last has come, not when it would be overdue.
	if d := a.now.Sub(noon); d > protocol.WantMax+time.Duration(requests)*time.Millisecond {
		t.Errorf("it took %v", d)
	}
}

func TestOlderPagesTakeLessRoom(t *testing.T) {
	a := newAsking(t, 1)
	a.learn(1, "1-10000")
	a.wait(protocol.WantMax)
	s := a.f.sources[0]
	most := func() (m uint64) {
		for range 20 {
			top := a.f.Missing(a.log).Max()
			for n := range uint64(20) {
				a.f.Got(a.log, top-n)
			}
			a.f.Advance(a.now)
			m = max(m, s.out)
		}
		return m
	}
	if m := most(); m <= protocol.WantBacklog || m > protocol.WantWindow {
		t.Errorf("%d at once for the first page", m)
	}
	most()
	if m := most(); m > protocol.WantBacklog {
		t.Errorf("%d at once for older pages", m)
	}
}

func TestLogsTakeTurns(t *testing.T) {
	a := newAsking(t, 1)
	for epoch := range uint64(50) {
		log := a.log
		log.Epoch = epoch + 1
		a.f.Learn(a.now, instance(1), log, set(t, "1-100"))
	}
	a.now = a.now.Add(protocol.WantMax)
	epochs := map[uint64]bool{}
	for _, r := range a.f.Advance(a.now) {
		epochs[r.Want.Epoch] = true
		if top := r.Want.Ranges[len(r.Want.Ranges)-1]; top.Last != 100 || top.Len() > protocol.FirstPage/50 {
			t.Errorf("of epoch %d asked for %s", r.Want.Epoch, top)
		}
	}
	if len(epochs) < protocol.WantWindow/2/(protocol.FirstPage/50) {
		t.Errorf("only %d of 50 logs were asked for", len(epochs))
	}
}

// Somebody claims more than there can be and brings nothing. Others are asked as if he were not there.
func TestLiarDelaysNobody(t *testing.T) {
	a := newAsking(t, 1)
	a.learn(1, fmt.Sprintf("1-%d", uint64(protocol.MaxSafeInteger)))
	asked := a.wait(time.Minute)
	if len(asked) > 100 {
		t.Errorf("the liar was asked %d times in a minute", len(asked))
	}
	if n := len(a.f.logs[0].asks); n > protocol.WantWindow {
		t.Errorf("%d asks are kept for him", n)
	}
	a.learn(2, "7-9")
	got := a.wait(10 * time.Second)
	honest := 0
	for _, s := range got {
		if strings.HasSuffix(s, " 2:7-9") {
			honest++
		}
	}
	if honest == 0 {
		t.Errorf("the honest one was not asked: %v", got)
	}
}

func TestWhoBroughtNothingRests(t *testing.T) {
	a := newAsking(t, 1)
	a.learn(1, "3")
	// Asked after 0, 100, 300, 700 and 1500 ms, each time 20 to 80 ms later; the fourth answer that did not come
	// makes it rest for 800 ms.
	a.wait(2 * time.Second)
	a.learn(1, "5")
	a.want(300 * time.Millisecond)
	a.want(100*time.Millisecond, "1:5")
	// What comes shows that it is worth asking.
	a.got("5")
	a.learn(1, "7")
	a.want(protocol.WantMax, "1:7")
}

func TestClaimsAreBounded(t *testing.T) {
	a := newAsking(t, 1)
	for epoch := range uint64(2 * protocol.MaxClaims) {
		log := a.log
		log.Epoch = epoch + 1
		a.f.Learn(a.now, instance(1), log, set(t, "1"))
	}
	if n := len(a.f.logs); n != protocol.MaxClaims {
		t.Errorf("%d logs are remembered", n)
	}
	a.f.Gone(instance(1))
	if len(a.f.logs)+len(a.f.byLog)+len(a.f.rooms) > 0 {
		t.Error("something is left of a peer that is gone")
	}
	if a.f.Advance(a.now.Add(time.Minute)); !a.f.Deadline().IsZero() {
		t.Error("something is due")
	}
}

func TestLeavingARoomEndsItsWants(t *testing.T) {
	a := newAsking(t, 1)
	a.learn(1, "1-9")
	a.wait(protocol.WantMax)
	a.f.Forget(other)
	if len(a.f.Missing(a.log)) == 0 {
		t.Error("leaving another room forgot this one")
	}
	a.f.Forget(lobby)
	a.consistent()
	a.want(time.Minute)
}
