package ui

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gdamore/tcell/v2"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite the screens in testdata")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestScripts plays testdata/*.txt. Each line of a script is one thing that the person, the people around, or the
// terminal does, or a look at the screen. "screen is" is followed by the rows, each behind a '|'.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				s := &stage{t: t, file: file, clock: time.Date(2026, 11, 20, 9, 14, 0, 0, time.UTC), width: 80, height: 24}
				s.village = newVillage(func() time.Time { return s.clock })
				s.play(string(text))
			})
		})
	}
}

// stage is a screen in a village.
type stage struct {
	*village
	t             *testing.T
	file          string
	clock         time.Time
	width, height int
	options       Options
	screen        *bellScreen
	window        *window
	done          chan error
	stop          context.CancelFunc
}

// bellScreen counts what it is asked besides drawing.
type bellScreen struct {
	tcell.SimulationScreen
	bells, shows int
}

func (b *bellScreen) Beep() error { b.bells++; return nil }
func (b *bellScreen) Show()       { b.shows++; b.SimulationScreen.Show() }

func (s *stage) play(script string) {
	lines := strings.Split(strings.TrimSuffix(script, "\n"), "\n")
	defer s.leave()
	var out []string
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		out = append(out, line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line == "screen is" {
			var want []string
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|") {
				i++
				want = append(want, lines[i])
			}
			got := s.look()
			for j, row := range got {
				got[j] = "|" + row
			}
			out = append(out, got...)
			if !*update && strings.Join(got, "\n") != strings.Join(want, "\n") {
				s.t.Errorf("%s:%d: the screen is\n%s", s.file, i+1, strings.Join(got, "\n"))
			}
			continue
		}
		if err := s.do(line); err != nil {
			s.t.Fatalf("%s:%d: %s: %v\n%s", s.file, i+1, line, err, strings.Join(s.look(), "\n"))
		}
	}
	s.leave()
	if *update {
		if err := os.WriteFile(s.file, []byte(strings.Join(out, "\n")+"\n"), 0o666); err != nil {
			s.t.Fatal(err)
		}
	}
}

// start opens the screen.
func (s *stage) start() {
	sim := tcell.NewSimulationScreen("UTF-8")
	if err := sim.Init(); err != nil {
		s.t.Fatal(err)
	}
	sim.SetSize(s.width, s.height)
	s.screen = &bellScreen{SimulationScreen: sim}
	s.options.Screen, s.options.Now, s.options.Location = s.screen, func() time.Time { return s.clock }, time.UTC
	s.ready.People = s.people
	s.ready.Status = s.status()
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	s.done = make(chan error, 1)
	s.window = newWindow(s.village, s.options)
	go func() { s.done <- s.window.run(ctx) }()
	s.settle()
}

func (s *stage) leave() {
	if s.done == nil {
		return
	}
	s.stop()
	if err := <-s.done; err != nil {
		s.t.Errorf("Run: %v", err)
	}
	s.done = nil
}

// settle waits until nothing moves any more.
func (s *stage) settle() {
	synctest.Wait()
	time.Sleep(200 * time.Millisecond)
	synctest.Wait()
}

// look reads the screen, with the cursor in a last row.
func (s *stage) look() []string {
	if s.screen == nil || s.done == nil {
		return []string{"(no screen)"}
	}
	cells, w, h := s.screen.GetContents()
	var rows []string
	for y := range h {
		var b strings.Builder
		for x := 0; x < w; {
			text := string(cells[y*w+x].Runes)
			b.WriteString(text)
			x += max(1, width(text))
		}
		rows = append(rows, strings.TrimRight(b.String(), " "))
	}
	x, y, seen := s.screen.GetCursor()
	if seen {
		rows = append(rows, fmt.Sprintf("cursor %d,%d", x, y))
	}
	return rows
}

func (s *stage) do(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "start":
		s.start()
	case "ascii":
		s.options.ASCII = true
	case "size":
		w, h, _ := strings.Cut(rest, "x")
		s.width, _ = strconv.Atoi(w)
		s.height, _ = strconv.Atoi(h)
		if s.screen != nil {
			s.screen.SetSize(s.width, s.height)
			_ = s.screen.PostEvent(tcell.NewEventResize(s.width, s.height))
		}
	case "at":
		at, err := time.Parse("2006-01-02 15:04", rest)
		if err != nil {
			return err
		}
		s.clock = at
		return nil
	case "type":
		for _, r := range rest {
			s.screen.InjectKey(tcell.KeyRune, r, 0)
		}
	case "press":
		for name := range strings.FieldsSeq(rest) {
			ev, err := named(name)
			if err != nil {
				return err
			}
			s.screen.InjectKey(ev.Key(), ev.Rune(), ev.Modifiers())
		}
	case "paste":
		text, err := strconv.Unquote(rest)
		if err != nil {
			return err
		}
		_ = s.screen.PostEvent(tcell.NewEventPaste(true))
		for _, r := range text {
			s.screen.InjectKey(tcell.KeyRune, r, 0)
			synctest.Wait()
		}
		_ = s.screen.PostEvent(tcell.NewEventPaste(false))
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		time.Sleep(d)
	case "focus", "blur":
		_ = s.screen.PostEvent(tcell.NewEventFocus(verb == "focus"))
	case "screen":
		return s.check(rest)
	case "bells":
		if fmt.Sprint(s.screen.bells) != rest {
			return fmt.Errorf("%d", s.screen.bells)
		}
	case "chat":
		return s.chat(rest)
	case "quits":
		s.settle()
		select {
		case err := <-s.done:
			s.done = nil
			return err
		default:
			return fmt.Errorf("it does not")
		}
	default:
		if err := s.happens(verb, rest); err != nil {
			return err
		}
	}
	if s.screen != nil {
		s.settle()
	}
	return nil
}

// check looks for a text on the screen.
func (s *stage) check(what string) error {
	how, text, _ := strings.Cut(what, " ")
	if has := strings.Contains(strings.Join(s.look(), "\n"), text); has != (how == "shows") {
		return fmt.Errorf("it does not, or does")
	}
	return nil
}

// named is the key of a name as the table of keys has it.
func named(name string) (*tcell.EventKey, error) {
	mod := tcell.ModNone
	base := name
	for {
		m, rest, ok := strings.Cut(base, "+")
		if !ok || rest == "" {
			break
		}
		mod |= map[string]tcell.ModMask{"Ctrl": tcell.ModCtrl, "Alt": tcell.ModAlt, "Shift": tcell.ModShift}[m]
		base = rest
	}
	switch {
	case base == "Tab" && mod == tcell.ModShift:
		return tcell.NewEventKey(tcell.KeyBacktab, 0, 0), nil
	case base == "Space":
		return tcell.NewEventKey(tcell.KeyRune, ' ', 0), nil
	case mod == tcell.ModCtrl && base == "_":
		return tcell.NewEventKey(tcell.KeyCtrlUnderscore, 0, mod), nil
	case len(base) == 1 && mod&tcell.ModCtrl != 0:
		return tcell.NewEventKey(tcell.KeyCtrlA+tcell.Key(base[0]-'A'), 0, mod), nil
	case len(base) == 1:
		return tcell.NewEventKey(tcell.KeyRune, []rune(strings.ToLower(base))[0], mod), nil
	}
	for k, n := range tcell.KeyNames {
		if n == base {
			return tcell.NewEventKey(k, 0, mod), nil
		}
	}
	return nil, fmt.Errorf("no key %s", name)
}
