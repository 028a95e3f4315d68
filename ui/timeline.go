package ui

import (
	"fmt"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// timeline draws one conversation. It lays out only the lines that are on the screen, whatever the length of the rest,
// and draws text as cells: nothing in it is markup.
type timeline struct {
	*tview.Box
	m     *model
	th    *theme
	rows  map[*line]wrapped // of the lines that the last drawing needed
	width int
	older func(*conv) // asked when the top comes into sight
}

type wrapped struct {
	text  string // what was wrapped: the text of a note may grow
	width int
	rows  []span
}

// columns is how a row is divided at the present width.
type columns struct{ time, name, text, width int }

func (t *timeline) columns() columns {
	c := columns{width: t.width}
	switch {
	case t.width >= 90:
		c.name = 14
	case t.width >= 56:
		c.name = 10
	default:
		c.name = 8
	}
	c.name = min(c.name, t.width/3)
	if t.width >= 44 {
		c.time = 6
	}
	c.text = c.time + c.name + 2
	return c
}

// lead is the separators above line i.
func (t *timeline) lead(i int) (day, unread bool) {
	c := t.m.current
	l := c.lines[i]
	unread = l == c.mark
	if i == 0 {
		return c.messages > 0, unread
	}
	return !sameDay(c.lines[i-1].time.In(t.m.loc), l.time.In(t.m.loc)), unread
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

func (t *timeline) leads(i int) int {
	n := 0
	day, unread := t.lead(i)
	if day {
		n++
	}
	if unread {
		n++
	}
	return n
}

// body is the rows of the text of line i.
func (t *timeline) body(i int) []span {
	l := t.m.current.lines[i]
	text := t.text(l)
	w := t.width - t.columns().text
	if mark := t.markWidth(l); mark > 0 {
		w -= mark + 1
	}
	if b, ok := t.rows[l]; ok && b.text == text && b.width == w {
		return b.rows
	}
	b := wrapped{text, w, wrap(text, w)}
	t.rows[l] = b
	return b.rows
}

// text is what is wrapped of a line.
func (t *timeline) text(l *line) string {
	if l.action {
		return t.m.label(l.author, l.name) + " " + l.text
	}
	return l.text
}

func (t *timeline) height(i int) int { return t.leads(i) + len(t.body(i)) }

func (t *timeline) Draw(scr tcell.Screen) {
	x, y, w, h := t.GetRect()
	c := t.m.current
	if h <= 0 || w <= 0 {
		return
	}
	if w != t.width || t.rows == nil {
		t.width, t.rows = w, map[*line]wrapped{}
	}
	if c.messages == 0 {
		used := t.welcome(scr, x, y, w, h)
		y, h = y+used, h-used
	}
	seen := make(map[*line]wrapped, len(t.rows))
	at := spot{}
	if h > 0 {
		at = t.top(h)
	}
	for i, row, drawn := at.line, at.row, 0; i < len(c.lines) && drawn < h; i, row = i+1, 0 {
		for n := t.height(i); row < n && drawn < h; row++ {
			t.drawRow(scr, x, y+drawn, i, row)
			drawn++
		}
		seen[c.lines[i]] = t.rows[c.lines[i]]
	}
	t.rows = seen
	if at == (spot{}) && !c.whole && !c.cleared && t.older != nil {
		t.older(c)
	}
}

func (t *timeline) drawRow(scr tcell.Screen, x, y, i, row int) {
	th, col := t.th, t.columns()
	l := t.m.current.lines[i]
	end := x + t.width
	day, unread := t.lead(i)
	if day {
		if row == 0 {
			t.separator(scr, x, y, end, t.day(l.time), th.dim)
			return
		}
		row--
	}
	if unread {
		if row == 0 {
			t.separator(scr, x, y, end, "unread", th.accent)
			return
		}
		row--
	}
	text, rows := t.text(l), t.body(i)
	style := th.text
	if l.old || !l.message && !l.trouble {
		style = th.dim
	}
	if row == 0 {
		if col.time > 0 {
			put(scr, x, y, end, l.time.In(t.m.loc).Format("15:04"), th.dim)
		}
		name, nstyle := t.name(l)
		name = clipName(name, col.name, th.g.more)
		put(scr, x+col.time+col.name-width(name), y, x+col.text, name, nstyle)
	}
	put(scr, x+col.text, y, end, text[rows[row].start:rows[row].end], style)
	if row == len(rows)-1 {
		mark := t.mark(l)
		put(scr, end-width(mark), y, end, mark, th.dim)
	}
}

// name is what stands in the column of names.
func (t *timeline) name(l *line) (string, tcell.Style) {
	th := t.th
	switch {
	case l.trouble:
		return th.g.trouble, th.alert
	case !l.message:
		return th.g.note, th.dim
	case l.action:
		return "*", th.dim
	case l.old:
		return t.m.label(l.author, l.name), th.dim
	case l.own:
		return t.m.label(l.author, l.name), th.accent
	case l.mention:
		return t.m.label(l.author, l.name), th.accent.Bold(true).Reverse(true)
	}
	return t.m.label(l.author, l.name), th.strong
}

// mark is what stands at the right edge: what became of an own line, or that a clock is off.
func (t *timeline) mark(l *line) string {
	g := t.th.g
	switch {
	case l.own && l.reached == 0:
		return g.stored
	case l.own && l.reached >= l.audience:
		if l.audience > 1 {
			return fmt.Sprintf("%s %d/%d", g.all, l.reached, l.audience)
		}
		return g.all
	case l.own:
		return fmt.Sprintf("%s %d/%d", g.some, l.reached, l.audience)
	case l.skew != 0:
		return "clock " + skew(l.skew)
	}
	return ""
}

// markWidth is the room that the mark of a line may come to need, so that no text moves when people receive it.
func (t *timeline) markWidth(l *line) int {
	switch {
	case l.own && l.audience > 1:
		return width(fmt.Sprintf("%s %d/%d", t.th.g.all, l.audience, l.audience))
	case l.own:
		return 2
	}
	return width(t.mark(l))
}

func skew(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign, d = "-", -d
	}
	switch {
	case d < 2*time.Hour:
		return fmt.Sprintf("%s%d min", sign, int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%s%d h", sign, int(d.Hours()))
	}
	return fmt.Sprintf("%s%d days", sign, int(d.Hours()/24))
}

func (t *timeline) day(at time.Time) string {
	at = at.In(t.m.loc)
	if at.Year() != t.m.now().In(t.m.loc).Year() {
		return at.Format("Monday 2 January 2006")
	}
	return at.Format("Monday 2 January")
}

// separator draws a thin line with a word in its middle.
func (t *timeline) separator(scr tcell.Screen, x, y, end int, word string, style tcell.Style) {
	fill(scr, x, y, end, t.th.g.horizontal, style)
	w := width(word) + 2
	if at := x + (end-x-w)/2; w < end-x {
		put(scr, at, y, end, " "+word+" ", style)
	}
}
