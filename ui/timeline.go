package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/google/uuid"
	"github.com/rivo/tview"

	"earshot/peer"
)

// timeline draws one conversation. It lays out only the lines that are on the screen, whatever the length of the rest,
// and draws text as cells: nothing in it is markup.
type timeline struct {
	*tview.Box
	m     *model
	th    *theme
	rows  map[*line]wrapped // of the lines that the last drawing needed
	width int

	older, newer func(*conv)                        // asked when the first or last line comes into sight
	newest       func(*conv)                        // asked to go to the end when that is not in memory
	jump         func(*conv, peer.Place, uuid.UUID) // asked to go to a line that is perhaps not in memory
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

// lead is what stands above a line: the day, the unread line, what is missing.
type lead struct {
	day, unread bool
	gaps        []string
}

func (t *timeline) lead(i int) (d lead) {
	c := t.m.current
	l := c.lines[i]
	d.unread = c.marked && l == c.unreadLine()
	d.gaps = t.m.gapsAbove(l)
	if i == 0 {
		d.day = c.messages > 0
	} else {
		d.day = !sameDay(c.lines[i-1].time.In(t.m.loc), l.time.In(t.m.loc))
	}
	return d
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

func (t *timeline) leads(i int) int {
	d := t.lead(i)
	n := len(d.gaps)
	if d.day {
		n++
	}
	if d.unread {
		n++
	}
	return n
}

// body is the rows of the text of line i.
func (t *timeline) body(i int) []span {
	l := t.m.current.lines[i]
	text := t.text(l)
	w := t.width - t.from(l)
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

// from is the column where the text of a line begins.
func (t *timeline) from(l *line) int {
	if l.wide && t.width < t.columns().text+width(l.text) {
		return 0
	}
	return t.columns().text
}

// text is what is wrapped of a line.
func (t *timeline) text(l *line) string {
	if l.action {
		return t.m.label(l.author, l.name) + " " + l.text
	}
	return l.text
}

// height is the rows of line i, with those above it and, of the last one, those below it.
func (t *timeline) height(i int) int { return t.leads(i) + len(t.body(i)) + len(t.m.gapsBelow(i)) }

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
	i, row, drawn := at.line, at.row, 0
	for ; i < len(c.lines) && drawn < h; i, row = i+1, 0 {
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
	if i == len(c.lines) && c.cut && t.newer != nil {
		t.newer(c)
	}
}

func (t *timeline) drawRow(scr tcell.Screen, x, y, i, row int) {
	th, col := t.th, t.columns()
	l := t.m.current.lines[i]
	end := x + t.width
	d := t.lead(i)
	if d.day {
		if row == 0 {
			t.separator(scr, x, y, end, t.day(l.time), th.dim)
			return
		}
		row--
	}
	if d.unread {
		if row == 0 {
			t.separator(scr, x, y, end, "unread", th.accent)
			return
		}
		row--
	}
	if row < len(d.gaps) {
		t.gap(scr, x, y, ending{l.author, l.name, d.gaps[row]})
		return
	}
	row -= len(d.gaps)
	text, rows := t.text(l), t.body(i)
	if row >= len(rows) {
		t.gap(scr, x, y, t.m.gapsBelow(i)[row-len(rows)])
		return
	}
	style := th.text
	if l.old || !l.message && !l.trouble {
		style = th.dim
	}
	from := t.from(l)
	if row == 0 && from > 0 {
		if col.time > 0 {
			put(scr, x, y, end, l.time.In(t.m.loc).Format("15:04"), th.dim)
		}
		name, nstyle := t.name(l)
		name = clipName(name, col.name, th.g.more)
		put(scr, x+col.time+col.name-width(name), y, x+col.text, name, nstyle)
	}
	if l.message && l.id == t.m.current.hit {
		style = th.accent.Bold(true)
		if row == 0 {
			put(scr, x+from-1, y, end, th.g.current, style)
		}
	}
	put(scr, x+from, y, end, text[rows[row].start:rows[row].end], style)
	if row == len(rows)-1 {
		style = th.dim
		if l.unstored {
			style = th.alert
		}
		mark := t.mark(l)
		put(scr, end-width(mark), y, end, mark, style)
	}
}

// gap draws what is missing of somebody.
func (t *timeline) gap(scr tcell.Screen, x, y int, g ending) {
	th, col, end := t.th, t.columns(), x+t.width
	name := clipName(t.m.label(g.author, g.name), col.name, th.g.more)
	put(scr, x+col.time+col.name-width(name), y, x+col.text, name, th.dim)
	put(scr, x+col.text, y, end, clip(g.text, end-x-col.text, th.g.more), th.dim)
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

// mark is what stands at the right edge: what became of an own line, and what is odd about a line.
func (t *timeline) mark(l *line) string {
	g := t.th.g
	var parts []string
	switch {
	case !l.own:
	case l.read:
		parts = append(parts, t.readMark())
	case l.reached == 0 && t.m.owes(l):
		parts = append(parts, g.stored+" owed since "+t.m.since(l.time))
	case l.reached == 0:
		parts = append(parts, g.stored)
	case l.reached < l.audience:
		parts = append(parts, fmt.Sprintf("%s %d/%d", g.some, l.reached, l.audience))
	case l.audience > 1:
		parts = append(parts, fmt.Sprintf("%s %d/%d", g.all, l.reached, l.audience))
	default:
		parts = append(parts, g.all)
	}
	if l.unstored {
		parts = append(parts, "not stored")
	}
	if l.late {
		parts = append(parts, "late")
	}
	if l.skew != 0 && !l.own {
		parts = append(parts, "clock "+skew(l.skew))
	}
	return strings.Join(parts, g.dot)
}

// readMark is the mark of a line that the other one has read.
func (t *timeline) readMark() string { return t.th.g.all + " read" }

// markWidth is the room that the mark of a line may come to need, so that no text moves when people receive it.
func (t *timeline) markWidth(l *line) int {
	w := width(t.mark(l))
	switch {
	case l.own && l.audience > 1:
		return max(w, width(fmt.Sprintf("%s %d/%d", t.th.g.all, l.audience, l.audience)))
	case l.own && t.m.current.room.Direct() && t.m.status.ReadMarks:
		return max(w, width(t.readMark()))
	case l.own:
		return max(w, 2)
	}
	return w
}

// owes tells whether an own line of the current conversation waits for somebody who is not here.
func (m *model) owes(l *line) bool {
	c := m.current
	if !c.room.Direct() {
		return false
	}
	p := m.people[c.room.With]
	return l.own && l.reached == 0 && (p == nil || !p.Online)
}

// since is a time in as few words as tell it: of the clock, or the day.
func (m *model) since(at time.Time) string {
	at, now := at.In(m.loc), m.now().In(m.loc)
	switch {
	case sameDay(at, now):
		return at.Format("15:04")
	case at.Year() == now.Year():
		return at.Format("2 Jan")
	}
	return at.Format("Jan 2006")
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
