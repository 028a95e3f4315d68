package ui

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
	if c.place.line == nil {
		return end
	}
	i := c.index(c.place.line)
	if i < 0 {
		c.place = anchor{}
		return end
	}
	at := spot{i, 0}
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
		c.place, c.below = anchor{}, 0
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
		c.place.off = t.body(at.line)[at.row-leads].start
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
	t.m.current.place, t.m.current.below = anchor{}, 0
}

// toUnread makes the unread line the top.
func (t *timeline) toUnread() bool {
	c := t.m.current
	if c.mark == nil {
		return false
	}
	i := c.index(c.mark)
	if i >= 0 {
		t.pin(spot{i, max(0, t.leads(i)-1)})
	}
	return i >= 0
}
