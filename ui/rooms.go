package ui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gdamore/tcell/v2"

	"earshot/peer"
	"earshot/protocol"
)

// noTopic is what takes a topic away. The other spelling is that of irssi.
var noTopic = []string{"-clear", "-delete"}

// cmdTopic shows, sets or takes away what the room is about.
func (w *window) cmdTopic(c *conv, rest string) error {
	if rest == "" {
		text := w.m.title(c) + " has no topic; /topic TEXT sets one"
		if c.room.Topic != "" {
			text = "the topic of " + w.m.title(c) + ": " + Safe(c.room.Topic)
		}
		c.note(w.m.now(), text, false)
		w.page.timeline.toEnd()
		return nil
	}
	if slices.Contains(noTopic, rest) {
		rest = ""
	}
	typed := w.typed
	w.call(func(ctx context.Context) func() {
		err := w.chat.SetTopic(ctx, target(c), rest)
		return func() {
			if err != nil {
				w.refused(c, typed, err)
			}
		}
	})
	return nil
}

// cmdRooms lists the public rooms of this LAN.
func (w *window) cmdRooms(_ *conv, rest string) error {
	w.openSwitcher()
	if s, ok := w.page.overlay.(*switcher); ok {
		s.rooms = true
		s.ask.set(rest)
		w.page.composer.prompt = "room> "
	}
	return nil
}

// switcher goes to a room or a person by a few letters of the name.
type switcher struct {
	w      *window
	ask    editor
	at     int
	rooms  bool // only public rooms, with those one is in
	busy   bool
	wrong  string
	public []peer.PublicRoom
}

func (w *window) openSwitcher() {
	w.closeOverlay()
	s := &switcher{w: w, busy: true}
	w.page.overlay = s
	w.page.composer.ask, w.page.composer.prompt = &s.ask, "go to> "
	w.background(func(ctx context.Context) func() {
		public, err := w.chat.PublicRooms(ctx)
		return func() {
			s.public, s.busy = public, false
			if err != nil {
				s.wrong = Safe(reason(err))
			}
		}
	})
}

// goal is where the switcher may lead.
type goal struct {
	name string
	note string
	c    *conv
	who  protocol.PeerID
	room string // to enter, if there is neither of both
}

