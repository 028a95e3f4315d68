package ui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gdamore/tcell/v2"

	"earshot/peer"
)

// onStage runs a test with a screen in a village where bob is.
func onStage(t *testing.T, test func(t *testing.T, s *stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, clock: noon, width: 80, height: 24}
		s.village = newVillage(func() time.Time { return s.clock })
		s.person("bob").Online = true
		s.start()
		defer s.leave()
		test(t, s)
	})
}

func TestIdleWritesNothing(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		before := s.screen.shows
		time.Sleep(time.Hour)
		s.feed <- s.status()
		s.feed <- peer.Changed{Person: *s.person("bob")}
		s.settle()
		if n := s.screen.shows - before; n != 0 {
			t.Errorf("an idle hour drew the screen %d times", n)
		}
	})
}

func TestFloodIsDrawnThirtyTimesASecond(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		before := s.screen.shows
		for range 1000 {
			s.feed <- s.says("bob", s.room("#lobby"), "flood", nil)
			time.Sleep(time.Millisecond)
		}
		s.settle()
		if n := s.screen.shows - before; n < 20 || n > 31 {
			t.Errorf("a second of flood drew the screen %d times", n)
		}
		s.screen.InjectKey(tcell.KeyRune, 'x', 0)
		synctest.Wait()
		if rows := strings.Join(s.look(), "\n"); !strings.Contains(rows, "alice> x") {
			t.Errorf("the key is not shown:\n%s", rows)
		}
	})
}

func TestTheEndOfTheChatEndsTheScreen(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.feed <- nil
		err := <-s.done
		if !errors.Is(err, peer.ErrClosed) {
			t.Errorf("Run: %v", err)
		}
		s.done = nil
	})
}

// TestTheScreenOutlivesAChatThatComesBack: with what is in the composer, and what was said meanwhile.
func TestTheScreenOutlivesAChatThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wrong error
		tries := 0
		s := &stage{t: t, clock: noon, width: 80, height: 24}
		s.village = newVillage(func() time.Time { return s.clock })
		s.options.Again = func(context.Context) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			tries++
			return wrong
		}
		fails := func(err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			wrong, tries = err, 0
		}
		s.person("bob").Online = true
		s.ready.Rooms = append(s.ready.Rooms, s.room("#den"))
		s.start()
		defer s.leave()
		sees := func(want string, is bool) {
			t.Helper()
			if rows := strings.Join(s.look(), "\n"); strings.Contains(rows, want) != is {
				t.Errorf("%q is shown: %t\n%s", want, !is, rows)
			}
		}
		play := func(lines ...string) {
			t.Helper()
			for _, l := range lines {
				if err := s.do(l); err != nil {
					t.Fatalf("%s: %v", l, err)
				}
			}
		}
		play("bob says #lobby before", "type a long draft")
		fails(errors.New("the daemon has ended"))
		s.feed <- nil
		s.settle()
		time.Sleep(time.Minute)
		sees("the daemon has ended", true)
		sees("alice> a long draft", true)
		s.mu.Lock()
		if tries < 100 || tries > 130 {
			t.Errorf("it was tried %d times in a minute", tries)
		}
		s.person("bob").Online = false
		s.ready.Rooms, s.ready.People = []peer.Room{s.room("#lobby"), s.room("#go")}, slices.Clone(s.people)
		s.mu.Unlock()
		s.says("bob", s.room("#lobby"), "in between", nil)
		s.says("bob", s.room("#go"), "elsewhere", nil)
		fails(nil)
		time.Sleep(time.Second)
		s.settle()
		for _, want := range []string{"in between", "○ bob", "#go", "the connection is back", "alice> a long draft"} {
			sees(want, true)
		}
		sees("#den", false)
		play("bob says #lobby and on", "press Enter")
		sees("and on", true)
		if len(s.said) != 1 || s.said[0] != "#lobby a long draft" {
			t.Errorf("the chat heard %q", s.said)
		}
		fails(errors.New("gone for good"))
		s.feed <- nil
		s.settle()
		play("type /quit", "press Enter") // also while there is none
		if err := <-s.done; err != nil {
			t.Errorf("Run: %v", err)
		}
		s.done = nil
	})
}

func TestTheEndOfTheTerminalEndsTheScreen(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		_ = s.screen.PostEvent(tcell.NewEventError(errors.New("gone")))
		if err := <-s.done; !errors.Is(err, errNoTerminal) {
			t.Errorf("Run: %v", err)
		}
		s.done = nil
	})
}

// TestQuittingWaitsForWhatWasSaid: /quit right behind a line does not lose the line.
func TestQuittingWaitsForWhatWasSaid(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.slow = 300 * time.Millisecond
		for _, line := range []string{"last words", "/quit"} {
			for _, r := range line {
				s.screen.InjectKey(tcell.KeyRune, r, 0)
			}
			s.screen.InjectKey(tcell.KeyEnter, 0, 0)
		}
		if err := <-s.done; err != nil {
			t.Error(err)
		}
		s.done = nil
		if len(s.said) != 1 {
			t.Errorf("the chat heard %q", s.said)
		}
	})
}

func TestAContextThatEndsEndsTheScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scr := tcell.NewSimulationScreen("UTF-8")
		if err := scr.Init(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Run(ctx, newVillage(time.Now), Options{Screen: scr}); err != nil {
			t.Error(err)
		}
	})
}
