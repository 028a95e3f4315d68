package ui

import (
	"fmt"
	"slices"
	"strings"
)

// paste puts a pasted text into the composer: however many lines it has, it is one message.
func (w *window) paste(text string) {
	if w.page.composer.ask != nil { // which asks for one line
		w.page.composer.ask.insert(strings.Join(strings.Fields(text), " "))
		if s, open := w.page.overlay.(*search); open {
			s.typed()
		}
		return
	}
	w.closeOverlay()
	e := w.page.composer.editor()
	e.remember()
	text = strings.TrimSuffix(SafeLines(text), "\n") // which came along with the last line
	e.insert(text)
	w.page.status.clear()
	w.tab = nil
	if n := strings.Count(text, "\n") + 1; n > 5 {
		w.page.status.say(fmt.Sprintf("%d lines were pasted. Enter sends them as one message, Ctrl+C drops them", n), false)
	}
}

// show goes to a conversation.
func (w *window) show(c *conv) {
	if c == nil {
		return
	}
	w.closeOverlay()
	w.m.show(c)
	w.load(c)
}

// step goes to the next conversation, or the one before.
func (w *window) step(by int) {
	if n := len(w.m.convs); n > 0 {
		w.show(w.m.convs[(slices.Index(w.m.convs, w.m.current)+by+n)%n])
	}
}

func (w *window) number(i int) {
	if i < len(w.m.convs) {
		w.show(w.m.convs[i])
		return
	}
	w.page.status.say(fmt.Sprintf("there is no conversation number %d", i+1), false)
}

func (w *window) unread() {
	if c := w.m.nextUnread(); c != nil {
		w.show(c)
		return
	}
	w.page.status.say("nothing unread", false)
}

func (w *window) back() { w.show(w.m.last) }

// vertical moves the cursor a row, at the first or last one through what was sent; up from nothing, into the lines.
func (w *window) vertical(by int) {
	c := w.m.current
	if w.page.composer.vertical(by) || w.page.composer.ask != nil {
		return
	}
	switch {
	case by < 0 && c.draft.text == "" && w.openSelection():
	case by < 0:
		c.earlier()
	default:
		c.later()
	}
}

// killOrSwitch cuts to the end of the line; where there is nothing to cut, it opens the switcher.
func (w *window) killOrSwitch() {
	e := w.page.composer.editor()
	if e.pos == len(e.text) && w.page.composer.ask == nil {
		w.openSwitcher()
		return
	}
	e.killToEnd()
}

// interrupt clears the composer; on an empty one, twice quits.
func (w *window) interrupt() {
	e := w.page.composer.editor()
	switch {
	case e.text != "":
		e.set("")
		w.page.status.say("cleared; Ctrl+_ brings it back", false)
	case w.armed:
		w.quit(nil)
	default:
		w.armed = true
		w.page.status.say("Ctrl+C once more quits", false)
	}
}

// recall brings back what was sent before.
func (w *window) recall() {
	if w.page.composer.ask == nil {
		w.m.current.earlier()
	}
}
