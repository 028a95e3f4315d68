package ui

import (
	"github.com/gdamore/tcell/v2"
	"github.com/google/uuid"
)

// selection goes through the lines of a conversation, one of which is pointed at.
type selection struct{ w *window }

// openSelection points at a line: the one that is pointed at already, else the last one in sight.
func (w *window) openSelection() bool {
	c := w.m.current
	l := c.byID[c.hit]
	for i := len(c.lines) - 1; i >= 0 && l == nil; i-- {
		if x := c.lines[i]; x.message && (c.place.line == nil || w.page.timeline.sees(x)) {
			l = x
		}
	}
	if l == nil {
		return false
	}
	w.closeOverlay()
	w.page.overlay = &selection{w}
	w.choose(l)
	return true
}

func (w *window) choose(l *line) {
	w.m.current.hit = l.id
	w.page.timeline.reveal(l)
	w.page.status.show("j k g G move  y copies  r replies  Enter details  Esc back", false)
}

func (s *selection) draw(scr tcell.Screen, _, _, _, _ int) { s.w.page.timeline.Draw(scr) }

func (s *selection) key(name string, ev *tcell.EventKey) bool {
	w, c := s.w, s.w.m.current
	l := c.byID[c.hit]
	if l == nil {
		w.closeOverlay()
		return false
	}
	switch name {
	case "Up", "k":
		s.move(l, -1)
	case "Down", "j":
		if !s.move(l, 1) {
			s.leave()
		}
	case "PgUp":
		w.page.timeline.page(-1)
		s.into(-1)
	case "PgDn":
		w.page.timeline.page(1)
		s.into(1)
	case "g", "Home", "Alt+Home":
		w.page.timeline.toTop()
		s.into(-1)
	case "G", "End", "Alt+End":
		if c.cut {
			s.leave()
			break
		}
		s.move(l, len(c.lines))
	case "y":
		w.screen.SetClipboard([]byte(l.text))
		s.leave()
		w.page.status.say("copied", false)
	case "r":
		s.leave()
		c.draft.insert(w.m.label(l.author, l.name) + ": ")
	case "Enter":
		w.openDetails(l)
	case "Esc", "Ctrl+C":
		s.leave()
	default:
		s.leave()
		return false
	}
	return true
}

// move points at the message that is by messages further on, and tells whether there is another one.
func (s *selection) move(from *line, by int) bool {
	c := s.w.m.current
	step := 1
	if by < 0 {
		step = -1
	}
	to := from
	for i := c.index(from) + step; i >= 0 && i < len(c.lines) && by != 0; i += step {
		if c.lines[i].message {
			to = c.lines[i]
			by -= step
		}
	}
	s.w.choose(to)
	return to != from
}

// into points at a message in sight, the first if one went up, else the last.
func (s *selection) into(step int) {
	c, t := s.w.m.current, s.w.page.timeline
	var found *line
	for _, l := range c.lines {
		if l.message && t.sees(l) {
			found = l
			if step < 0 {
				break
			}
		}
	}
	if found != nil {
		s.w.choose(found)
	}
}

// leave goes back to the composer; a view at its end follows it again.
func (s *selection) leave() {
	s.w.closeOverlay()
	s.w.page.status.clear()
	s.w.m.current.hit = uuid.UUID{}
}
