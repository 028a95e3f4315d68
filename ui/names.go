package ui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"earshot/peer"
)

// cmdNames tells who of a conversation is here and who was.
func (w *window) cmdNames(c *conv, _ string) error {
	m := w.m
	var here, gone []string
	if p := m.people[c.room.With]; c.room.Direct() && p == nil { // whom nobody has met since the start
		gone = append(gone, m.title(c))
	}
	for _, p := range m.sorted() {
		name := m.label(p.ID, p.Name)
		switch {
		case !slices.Contains(m.shared(*p), c):
		case !p.Online:
			gone = append(gone, name)
		case p.Away != "":
			here = append(here, name+" (away)")
		default:
			here = append(here, name)
		}
	}
	here = append(here, m.label(m.self.ID, m.self.Name)+" (you)")
	in := " in " + m.title(c)
	if c.room.Direct() {
		in = ""
	}
	c.note(m.now(), fmt.Sprintf("%d here%s: %s", len(here), in, list(here, len(here))), false)
	if len(gone) > 0 {
		c.note(m.now(), fmt.Sprintf("%d not here: %s", len(gone), list(gone, len(gone))), false)
	}
	w.page.timeline.toEnd()
	return nil
}

// cmdWhois tells what is known about somebody.
func (w *window) cmdWhois(c *conv, rest string) error {
	m := w.m
	who, _ := w.who(rest)
	if rest == "" {
		if !c.room.Direct() {
			return usageError("who? /whois NAME")
		}
		who = c.room.With.String()
	}
	typed := w.typed
	w.call(func(ctx context.Context) func() {
		people, err := w.chat.People(ctx) // figures as they are now
		return func() {
			if err == nil {
				for _, p := range people {
					m.person(p)
				}
				err = w.describe(c, who, rest)
			}
			if err != nil {
				w.refused(c, typed, err)
			}
		}
	})
	return nil
}

// describe tells what is known about everybody who may be meant.
func (w *window) describe(c *conv, who, rest string) error {
	m := w.m
	var found []*peer.Person
	for _, p := range append(m.sorted(), &m.self) {
		name := strings.TrimPrefix(who, "@")
		if strings.EqualFold(safeName(p.Name), name) || strings.EqualFold(m.label(p.ID, p.Name), name) ||
			strings.EqualFold(p.Name+"·"+p.ID.Short(), name) || p.ID.String() == name {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("%w: %s", peer.ErrUnknown, rest)
	}
	for _, p := range found {
		for i, text := range m.portrait(p) {
			c.note(m.now(), text, false).wide = i == 1 // the key
		}
	}
	w.page.timeline.toEnd()
	return nil
}

// portrait is what is known about somebody, in a few lines.
func (m *model) portrait(p *peer.Person) []string {
	dot := m.g.dot
	if p.ID == m.self.ID {
		return []string{m.label(p.ID, p.Name) + ": that is you" + dot + fmt.Sprintf("port %d", m.status.Port), "key\u00a0" + p.ID.String()}
	}
	first := m.label(p.ID, p.Name) + ": not here"
	switch {
	case p.Online && p.Away != "":
		first = m.label(p.ID, p.Name) + ": away: " + Safe(p.Away)
	case p.Online:
		first = m.label(p.ID, p.Name) + ": here"
	}
	if !p.Since.IsZero() {
		first += " since " + m.when(p.Since)
	}
	if p.Addr.IsValid() {
		first += dot + p.Addr.String()
		if p.Interface != "" {
			first += " on " + Safe(p.Interface)
		}
	}
	if p.Online {
		if p.RTT > 0 {
			first += dot + roundTrip(p.RTT)
		}
		first += dot + fmt.Sprintf("loss %d %%", int(p.Loss*100+0.5))
	}
	out := []string{first, "key\u00a0" + p.ID.String()}
	if len(p.Rooms) > 0 {
		rooms := make([]string, len(p.Rooms))
		for i, r := range p.Rooms {
			rooms[i] = "#" + strings.TrimPrefix(safeName(r), "#")
		}
		out = append(out, "in "+list(rooms, len(rooms)))
	}
	if p.Forked {
		out = append(out, "has signed two different lines for one place: the key is in use twice, or they cheat")
	}
	return out
}

// when is a time of today by the clock, an earlier one with its day.
func (m *model) when(at time.Time) string {
	at = at.In(m.loc)
	if sameDay(at, m.now().In(m.loc)) {
		return at.Format("15:04")
	}
	return at.Format("Monday 2 January 15:04")
}
