package ui

import (
	"fmt"
	"strings"

	"github.com/gdamore/tcell/v2"
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
	return append(out, helpLine{}, helpLine{left: "Marks of lines"},
		helpLine{g.stored, "stored here, nobody has it yet"}, helpLine{g.some + " 2/3", "two of three have stored it"},
		helpLine{g.all, "everybody it is for has stored it"},
		helpLine{g.all + " read", "they told that they have read it, see /readmarks"},
		helpLine{g.stored + " owed since", "said to somebody who was not here, and is not yet"},
		helpLine{"late", "came after lines behind it were shown"}, helpLine{g.gap, "lines that somebody said and that have not come yet"},
		helpLine{"not stored", "the disk did not take it"}, helpLine{"clock +7 min", "the author's clock is not as ours"})
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

func (w *window) openHelp() {
	w.closeOverlay()
	w.page.overlay = &help{w: w}
}
