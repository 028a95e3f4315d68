package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"earshot/peer"
)

// statusText is the left side of the status line, in rounded figures: it is drawn only when it changes.
func (m *model) statusText() string {
	s := m.status
	parts := []string{strings.Join(s.Interfaces, " ")}
	if len(s.Interfaces) == 0 {
		parts[0] = "no network"
	}
	if s.RTT > 0 {
		parts = append(parts, roundTrip(s.RTT))
	}
	if s.Online > 0 {
		parts = append(parts, fmt.Sprintf("loss %d %%", int(s.Loss*100+0.5)))
	}
	if s.Owed > 0 {
		parts = append(parts, fmt.Sprintf("owed %d", s.Owed))
	}
	return Safe(strings.Join(parts, m.g.dot))
}

// unreadText says what is unread in other conversations, "" if nothing is, and whether somebody means us there.
func (m *model) unreadText() (text string, mention bool) {
	n := 0
	for _, c := range m.convs {
		if c != m.current {
			n += c.unread
			mention = mention || c.mentions > 0
		}
	}
	if n == 0 {
		return "", false
	}
	return fmt.Sprintf("%d unread, Alt+A", n), mention
}

// roundTrip is a duration in as many digits as one reads at a glance.
func roundTrip(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// headerText is every part of the header that events change.
func (m *model) headerText() string {
	left, more := m.headline()
	return left + more + strings.Join(m.headerRight(), "\n")
}

// headline is the name of the conversation and what it is.
func (m *model) headline() (name, about string) {
	c := m.current
	if !c.room.Direct() {
		return m.title(c), Safe(c.room.Topic)
	}
	about = "between you two"
	if p := m.people[c.room.With]; p != nil {
		about += m.g.dot + m.state(p)
	}
	return m.title(c), about
}

// state is how somebody is, in words.
func (m *model) state(p *peer.Person) string {
	switch {
	case !p.Online:
		return "not here"
	case p.Away != "":
		return "away: " + Safe(p.Away)
	case p.RTT > 0:
		return "here, " + roundTrip(p.RTT)
	}
	return "here"
}

// headerRight is the right side of the header, the widest wording first.
func (m *model) headerRight() []string {
	if !m.ready {
		return []string{"starting"}
	}
	dot := m.g.dot
	long, short := "open: anyone on this LAN can join", "open"
	if m.closed {
		long, short = "closed: "+safeName(m.network), "closed"
	}
	here := "nobody else"
	if n := m.status.Online; n > 0 {
		here = count(n, "other")
	}
	nets := Safe(strings.Join(m.status.Interfaces, " "))
	if nets == "" {
		nets = "no network"
	}
	all := []string{
		long + dot + nets + dot + here, short + " LAN" + dot + nets + dot + here,
		short + dot + nets + dot + here, short + dot + here, here,
	}
	if m.current.room.Direct() {
		return all[1:] // who joins the rooms is no matter here
	}
	return all
}

// header is the top row.
type header struct {
	*tview.Box
	m  *model
	th *theme
}

func (h *header) Draw(scr tcell.Screen) {
	x, y, w, _ := h.GetRect()
	end := x + w - 1
	name, about := h.m.headline()
	brand := "earshot"
	if w < 60 {
		brand = ""
	}
	left := width(name) + 4
	if about != "" { // it may take some of the room, but does not push out all else
		left += 2 + min(width(about), w/3+6)
	}
	if brand != "" {
		left += len(brand) + 2
	}
	rights := h.m.headerRight()
	for i, right := range rights {
		if rw := width(right); left+rw <= w-1 || i == len(rights)-1 {
			put(scr, max(end-rw, x), y, end, right, h.th.dim)
			end = max(end-rw-2, x)
			break
		}
	}
	x++
	if brand != "" {
		x = put(scr, x, y, end, brand, h.th.accent) + 3
	}
	x = put(scr, x, y, end, clip(name, end-x, h.th.g.more), h.th.strong) + 2
	if about != "" && end-x >= min(width(about), 12) {
		put(scr, x, y, end, clip(about, end-x, h.th.g.more), h.th.dim)
	}
}

// statusLine is the bottom: how the network is and which keys help, or what was just refused, in as many rows as that takes.
type statusLine struct {
	*tview.Box
	m       *model
	th      *theme
	message string   // instead of the status, until the next key
	bad     bool     // message is about something that went wrong
	choices []string // of the completion that is going on
	choice  int
	folded  bool      // no sidebar tells what is unread
	number  int       // of the message
	fade    func(int) // has a message go after some time
}

// say shows a message till the next key; one about nothing bad goes by itself.
func (s *statusLine) say(text string, bad bool) {
	s.show(text, bad)
	if !bad && s.fade != nil {
		s.fade(s.number)
	}
}

// show shows a message till the next key.
func (s *statusLine) show(text string, bad bool) {
	s.message, s.bad, s.choices = Safe(text), bad, nil
	s.number++
}

// clear shows the status again.
func (s *statusLine) clear() { s.message, s.choices = "", nil }

// rows is how many rows are wanted at a width.
func (s *statusLine) rows(w int) int {
	if s.message == "" {
		return 1
	}
	return min(len(wrap(s.message, w-2)), 3)
}

func (s *statusLine) Draw(scr tcell.Screen) {
	x, y, w, h := s.GetRect()
	end := x + w - 1
	x++
	switch {
	case len(s.choices) > 0:
		s.drawChoices(scr, x, y, end)
		return
	case s.message != "":
		style := s.th.text
		if s.bad {
			style = s.th.alert
		}
		for i, r := range wrap(s.message, w-2) {
			if i < h {
				put(scr, x, y+i, end, s.message[r.start:r.end], style)
			}
		}
		return
	}
	if !s.m.ready {
		return
	}
	style := s.th.dim
	if len(s.m.status.Interfaces) == 0 {
		style = s.th.alert
	}
	if late := s.m.lateText(); late != "" {
		x = put(scr, x, y, end, clip(late, end-x, s.th.g.more), s.th.accent) + 3
	}
	if text, mention := s.m.unreadText(); s.folded && text != "" {
		style := s.th.strong
		if mention {
			style = s.th.accent.Bold(true)
		}
		x = put(scr, x, y, end, clip(text, end-x, s.th.g.more), style) + 3
	}
	left := s.m.statusText()
	x = put(scr, x, y, end, clip(left, end-x, s.th.g.more), style) + 3
	for _, keys := range []string{"F1 help  Ctrl+G go to  F7 people", "F1 help  Ctrl+G go to", "F1 help"} {
		if w := width(keys); x+w <= end {
			put(scr, end-w, y, end, keys, s.th.dim)
			return
		}
	}
}

// drawChoices shows what Tab goes through.
func (s *statusLine) drawChoices(scr tcell.Screen, x, y, end int) {
	from := 0 // scrolled so that the choice is seen
	for w, i := 0, s.choice; i >= 0; i-- {
		if w += width(s.choices[i]) + 2; w > end-x {
			from = i + 1
			break
		}
	}
	for i := min(from, s.choice); i < len(s.choices) && x < end; i++ {
		style := s.th.dim
		if i == s.choice {
			style = s.th.accent
		}
		x = put(scr, x, y, end, s.choices[i], style) + 2
	}
}
