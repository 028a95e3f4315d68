package ui

import (
	"github.com/gdamore/tcell/v2"
)

// Private keys, as which the wrapper passes on what tview's loop would drop or end on.
const (
	keyFocus tcell.Key = 0x7ff0 + iota
	keyBlur
	keyBroken
)

// watched is a screen whose events tview does not swallow: focus comes as a key, so does a broken terminal,
// and within a paste every kind of line end comes as Enter.
type watched struct {
	tcell.Screen
	pasting  bool // of the polling goroutine alone
	returned bool // the last pasted key was a carriage return
}

// Init does nothing: the screen is initialised before tview gets it, which would do so again and spoil its size.
func (s *watched) Init() error { return nil }

func (s *watched) PollEvent() tcell.Event {
	for {
		switch ev := s.Screen.PollEvent().(type) {
		case *tcell.EventFocus:
			if ev.Focused {
				return tcell.NewEventKey(keyFocus, 0, 0)
			}
			return tcell.NewEventKey(keyBlur, 0, 0)
		case *tcell.EventError:
			return tcell.NewEventKey(keyBroken, 0, 0)
		case *tcell.EventPaste:
			s.pasting, s.returned = ev.Start(), false
			return ev
		case *tcell.EventKey:
			if !s.pasting {
				return ev
			}
			after := s.returned
			s.returned = ev.Key() == tcell.KeyEnter
			if ev.Key() != tcell.KeyCtrlJ && ev.Key() != tcell.KeyLF {
				return ev
			}
			if !after {
				return tcell.NewEventKey(tcell.KeyEnter, 0, 0)
			}
		case nil:
			return nil
		default:
			return ev
		}
	}
}
