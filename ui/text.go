package ui

import (
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"
)

// width is the number of columns that s takes.
func width(s string) int {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// put draws s from column x up to, not including, column end, a cell for each grapheme, and returns the column after it.
func put(scr tcell.Screen, x, y, end int, s string, style tcell.Style) int {
	state := -1
	for s != "" && x < end {
		var cluster string
		var w int
		cluster, s, w, state = uniseg.FirstGraphemeClusterInString(s, state)
		if w == 0 {
			continue // what has no column cannot be drawn: a line end
		}
		if x+w > end {
			break
		}
		scr.Put(x, y, cluster, style)
		x += w
	}
	return x
}

// fill draws the one-column glyph g from column x up to column end.
func fill(scr tcell.Screen, x, y, end int, g string, style tcell.Style) {
	for ; x < end; x++ {
		scr.Put(x, y, g, style)
	}
}

// clip cuts s to w columns; what was cut is marked by mark.
func clip(s string, w int, mark string) string {
	if width(s) <= w {
		return s
	}
	w -= width(mark)
	if w < 0 {
		return ""
	}
	var b strings.Builder
	state := -1
	for s != "" {
		var cluster string
		var n int
		cluster, s, n, state = uniseg.FirstGraphemeClusterInString(s, state)
		if w -= n; w < 0 {
			break
		}
		b.WriteString(cluster)
	}
	return b.String() + mark
}

// clipName is clip for the label of a person: the piece of the key that tells two people apart is never cut.
func clipName(label string, w int, mark string) string {
	at := strings.LastIndex(label, "·")
	if at <= 0 || width(label) <= w || w <= len(label)-at+1 {
		return clip(label, w, mark)
	}
	return clip(label[:at], w-width(label[at:]), mark) + label[at:]
}

// span is one row of a wrapped text: the bytes start to end are drawn, those up to next (spaces, a line end) are not.
type span struct{ start, end, next int }

// wrap cuts text into rows of at most w columns: at line ends, else where Unicode (UAX 14) lets a line break,
// else between graphemes. Spaces at a break hang. There is always at least one row.
func wrap(text string, w int) []span {
	w = max(w, 1)
	var rows []span
	start, x := 0, 0        // of the row being filled
	good, goodNext := -1, 0 // where the row may end: before the spaces, and after them
	ink := 0                // end of the last grapheme that is not a space
	pos, state := 0, -1
	rest := text
	for rest != "" {
		var cluster string
		var bound int
		cluster, rest, bound, state = uniseg.StepString(rest, state)
		n := bound >> uniseg.ShiftWidth
		newline := cluster == "\n"
		space := cluster == " "
		if newline {
			n = 0
		}
		if x+n > w && !space && pos > start {
			if good > start {
				rows = append(rows, span{start, good, goodNext})
				start = goodNext
			} else {
				rows = append(rows, span{start, min(pos, max(ink, start)), pos})
				start = pos
			}
			x = width(text[start:pos])
			good = -1
		}
		pos += len(cluster)
		x += n
		if !space && !newline {
			ink = pos
		}
		switch {
		case newline:
			rows = append(rows, span{start, pos - 1, pos})
			start, x, good, ink = pos, 0, -1, pos
		case bound&uniseg.MaskLine != uniseg.LineDontBreak && rest != "":
			good, goodNext = max(ink, start), pos
		}
	}
	if start < len(text) || len(rows) == 0 || strings.HasSuffix(text, "\n") {
		rows = append(rows, span{start, len(text), len(text)})
	}
	return rows
}
