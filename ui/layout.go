package ui

import (
	"fmt"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// pane is whether the sidebar is shown.
type pane int

const (
	paneAuto pane = iota // where there is room
	paneOn
	paneOff
)

// page is the whole screen: header, sidebar, conversation (or what covers it), composer, status line.
type page struct {
	*tview.Box
	m        *model
	th       *theme
	header   *header
	sidebar  *sidebar
	timeline *timeline
	composer *composer
	status   *statusLine
	overlay  overlay
	pane     pane
	paste    func(string)
}

// overlay is what may cover the conversation for a while: help, the switcher.
type overlay interface {
	draw(scr tcell.Screen, x, y, w, h int)
	// key takes a key by its name, and tells whether it was for the overlay.
	key(name string, ev *tcell.EventKey) bool
}

func newPage(m *model, th *theme) *page {
	return &page{
		Box: tview.NewBox(), m: m, th: th,
		header:   &header{tview.NewBox(), m, th},
		sidebar:  &sidebar{tview.NewBox(), m, th},
		timeline: &timeline{Box: tview.NewBox(), m: m, th: th, rows: map[*line]wrapped{}},
		composer: &composer{Box: tview.NewBox(), m: m, th: th},
		status:   &statusLine{Box: tview.NewBox(), m: m, th: th},
	}
}

// side is the width of the sidebar, 0 if it is folded.
func (p *page) side(w int) int {
	switch {
	case p.pane == paneOff, w < 30, p.pane == paneAuto && w < 60:
		return 0
	case w < 60:
		return 13
	case w < 100:
		return 16
	case w < 160:
		return 22
	}
	return 28
}

func (p *page) toggle() {
	_, _, w, _ := p.GetRect()
	if p.side(w) > 0 {
		p.pane = paneOff
	} else {
		p.pane = paneOn
	}
}

// Draw lays the parts out anew each time, so that a resize needs nothing else.
func (p *page) Draw(scr tcell.Screen) {
	x, y, w, h := p.GetRect()
	if w < 12 || h < 4 {
		put(scr, x, y, x+w, "too small", p.th.dim)
		scr.HideCursor()
		return
	}
	if text, bad := p.composer.remark(); text != "" && p.status.message == "" && len(p.status.choices) == 0 {
		p.status.show(text, bad)
	}
	status := min(p.status.rows(w), h-3)
	compose := p.composer.rows(w, max(1, h/3))
	line := y + h - status - compose - 1
	body, side := line-y-1, p.side(w)
	p.header.SetRect(x, y, w, 1)
	p.header.Draw(scr)
	at := x + 1
	if side > 0 {
		p.sidebar.SetRect(x, y+1, side-1, body)
		p.sidebar.Draw(scr)
		for i := range body {
			put(scr, x+side, y+1+i, x+w, p.th.g.vertical, p.th.dim)
		}
		at = x + side + 2
	}
	p.timeline.SetRect(at, y+1, x+w-1-at, body)
	if p.overlay != nil {
		p.overlay.draw(scr, at, y+1, x+w-1-at, body)
	} else {
		p.timeline.Draw(scr)
	}
	p.rule(scr, x, line, w, side)
	p.composer.SetRect(x, line+1, w, compose)
	p.composer.Draw(scr)
	p.status.folded = side == 0
	p.status.SetRect(x, y+h-status, w, status)
	p.status.Draw(scr)
}

// rule draws the line above the composer; it says when there is more below.
func (p *page) rule(scr tcell.Screen, x, y, w, side int) {
	fill(scr, x, y, x+w, p.th.g.horizontal, p.th.dim)
	if side > 0 {
		put(scr, x+side, y, x+w, p.th.g.tee, p.th.dim)
	}
	c := p.m.current
	if c.place.line == nil || p.overlay != nil {
		return
	}
	text, style := " "+p.th.g.down+" more below, Alt+End ", p.th.dim
	if c.below > 0 {
		text, style = fmt.Sprintf(" %s %d new below, Alt+End ", p.th.g.down, c.below), p.th.accent
	}
	put(scr, max(x, x+w-2-width(text)), y, x+w, text, style)
}

// PasteHandler takes a bracketed paste as one text.
func (p *page) PasteHandler() func(string, func(tview.Primitive)) {
	return func(text string, _ func(tview.Primitive)) { p.paste(text) }
}
