package ui

import "github.com/gdamore/tcell/v2"

// theme is every style and glyph of the screen: the terminal's own colours at two weights, and one accent.
type theme struct {
	text, dim, strong, accent, alert tcell.Style
	g                                glyphs
}

// glyphs are what is drawn that is no text. Each but the marks has one column.
type glyphs struct {
	horizontal, vertical, tee string
	online, away, offline     string
	stored, some, all         string // delivery marks
	more, dot, down, note     string
	trouble, current          string
	gap, dash                 string
}

var unicodeGlyphs = glyphs{
	horizontal: "─", vertical: "│", tee: "┴",
	online: "●", away: "◐", offline: "○",
	stored: "…", some: "✓", all: "✓✓",
	more: "…", dot: " · ", down: "↓", note: "·",
	trouble: "!", current: "▸", gap: "⋯", dash: "–",
}

var asciiGlyphs = glyphs{
	horizontal: "-", vertical: "|", tee: "+",
	online: "*", away: "~", offline: "o",
	stored: "..", some: "+", all: "++",
	more: "~", dot: ", ", down: "v", note: "-",
	trouble: "!", current: ">", gap: "..", dash: "-",
}

func newTheme(o Options) *theme {
	d := tcell.StyleDefault
	t := &theme{text: d, dim: d.Dim(true), strong: d.Bold(true), g: unicodeGlyphs}
	t.accent = d.Foreground(tcell.ColorTeal)
	t.alert = d.Foreground(tcell.ColorMaroon).Bold(true)
	if o.NoColor {
		t.accent, t.alert = d.Bold(true), d.Bold(true)
	}
	if o.ASCII {
		t.g = asciiGlyphs
	}
	return t
}