// goals is what fits the letters so far: unread first, then what is open, then people, then rooms one is not in.
func (s *switcher) goals() []goal {
	m := s.w.m
	var unread, open, rest []goal
	seen := map[protocol.PeerID]bool{}
	for _, c := range m.convs {
		g := goal{name: m.title(c), c: c}
		seen[c.room.With] = true
		switch {
		case s.rooms:
		case c.unread > 0:
			g.note = fmt.Sprintf("%d unread", c.unread)
			unread = append(unread, g)
		case c != m.current:
			open = append(open, g)
		}
	}
	for _, p := range m.sorted() {
		if !seen[p.ID] && !s.rooms {
			rest = append(rest, goal{name: m.label(p.ID, p.Name), note: m.state(p), who: p.ID})
		}
	}
	for _, r := range s.public {
		g := goal{name: safeName(r.Name), note: people(r.People), room: r.Name}
		if i := slices.IndexFunc(m.convs, func(c *conv) bool { return c.room.Name == r.Name }); i >= 0 {
			if g.c = m.convs[i]; !s.rooms {
				continue
			}
			g.note += ", with you"
		}
		if r.Topic != "" {
			g.note += m.g.dot + Safe(r.Topic)
		}
		rest = append(rest, g)
	}
	return rank(s.ask.text, append(append(unread, open...), rest...), func(g goal) string { return g.name })
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

func (s *switcher) draw(scr tcell.Screen, x, y, w, h int) {
	th := s.w.page.th
	goals := s.goals()
	s.at = max(0, min(s.at, len(goals)-1))
	switch {
	case len(goals) > 0:
	case s.wrong != "":
		put(scr, x+2, y, x+w, clip(s.wrong, w-2, th.g.more), th.alert)
	case s.busy:
		put(scr, x+2, y, x+w, "asking around"+th.g.more, th.dim)
	case s.rooms:
		put(scr, x+2, y, x+w, clip("no such room on this LAN; Enter makes it", w-2, th.g.more), th.dim)
	default:
		put(scr, x+2, y, x+w, "nothing by that name", th.dim)
	}
	from := max(0, s.at-h+2)
	for i := 0; i < h-1 && from+i < len(goals); i++ {
		g, style := goals[from+i], th.text
		if from+i == s.at {
			style = th.accent.Bold(true)
			put(scr, x, y+i, x+w, th.g.current, style)
		}
		at := max(put(scr, x+2, y+i, x+w, g.name, style)+2, x+24)
		put(scr, at, y+i, x+w, clip(g.note, x+w-at, th.g.more), th.dim)
	}
	put(scr, x+2, y+h-1, x+w, "Enter goes there, Esc stays here", th.dim)
}

func (s *switcher) key(name string, _ *tcell.EventKey) bool {
	goals := s.goals()
	switch name {
	case "Esc", "Ctrl+C", "Ctrl+G":
		s.w.closeOverlay()
	case "Up", "Ctrl+P", "Shift+Tab":
		s.at = max(0, s.at-1)
	case "Down", "Ctrl+N", "Tab", "Ctrl+K":
		s.at = max(0, min(len(goals)-1, s.at+1))
	case "Enter":
		if s.at < len(goals) {
			s.w.closeOverlay()
			s.w.goTo(goals[s.at])
		} else if s.rooms && strings.TrimSpace(s.ask.text) != "" && !s.busy {
			s.w.closeOverlay()
			s.w.goTo(goal{room: "#" + strings.TrimPrefix(strings.TrimSpace(s.ask.text), "#")})
		}
	default:
		return false
	}
	return true
}

// goTo opens what the switcher leads to.
func (w *window) goTo(g goal) {
	if g.c != nil {
		w.show(g.c)
		return
	}
	w.call(func(ctx context.Context) func() {
		var room peer.Room
		var err error
		if g.who.IsZero() {
			room, err = w.chat.Join(ctx, g.room)
		} else {
			room, err = w.chat.Query(ctx, g.who.String())
		}
		return func() {
			if err != nil {
				w.page.status.say(reason(err), true)
				return
			}
			w.show(w.m.open(room))
		}
	})
}

// question covers nothing and waits for y.
type question struct {
	w   *window
	ask editor
	yes func()
}

// confirm asks before something that cannot be undone.
func (w *window) confirm(prompt, about string, yes func()) {
	w.closeOverlay()
	q := &question{w: w, yes: yes}
	w.page.overlay = q
	w.page.composer.ask, w.page.composer.prompt = &q.ask, prompt+" y/n> "
	w.page.status.show(about, false)
}

func (q *question) draw(scr tcell.Screen, _, _, _, _ int) { q.w.page.timeline.Draw(scr) }

func (q *question) key(name string, _ *tcell.EventKey) bool {
	switch name {
	case "y", "Y":
		q.w.closeOverlay()
		q.yes()
	case "PgUp", "PgDn":
		return false
	default:
		q.w.closeOverlay()
		q.w.page.status.say("nothing was deleted", false)
	}
	return true
}

// cmdForget asks, then leaves a room and deletes what is stored of it here.
func (w *window) cmdForget(c *conv, rest string) error {
	forget := c
	if rest != "" {
		who, _ := w.who(rest)
		i := slices.IndexFunc(w.m.convs, func(x *conv) bool {
			return strings.EqualFold(x.room.Name, rest) || x.room.Direct() && x.room.With.String() == who ||
				strings.EqualFold(w.m.title(x), strings.TrimPrefix(rest, "@"))
		})
		if i < 0 {
			return usageError("there is no conversation " + safeName(rest) + " to forget")
		}
		forget = w.m.convs[i]
	}
	name, typed := w.m.title(forget), w.typed
	about := "Everything said in " + name + " is deleted on this device, and you leave the room. Others keep what they have."
	if forget.room.Direct() {
		about = "Everything said between you and " + name + " is deleted on this device. " + name + " keeps it."
	}
	w.confirm("forget "+name+"?", about, func() {
		w.call(func(ctx context.Context) func() {
			err := w.chat.Forget(ctx, target(forget))
			return func() {
				if err != nil {
					w.refused(c, typed, err)
					return
				}
				forget.seen = forget.told // nothing is left to be read
				w.m.close(forget.room.ID)
				w.load(w.m.current)
				w.page.status.say(name+" is forgotten", false)
			}
		})
	})
	return nil
}
