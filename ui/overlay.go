package ui

import (
	"context"
	"fmt"
	"strings"

	"github.com/gdamore/tcell/v2"

	"earshot/protocol"
)

// help covers the conversation with the tables of keys and commands.
type help struct {
	w      *window
	from   int
	height int
	lines  int
}

type helpLine struct{ left, text string }

// helpLines makes the help from the two tables.
func helpLines(keys []binding, commands []command, g glyphs) []helpLine {
	out := []helpLine{{left: "Commands"}}
	for _, c := range commands {
		out = append(out, helpLine{"/" + strings.TrimSpace(c.name+" "+c.args), c.help})
	}
	out = append(out, helpLine{"//text", "say a text that begins with a slash"})
	for _, group := range []string{"Going", "Reading", "Writing", "Other"} {
		out = append(out, helpLine{}, helpLine{left: group})
		for _, b := range keys {
			if b.group == group && b.help != "" {
				out = append(out, helpLine{strings.Join(b.keys[:min(2, len(b.keys))], ", "), b.help})
			}
		}
	}
	return append(out, helpLine{}, helpLine{left: "Marks of your lines"},
		helpLine{g.stored, "stored here, nobody has it yet"}, helpLine{g.some + " 2/3", "two of three have stored it"},
		helpLine{g.all, "everybody it is for has stored it"})
}

func (h *help) draw(scr tcell.Screen, x, y, w, height int) {
	th := h.w.page.th
	column := min(19, w*2/5)
	type row struct {
		left, text string
		heading    bool
	}
	var rows []row
	for _, l := range helpLines(h.w.keys, h.w.commands, th.g) {
		if l.text == "" {
			rows = append(rows, row{left: l.left, heading: true})
			continue
		}
		for i, r := range wrap(l.text, w-column-2) {
			left := ""
			if i == 0 {
				left = clip(l.left, column, th.g.more)
			}
			rows = append(rows, row{left: left, text: l.text[r.start:r.end]})
		}
	}
	h.height, h.lines = height-1, len(rows)
	h.from = max(0, min(h.from, h.lines-h.height))
	for i := 0; i < h.height && h.from+i < len(rows); i++ {
		r := rows[h.from+i]
		style := th.text
		if r.heading {
			style = th.accent
		}
		put(scr, x, y+i, x+w, r.left, style)
		put(scr, x+column+2, y+i, x+w, r.text, th.dim)
	}
	foot := "Esc closes"
	if h.lines > h.height {
		foot = fmt.Sprintf("%d%% %s PgUp PgDn scroll, Esc closes", min(100, (h.from+h.height)*100/h.lines), th.g.note)
	}
	put(scr, x, y+height-1, x+w, foot, th.dim)
}

func (h *help) key(name string, _ *tcell.EventKey) bool {
	switch name {
	case "Esc", "F1", "q", "Ctrl+C", "Enter":
		h.w.page.overlay = nil
	case "PgDn", " ":
		h.from += max(1, h.height-1)
	case "PgUp":
		h.from -= max(1, h.height-1)
	case "Down", "j":
		h.from++
	case "Up", "k":
		h.from--
	case "Alt+Home", "Home", "g":
		h.from = 0
	case "Alt+End", "End", "G":
		h.from = h.lines
	default:
		return false
	}
	return true
}

// switcher goes to a room or a person by a few letters of the name.
type switcher struct {
	w   *window
	ask editor
	at  int
}

// goal is where the switcher may lead.
type goal struct {
	name string
	note string
	c    *conv
	who  protocol.PeerID
}

// goals is what fits the letters so far: unread first, then what is open, then people.
func (s *switcher) goals() []goal {
	m := s.w.m
	var unread, open, rest []goal
	seen := map[protocol.PeerID]bool{}
	for _, c := range m.convs {
		g := goal{name: m.title(c), c: c}
		seen[c.room.With] = true
		switch {
		case c.unread > 0:
			g.note = fmt.Sprintf("%d unread", c.unread)
			unread = append(unread, g)
		case c != m.current:
			open = append(open, g)
		}
	}
	for _, p := range m.sorted() {
		if !seen[p.ID] {
			rest = append(rest, goal{name: m.label(p.ID, p.Name), note: m.state(p), who: p.ID})
		}
	}
	return rank(s.ask.text, append(append(unread, open...), rest...), func(g goal) string { return g.name })
}

func (s *switcher) draw(scr tcell.Screen, x, y, w, h int) {
	th := s.w.page.th
	goals := s.goals()
	s.at = max(0, min(s.at, len(goals)-1))
	if len(goals) == 0 {
		put(scr, x+2, y, x+w, "nothing by that name", th.dim)
	}
	from := max(0, s.at-h+2)
	for i := 0; i < h-1 && from+i < len(goals); i++ {
		g, style := goals[from+i], th.text
		if from+i == s.at {
			style = th.accent.Bold(true)
			put(scr, x, y+i, x+w, th.g.current, style)
		}
		at := put(scr, x+2, y+i, x+w, g.name, style)
		put(scr, max(at+2, x+24), y+i, x+w, g.note, th.dim)
	}
	put(scr, x+2, y+h-1, x+w, "Enter goes there, Esc stays here", th.dim)
}

func (s *switcher) key(name string, _ *tcell.EventKey) bool {
	n := len(s.goals())
	switch name {
	case "Esc", "Ctrl+C", "Ctrl+G":
		s.close()
	case "Up", "Ctrl+P", "Shift+Tab":
		s.at = max(0, s.at-1)
	case "Down", "Ctrl+N", "Tab", "Ctrl+K":
		s.at = min(n-1, s.at+1)
	case "Enter":
		goals := s.goals()
		s.close()
		if s.at < 0 || s.at >= len(goals) {
			return true
		}
		if g := goals[s.at]; g.c != nil {
			s.w.show(g.c)
		} else {
			s.w.visit(g.who)
		}
	default:
		return false
	}
	return true
}

func (s *switcher) close() {
	s.w.page.overlay = nil
	s.w.page.composer.ask, s.w.page.composer.prompt = nil, ""
}

// visit opens the conversation with somebody.
func (w *window) visit(id protocol.PeerID) {
	w.call(func(ctx context.Context) func() {
		room, err := w.chat.Query(ctx, id.String())
		return func() {
			if err != nil {
				w.page.status.say(reason(err), true)
				return
			}
			w.show(w.m.open(room))
		}
	})
}

func (w *window) openHelp() {
	w.closeOverlay()
	w.page.overlay = &help{w: w}
}

func (w *window) openSwitcher() {
	w.closeOverlay()
	s := &switcher{w: w}
	w.page.overlay = s
	w.page.composer.ask, w.page.composer.prompt = &s.ask, "go to> "
}

func (w *window) closeOverlay() {
	if s, ok := w.page.overlay.(*switcher); ok {
		s.close()
	}
	w.page.overlay = nil
}
