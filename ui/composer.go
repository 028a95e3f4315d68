package ui

import (
	"fmt"
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"earshot/protocol"
)

// maxRecall is how many sent lines a conversation remembers for ↑.
const maxRecall = 200

// composer draws the text that is being written and the cursor in it.
type composer struct {
	*tview.Box
	m      *model
	th     *theme
	width  int
	prompt string // instead of the name, while the composer asks for something else
	ask    *editor
}

// editor is what the keys edit.
func (c *composer) editor() *editor {
	if c.ask != nil {
		return c.ask
	}
	return &c.m.current.draft
}

func (c *composer) label() string {
	if c.prompt != "" {
		return c.prompt
	}
	if !c.m.ready {
		return "> "
	}
	return clip(safeName(c.m.self.Name), max(c.width/4, 4), c.th.g.more) + "> "
}

func (c *composer) textWidth() int { return max(c.width-width(c.label())-2, 4) }

// rows is how many rows are wanted at a width, of at most most.
func (c *composer) rows(w, most int) int {
	c.width = w
	return max(1, min(len(c.layout()), most))
}

func (c *composer) layout() []span { return wrap(c.editor().text, c.textWidth()) }

// cursor is the row and column of the cursor.
func (c *composer) cursor(rows []span) (row, col int) {
	e := c.editor()
	for i, r := range rows {
		if r.start <= e.pos {
			row = i
		}
	}
	col = width(strings.ReplaceAll(e.text[rows[row].start:e.pos], "\n", ""))
	return row, min(col, c.textWidth())
}

// vertical moves the cursor up or down a row, and tells whether there was one.
func (c *composer) vertical(by int) bool {
	rows := c.layout()
	row, col := c.cursor(rows)
	row += by
	if row < 0 || row >= len(rows) {
		return false
	}
	e := c.editor()
	e.pos, e.typed = rows[row].start, false
	for e.pos < rows[row].end && width(e.text[rows[row].start:e.pos]) < col {
		e.right()
	}
	return true
}

func (c *composer) Draw(scr tcell.Screen) {
	x, y, w, h := c.GetRect()
	c.width = w
	e, rows := c.editor(), c.layout()
	row, col := c.cursor(rows)
	from := max(0, min(row-h/2, len(rows)-h)) // the row of the cursor stays in sight
	end := x + w - 1
	label := put(scr, x+1, y, end, c.label(), c.th.accent)
	for i := 0; i < h && from+i < len(rows); i++ {
		r := rows[from+i]
		put(scr, label, y+i, end, e.text[r.start:r.end], c.th.text)
	}
	if from+h < len(rows) {
		put(scr, x, y+h-1, end, c.th.g.down, c.th.dim)
	}
	scr.ShowCursor(label+col, y+row-from)
}

// remark is what is to be said about the length of the text, "" while there is room.
func (c *composer) remark() (text string, bad bool) {
	left := protocol.MaxText - len(c.editor().text)
	switch {
	case c.ask != nil || left > 500:
		return "", false
	case left >= 0:
		return fmt.Sprintf("room for %d more bytes", left), false
	}
	return tooLong(-left), true
}

func tooLong(by int) string {
	return fmt.Sprintf("too long by %s: a line holds %d KiB at most", count(by, "byte"), protocol.MaxText>>10)
}

// count says how many: "1 byte", "2 bytes".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// earlier and later go through what was sent in this conversation.
func (c *conv) earlier() {
	if c.recall == 0 {
		return
	}
	if c.recall == len(c.history) {
		c.kept = c.draft.text
	}
	c.recall--
	c.draft.set(c.history[c.recall])
}

func (c *conv) later() {
	if c.recall >= len(c.history) {
		return
	}
	if c.recall++; c.recall == len(c.history) {
		c.draft.set(c.kept)
		return
	}
	c.draft.set(c.history[c.recall])
}

// sent remembers a text and empties the composer.
func (c *conv) sent(text string) {
	if n := len(c.history); n == 0 || c.history[n-1] != text {
		c.history = append(c.history, text)
	}
	if n := len(c.history); n > maxRecall {
		c.history = c.history[n-maxRecall:]
	}
	c.recall, c.kept = len(c.history), ""
	c.draft.reset()
}
