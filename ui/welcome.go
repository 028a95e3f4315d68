package ui

import (
	"strings"

	"github.com/gdamore/tcell/v2"
)

// paragraph is one piece of what an empty conversation says.
type paragraph struct {
	text   string
	strong bool
	indent int
}

// welcome draws what stands where nothing was said yet, and returns how many rows that took.
// Half of the view at least stays for lines when there are some.
func (t *timeline) welcome(scr tcell.Screen, x, y, w, h int) int {
	if len(t.m.current.lines) > 0 {
		h = max(h-len(t.m.current.lines), h/2)
	}
	used := 0
	for _, p := range t.m.introduction() {
		style := t.th.dim
		if p.strong {
			style = t.th.text
		}
		for _, r := range wrap(p.text, w-2-p.indent) {
			if used >= h-1 {
				return used + 1
			}
			put(scr, x+1+p.indent, y+used, x+w, p.text[r.start:r.end], style)
			used++
		}
	}
	return used + 1
}

// introduction says who one is, where one is, who is here, and what to do.
func (m *model) introduction() []paragraph {
	gap := paragraph{}
	if !m.ready {
		return []paragraph{{text: "Looking around on this LAN" + m.g.more}}
	}
	if m.current == m.nowhere {
		return []paragraph{{text: "You are in no room. /join #lobby leads to where everybody is.", strong: true}}
	}
	if m.current.cleared {
		return []paragraph{{text: "The view was cleared. PgUp brings the lines back."}}
	}
	if c := m.current; c.room.Direct() {
		return m.introduceDirect(c)
	}
	var here []string
	for _, p := range m.sorted() {
		if p.Online {
			here = append(here, m.label(p.ID, p.Name))
		}
	}
	nets := m.status.Interfaces
	on := "Listening on " + Safe(list(nets, 6)) + ". "
	if len(nets) == 0 {
		on = "There is no network to listen on: no interface is up. As soon as one is, it is used. "
	}
	kind := "The network is open: anyone on this LAN can join and read."
	if m.closed {
		kind = "The network is closed: only who has the secret of " + safeName(m.network) + " can join."
	}
	you := paragraph{text: "You are " + m.label(m.self.ID, m.self.Name) + ". " + on + kind, strong: true}
	if len(here) > 0 {
		verb := " is here."
		if len(here) > 1 {
			verb = " are here."
		}
		say := "Nothing was said in " + m.title(m.current) + " yet. " + list(here, 6) + verb
		return []paragraph{you, gap, {text: say, strong: true}, {text: "Type a line and press Enter. F1 lists keys and commands."}, gap}
	}
	return []paragraph{
		you,
		gap,
		{text: "Nobody else is in earshot yet; who comes appears by itself.", strong: true},
		{text: "To try it, run earshot in a second terminal here, or on another computer of this LAN.", indent: 2},
		{text: "If a computer stays unseen, its firewall may refuse UDP broadcasts, or the Wi-Fi may keep its guests apart.", indent: 2},
		{text: "Lines that you write now are kept for those who come.", indent: 2},
		{text: "/nick changes your name, F1 lists keys and commands.", indent: 2},
		gap,
	}
}

func (m *model) introduceDirect(c *conv) []paragraph {
	who := m.title(c)
	state := who + " is not here now; what you write is delivered as soon as you are both here."
	if p := m.people[c.room.With]; p != nil && p.Online {
		state = who + " is here."
		if p.Away != "" {
			state = strings.TrimSuffix(who+" is away: "+Safe(p.Away), ".") + "."
		}
	}
	return []paragraph{
		{text: "This is between you and " + who + " (key " + c.room.With.Short() + m.g.more + "): nobody else can read it.", strong: true},
		{text: state},
		{},
	}
}
