package ui

import (
	"fmt"
	"slices"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"earshot/protocol"
)

// sidebar lists rooms and people, with the digit of Alt+digit for what is open.
type sidebar struct {
	*tview.Box
	m  *model
	th *theme
}

// entry is one row of the sidebar.
type entry struct {
	heading string
	glyph   string
	name    string
	digit   int // 0: none
	c       *conv
	here    bool
}

// entries is every row, top to bottom.
func (s *sidebar) entries() []entry {
	m, g := s.m, s.th.g
	rows := []entry{{heading: "rooms"}}
	direct := map[protocol.PeerID]entry{}
	for i, c := range m.convs {
		e := entry{name: m.title(c), c: c, here: true}
		if i < 9 {
			e.digit = i + 1
		}
		if c.room.Direct() {
			e.glyph = g.offline
			direct[c.room.With] = e
			continue
		}
		rows = append(rows, e)
	}
	people := []entry{}
	for _, p := range m.sorted() {
		e := direct[p.ID]
		delete(direct, p.ID)
		e.name, e.here = m.label(p.ID, p.Name), p.Online
		switch {
		case !p.Online:
			e.glyph = g.offline
		case p.Away != "":
			e.glyph = g.away
		default:
			e.glyph = g.online
		}
		people = append(people, e)
	}
	for _, c := range m.convs { // with people whom nobody has met since the start
		if e, ok := direct[c.room.With]; ok && c.room.Direct() {
			e.here = false
			people = append(people, e)
		}
	}
	rows = append(rows, entry{heading: "people"})
	if len(people) == 0 {
		return append(rows, entry{name: "nobody yet"})
	}
	return append(rows, people...)
}

func (s *sidebar) Draw(scr tcell.Screen) {
	x, y, w, h := s.GetRect()
	rows := s.entries()
	from := 0
	if len(rows) > h { // the current one stays in sight
		at := slices.IndexFunc(rows, func(e entry) bool { return e.c != nil && e.c == s.m.current })
		from = max(0, min(at-h/2, len(rows)-h))
	}
	for i := 0; i < h && from+i < len(rows); i++ {
		if i == h-1 && from+h < len(rows) {
			put(scr, x+2, y+i, x+w, fmt.Sprintf("%s %d more", s.th.g.more, len(rows)-from-i), s.th.dim)
			return
		}
		s.row(scr, x, y+i, w, rows[from+i])
	}
}

func (s *sidebar) row(scr tcell.Screen, x, y, w int, e entry) {
	th := s.th
	if e.heading != "" {
		put(scr, x+1, y, x+w, e.heading, th.dim)
		return
	}
	end := x + w
	name, mark := th.text, th.dim
	if !e.here || e.glyph == "" && e.c == nil {
		name = th.dim
	}
	if e.c != nil && e.c == s.m.current {
		name = th.accent.Bold(true)
	}
	if e.glyph == th.g.online {
		mark = th.accent
	}
	if e.c != nil && e.c.unread > 0 {
		count := fmt.Sprint(e.c.unread)
		if e.c.unread > 999 {
			count = "999+"
		}
		style := th.strong
		if e.c.mentions > 0 {
			style = th.accent.Bold(true)
			count = "!" + count
			if e.c.room.Direct() {
				count = count[1:]
			}
		}
		if e.c != s.m.current {
			name = name.Bold(true).Dim(false)
		}
		put(scr, end-width(count), y, end, count, style)
		end -= width(count) + 1
	}
	if e.digit > 0 {
		put(scr, x, y, end, fmt.Sprint(e.digit), th.dim)
	}
	at := x + 2
	if e.glyph != "" {
		at = put(scr, at, y, end, e.glyph, mark) + 1
	}
	put(scr, at, y, end, clipName(e.name, end-at, th.g.more), name)
}
