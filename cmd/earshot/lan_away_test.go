package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Bob is away while alice speaks, to everybody and to him alone, and alice is gone when he is back: carol has kept it all.
func TestWhoWasAwayHasItAllFromSomebodyElse(t *testing.T) {
	t.Parallel()
	for _, loss := range []int{0, lossy} {
		t.Run(fmt.Sprintf("%d %% loss", loss), func(t *testing.T) {
			t.Parallel()
			h := newHosts(t, 3)
			for host := 1; host <= 3 && loss > 0; host++ {
				h.Loss(host, loss)
			}
			alice, bob, carol := h.listen(1), h.listen(2), h.listen(3)
			meet(alice, bob, carol)
			h.must(2, "send", "--wait", "all", "--timeout", "30s", "I am off")
			bob.stop()
			alice.saw(0, "left", "n2")
			carol.saw(0, "left", "n2")

			const open, secret = "bob will want to know this", "for bob alone"
			h.must(1, "send", "--timeout", "30s", open)
			if r := h.run(1, "send", "--timeout", "1ms", "--to", "n2", secret); r.code != exitLate {
				t.Errorf("send to somebody away: %+v", r)
			}
			carol.said("#lobby", open)
			eventually(t, func() (string, bool) {
				k, err := h.keeps(3)
				return fmt.Sprintf("%v %v", k, err), err == nil && len(k.state.Mail) == 1
			})
			alice.stop()
			carol.saw(0, "left", "n1")
			carol.kill() // what it carries survives that
			carol = h.listen(3)

			bob = h.listen(2)
			letter := bob.said("@n1", secret)
			t.Logf("bob is back for %v when he reads what is for him", letter.at.Sub(bob.started).Round(time.Millisecond))
			eventually(t, func() (string, bool) { // what was said to all before he came back is history
				got := h.must(2, "history")
				return got, strings.Contains(got, open)
			})
			eventually(t, func() (string, bool) { // carol need not carry it any more
				k, err := h.keeps(3)
				return fmt.Sprintf("%v %v", k, err), err == nil && len(k.state.Mail) == 0
			})

			alice = h.listen(1)
			alice.await("bob's receipt", func(all []event) bool {
				return slices.ContainsFunc(all, func(x event) bool { return x.Type == "delivered" && x.ID == letter.ID })
			})
			h.quiet(3)
			for _, e := range []*ear{alice, bob, carol} {
				e.once()
				e.stop()
			}
			for i, k := range h.sameEverywhere(3) {
				if n := len(k.said[secret]); n != 1 && i < 2 || n != 0 && i == 2 {
					t.Errorf("n%d has %q %d times", i+1, secret, n)
				}
			}
		})
	}
}
