package ui

import (
	"fmt"
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/google/uuid"
)

// binding is one row of the table of keys. F1 and /help are made from the same table.
type binding struct {
	keys  []string // as keyName says them; the first is the one that is shown
	help  string   // "" hides the row from help
	group string
	do    func(*window)
}

// keys is the table of keys.
func keys() []binding {
	edit := func(do func(*editor)) func(*window) {
		return func(w *window) { do(w.page.composer.editor()) }
	}
	const going, reading, writing, other = "Going", "Reading", "Writing", "Other"
	table := []binding{
		{[]string{"Enter"}, "send", writing, (*window).enter},
		{[]string{"Alt+Enter", "Ctrl+J"}, "new line", writing, edit(func(e *editor) { e.insert("\n") })},
		{[]string{"Tab"}, "complete a command, a person, a room; again: the next one", writing, func(w *window) { w.complete(1) }},
		{[]string{"Shift+Tab"}, "", writing, func(w *window) { w.complete(-1) }},
		{[]string{"Up"}, "what was sent before; from an empty line: choose a line that was said", writing, func(w *window) { w.vertical(-1) }},
		{[]string{"Ctrl+R"}, "what was sent before, from an empty line too", writing, (*window).recall},
		{[]string{"Down"}, "", writing, func(w *window) { w.vertical(1) }},
		{[]string{"Ctrl+A", "Home"}, "start of the line", writing, edit((*editor).home)},
		{[]string{"Ctrl+E", "End"}, "end of the line", writing, edit((*editor).end)},
		{[]string{"Alt+B", "Ctrl+Left", "Alt+Left"}, "a word back", writing, edit((*editor).wordLeft)},
		{[]string{"Alt+F", "Ctrl+Right", "Alt+Right"}, "a word on", writing, edit((*editor).wordRight)},
		{[]string{"Left", "Ctrl+B"}, "", writing, edit((*editor).left)},
		{[]string{"Right", "Ctrl+F"}, "", writing, edit((*editor).right)},
		{[]string{"Backspace"}, "", writing, edit((*editor).backspace)},
		{[]string{"Ctrl+D", "Delete"}, "delete what is under the cursor", writing, edit((*editor).delete)},
		{[]string{"Ctrl+W"}, "cut the word before the cursor", writing, edit((*editor).killWord)},
		{[]string{"Alt+Backspace"}, "", writing, edit((*editor).killLeft)},
		{[]string{"Alt+D"}, "cut the word behind the cursor", writing, edit((*editor).killRight)},
		{[]string{"Ctrl+U"}, "cut to the start of the line", writing, edit((*editor).killToStart)},
		{[]string{"Ctrl+K"}, "cut to the end of the line; at its end: go to", writing, (*window).killOrSwitch},
		{[]string{"Ctrl+Y"}, "put back what was cut", writing, edit((*editor).yank)},
		{[]string{"Ctrl+T"}, "swap two characters", writing, edit((*editor).transpose)},
		{[]string{"Ctrl+_"}, "undo", writing, edit((*editor).undo)},

		{[]string{"Ctrl+N", "Alt+Down"}, "next conversation", going, func(w *window) { w.step(1) }},
		{[]string{"Ctrl+P", "Alt+Up"}, "previous conversation", going, func(w *window) { w.step(-1) }},
	}
	for i := range 9 {
		b := binding{[]string{fmt.Sprintf("Alt+%d", i+1)}, "", going, func(w *window) { w.number(i) }}
		if i == 0 {
			b.help = "conversation number 1, and so on to Alt+9"
		}
		table = append(table, b)
	}
	return append(table,
		binding{[]string{"Alt+A"}, "next conversation with something unread", going, (*window).unread},
		binding{[]string{"Alt+/"}, "the last conversation", going, (*window).back},
		binding{[]string{"Ctrl+G"}, "go to a room or a person by a piece of the name", going, (*window).openSwitcher},

		binding{[]string{"PgUp"}, "back in the conversation", reading, func(w *window) { w.page.timeline.page(-1) }},
		binding{[]string{"PgDn"}, "on", reading, func(w *window) { w.page.timeline.page(1) }},
		binding{[]string{"Alt+Home"}, "to the first line", reading, func(w *window) { w.page.timeline.toTop() }},
		binding{[]string{"Alt+End"}, "to the last line", reading, func(w *window) { w.page.timeline.toEnd() }},
		binding{[]string{"Ctrl+S"}, "search", reading, (*window).openSearch},
		binding{[]string{"Alt+U"}, "to what came late, and to the first unread line", reading, func(w *window) { w.page.timeline.toUnread() }},

		binding{[]string{"F1"}, "this help", other, (*window).openHelp},
		binding{[]string{"F7"}, "show or hide rooms and people", other, func(w *window) { w.page.toggle() }},
		binding{[]string{"Ctrl+L"}, "draw the screen anew", other, func(w *window) { w.screen.Sync() }},
		binding{[]string{"Ctrl+C"}, "clear the text; twice: quit", other, (*window).interrupt},
		binding{[]string{"Esc"}, "", other, func(w *window) { w.m.current.hit = uuid.UUID{} }},
	)
}

// keyTable finds bindings by key.
func keyTable(table []binding) map[string]func(*window) {
	by := map[string]func(*window){}
	for _, b := range table {
		for _, k := range b.keys {
			by[k] = b.do
		}
	}
	return by
}

// keyName is what a key is called in the table: "Ctrl+N", "Alt+Enter", "PgUp", or the character itself.
func keyName(ev *tcell.EventKey) string {
	k, mod := ev.Key(), ev.Modifiers()
	name := ""
	if k == tcell.KeyRune && mod&tcell.ModCtrl != 0 { // as which Escape before a control character comes
		switch ev.Rune() {
		case 'm':
			k = tcell.KeyEnter
		case 'i':
			k = tcell.KeyTab
		case 'h':
			k = tcell.KeyBackspace
		}
	}
	switch {
	case k == tcell.KeyRune:
		name = string(ev.Rune())
		if mod&(tcell.ModAlt|tcell.ModCtrl) != 0 {
			name = strings.ToUpper(name)
		}
		mod &^= tcell.ModShift
	case k == tcell.KeyEnter, k == tcell.KeyTab, k == tcell.KeyEsc, k == tcell.KeyBackspace, k == tcell.KeyBackspace2:
		name = map[tcell.Key]string{
			tcell.KeyEnter: "Enter", tcell.KeyTab: "Tab", tcell.KeyEsc: "Esc",
			tcell.KeyBackspace: "Backspace", tcell.KeyBackspace2: "Backspace",
		}[k]
		mod &^= tcell.ModCtrl | tcell.ModShift
	case k == tcell.KeyBacktab:
		name = "Shift+Tab"
		mod &^= tcell.ModShift
	case k >= tcell.KeyCtrlA && k <= tcell.KeyCtrlZ:
		name = string(rune('A' + k - tcell.KeyCtrlA))
		mod = mod&^tcell.ModShift | tcell.ModCtrl
	case k == tcell.KeyLF:
		name, mod = "J", mod|tcell.ModCtrl
	case k == tcell.KeyCtrlUnderscore:
		name = "_"
		mod |= tcell.ModCtrl
	default:
		name = tcell.KeyNames[k]
	}
	for _, m := range []struct {
		mask tcell.ModMask
		name string
	}{{tcell.ModShift, "Shift+"}, {tcell.ModAlt, "Alt+"}, {tcell.ModCtrl, "Ctrl+"}} {
		if mod&m.mask != 0 {
			name = m.name + name
		}
	}
	return name
}
