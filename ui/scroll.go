package ui

import (
	"github.com/google/uuid"

	"earshot/peer"
)

// anchor is the top row of a view that was scrolled: a line, and a byte of its text, or (negative) a row above it.
// Without a line the view follows the end.
type anchor struct {
	line *line
	off  int
}

// spot is a row: of a line, counted from its first separator.
type spot struct{ line, row int }

// bottom is the top row of the view that shows the end.
func (t *timeline) bottom(h int) spot {
	for i := len(t.m.current.lines) - 1; i >= 0; i-- {
		n := t.height(i)
		if n >= h {
			return spot{i, n - h}
		}
		h -= n
	}
	return spot{}
}

// top is the first row to draw. A view whose end is in sight follows it.
func (t *timeline) top(h int) spot {
	c := t.m.current
	end := t.bottom(h)
	if c.place.line == nil || len(c.lines) == 0 {
		return end
	}
	i := c.index(c.place.line)
	if i < 0 { // a note that went with the lines around it
		i = min(c.search(func(p peer.Place) bool { return p.Compare(c.place.line.place) >= 0 }), len(c.lines)-1)
		c.place = anchor{line: c.lines[i]}
	}
	at := spot{line: i}
	if off := c.place.off; off < 0 {
		at.row = max(0, t.leads(i)+off)
	} else {
		at.row = t.leads(i)
		for k, r := range t.body(i) {
			if r.start <= off {
				at.row = t.leads(i) + k
			}
		}
	}
	if at.line > end.line || at.line == end.line && at.row >= end.row {
		if c.cut { // this is not the end, the rest is on its way
			t.pin(end)
		} else {
			c.follow(!t.m.unfocused)
		}
		return end
	}
	return at
}

// pin makes a row the top of the view.
func (t *timeline) pin(at spot) {
	c := t.m.current
	l, leads := c.lines[at.line], t.leads(at.line)
	c.place = anchor{l, at.row - leads}
	if at.row >= leads {
		body := t.body(at.line)
		c.place.off = body[min(at.row-leads, len(body)-1)].start // not of what is missing below it
	}
}

// scroll moves the view by rows, down if positive.
func (t *timeline) scroll(rows int) {
	_, _, _, h := t.GetRect()
	c := t.m.current
	if rows < 0 {
		c.cleared = false
	}
	if len(c.lines) == 0 {
		return
	}
	at := t.top(h)
	at.row += rows
	for at.row < 0 && at.line > 0 {
		at.line--
		at.row += t.height(at.line)
	}
	for at.line < len(c.lines)-1 && at.row >= t.height(at.line) {
		at.row -= t.height(at.line)
		at.line++
	}
	at.row = max(0, min(at.row, t.height(at.line)-1))
	t.pin(at)
}

func (t *timeline) page(n int) {
	_, _, _, h := t.GetRect()
	t.scroll(n * max(1, h-2))
}

func (t *timeline) toTop() {
	if len(t.m.current.lines) > 0 {
		t.pin(spot{})
	}
}

func (t *timeline) toEnd() {
	c := t.m.current
	c.follow(!t.m.unfocused)
	c.hit = uuid.UUID{}
	if c.cut {
		t.newest(c)
	}
}

// toUnread goes to the first line that came late, else to the unread line; false if there is neither.
func (t *timeline) toUnread() bool {
	c := t.m.current
	if len(c.late) > 0 {
		x := c.late[0]
		c.late = c.late[1:]
		t.jump(c, x.place, x.id)
		return true
	}
	if !c.marked {
		return false
	}
	l := c.unreadLine()
	if l == nil {
		t.jump(c, c.mark, uuid.UUID{})
		return true
	}
	i := c.index(l)
	t.pin(spot{i, max(0, t.leads(i)-1)})
	return true
}

// point makes a line stand out, and has it in sight with some lines before it.
func (t *timeline) point(l *line) {
	_, _, _, h := t.GetRect()
	c := t.m.current
	i := c.index(l)
	if i < 0 {
		return
	}
	c.hit = l.id
	at := spot{line: i, row: -h / 3}
	for at.row < 0 && at.line > 0 {
		at.line--
		at.row += t.height(at.line)
	}
	t.pin(spot{at.line, max(0, at.row)})
}

// reveal scrolls as little as brings a line into sight.
func (t *timeline) reveal(l *line) {
	_, _, _, h := t.GetRect()
	i := t.m.current.index(l)
	if i < 0 || h <= 0 {
		return
	}
	at := t.top(h)
	if i < at.line || i == at.line && at.row > 0 {
		t.pin(spot{line: i})
		return
	}
	rows := -at.row
	for k := at.line; k <= i; k++ {
		if rows += t.height(k); rows-h > 4*h {
			break
		}
	}
	if rows > h && i > at.line {
		end := spot{line: i, row: t.height(i)}
		for end.row < h && end.line > 0 {
			end.line--
			end.row += t.height(end.line)
		}
		t.pin(spot{end.line, max(0, end.row-h)})
	}
}

// sees tells whether a line is in sight.
func (t *timeline) sees(l *line) bool {
	_, _, _, h := t.GetRect()
	i := t.m.current.index(l)
	if i < 0 || h <= 0 {
		return false
	}
	at := t.top(h)
	rows := -at.row
	for k := at.line; k < i && rows < h; k++ {
		rows += t.height(k)
	}
	return i >= at.line && rows+t.leads(i) < h
}
