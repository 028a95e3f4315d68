package ui

import (
	"fmt"
	"testing"

	"earshot/peer"
)

// TestOnwardFindsWhatFollows: the chat reads backwards, and yet no line is left out on the way on, however the Lamport
// clock has leapt and however many spoke at one tick of it.
func TestOnwardFindsWhatFollows(t *testing.T) {
	for name, lamport := range map[string]func(i int) uint64{
		"one by one":   func(i int) uint64 { return uint64(i) },
		"many at once": func(i int) uint64 { return uint64(i / 100) },
		"all at once":  func(int) uint64 { return 5 },
		"leaps":        func(i int) uint64 { return uint64(i) << 20 },
		"one far away": func(i int) uint64 { return uint64(i + i/450*(1<<52)) },
		"leap to many": func(i int) uint64 { return uint64(i/50) << 40 },
	} {
		_, v := newTestModel()
		room := v.room("#lobby")
		for i := range 500 {
			v.says("bob", room, fmt.Sprint(i), func(m *peer.Message) {
				m.Place.Lamport, m.Place.Seq = lamport(i+1), uint64(i)
			})
		}
		all := v.history[room.ID]
		v.pages = 0
		at, rounds := all[20].Place, 0
		var got []peer.Message
		for end := false; !end; rounds++ {
			page, last, err := onward(t.Context(), v, room.ID, at, all[499].Place, 30)
			if err != nil || rounds > 500 || len(page) == 0 && !last {
				t.Fatalf("%s: round %d: %d lines, %v", name, rounds, len(page), err)
			}
			got, end = append(got, page...), last
			if len(got) > 0 {
				at = got[len(got)-1].Place
			}
		}
		if len(got) != 479 {
			t.Fatalf("%s: %d lines follow", name, len(got))
		}
		for i, m := range got {
			if m.ID != all[21+i].ID {
				t.Fatalf("%s: line %d is %s", name, i, m.Text)
			}
		}
		if v.pages > 100*rounds {
			t.Errorf("%s: %d pages were read in %d rounds", name, v.pages, rounds)
		}
	}
}

// TestAConversationIsAWindow: however much is said, and wherever one scrolls, few lines are in memory.
func TestAConversationIsAWindow(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		w := s.window
		c := w.m.current
		for i := range 6_000 {
			s.feed <- s.says("bob", s.room("#lobby"), fmt.Sprint("line ", i+1), nil)
		}
		check := func(when string) {
			t.Helper()
			s.settle()
			if n := len(c.lines); n > keepLines+spareLines || len(c.byID) != c.messages {
				t.Errorf("%s: %d lines and %d names of %d messages are in memory", when, n, len(c.byID), c.messages)
			}
			for i := 1; i < len(c.lines); i++ {
				if c.lines[i-1].message && c.lines[i].message && c.lines[i].place.Lamport != c.lines[i-1].place.Lamport+1 {
					t.Fatalf("%s: line %d is followed by %d", when, c.lines[i-1].place.Lamport, c.lines[i].place.Lamport)
				}
			}
		}
		check("after a flood")
		for range 40 {
			w.app.QueueUpdateDraw(w.page.timeline.toTop)
			check("on the way up")
		}
		if !c.whole || c.lines[0].text != "line 1" && c.lines[1].text != "line 1" {
			t.Errorf("the top is %q", c.lines[0].text)
		}
		for range 600 {
			w.app.QueueUpdateDraw(func() { w.page.timeline.page(1) })
		}
		check("on the way down")
		if c.cut || c.place.line != nil {
			t.Errorf("the end was not reached: %v", c.newest().Lamport)
		}
	})
}
