package ui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/google/uuid"

	"earshot/peer"
)

// details covers the conversation with what is known about one line.
type details struct {
	w      *window
	c      *conv
	l      *line
	detail peer.Detail
	known  bool
	wrong  string
	from   int
	lines  int
	height int
}

// cmdDetails tells what became of the last own line, or of the one that is pointed at.
func (w *window) cmdDetails(c *conv, _ string) error {
	l := c.byID[c.hit]
	for i := len(c.lines) - 1; i >= 0 && l == nil; i-- {
		if c.lines[i].message && c.lines[i].own {
			l = c.lines[i]
		}
	}
	if l == nil {
		return usageError("you have said nothing here; Up chooses another line")
	}
	w.openDetails(l)
	return nil
}

func (w *window) openDetails(l *line) {
	w.closeOverlay()
	d := &details{w: w, c: w.m.current, l: l}
	w.page.overlay = d
	d.read()
}

// read asks who has the line.
func (d *details) read() {
	if !d.l.own {
		return
	}
	d.w.background(func(ctx context.Context) func() {
		detail, err := d.w.chat.Detail(ctx, d.c.room.ID, d.l.place)
		return func() {
			if err != nil {
				d.wrong = Safe(reason(err))
				return
			}
			d.detail, d.known, d.wrong = detail, true, ""
		}
	})
}

// happened reads again when the line has reached somebody.
func (d *details) happened(e peer.Event) {
	switch e := e.(type) {
	case peer.Delivered:
		if e.ID == d.l.id {
			d.read()
		}
	case peer.ReadBy:
		if slices.Contains(e.Lines, d.l.id) {
			d.read()
		}
	case peer.Joined, peer.Left:
		d.read()
	}
}

// text is what is known, in rows of two columns.
func (d *details) text() []helpLine {
	m, l := d.w.m, d.l
	rows := []helpLine{{"said by", m.label(l.author, l.name)}, {"key", l.author.String()}}
	if l.own {
		rows = []helpLine{{"said by", "you"}}
	}
	said := l.time.In(m.loc).Format("Monday 2 January 2006 15:04:05")
	if !l.own {
		said += ", by their clock"
	}
	if l.skew != 0 {
		said += ", which is " + skew(l.skew) + " off"
	}
	rows = append(rows, helpLine{"at", said}, helpLine{"number", fmt.Sprintf("%d of its author", l.place.Seq)}, helpLine{"id", l.id.String()})
	if l.late {
		rows = append(rows, helpLine{"late", "it came after lines behind it were shown"})
	}
	if l.unstored {
		rows = append(rows, helpLine{"not stored", "the disk did not take it: it may be gone after a restart"})
	}
	switch {
	case !l.own:
		return rows
	case d.wrong != "":
		return append(rows, helpLine{}, helpLine{"", d.wrong})
	case !d.known:
		return append(rows, helpLine{}, helpLine{"", "counting" + m.g.more})
	}
	all := len(d.detail.Reached) + len(d.detail.Missing)
	rows = append(rows, helpLine{}, helpLine{left: fmt.Sprintf("%d of %d %s", len(d.detail.Reached), all, has(len(d.detail.Reached)))})
	for _, r := range d.detail.Reached {
		rows = append(rows, helpLine{m.label(r.Peer, r.Name), fmt.Sprintf("%s  after %s, %s",
			m.clock(r.At), elapsed(r.At.Sub(d.detail.Said)), count(max(r.Sendings, 1), "sending"))})
		if !r.Read.IsZero() {
			rows = append(rows, helpLine{"", fmt.Sprintf("%s  %s read it", m.clock(r.Read), m.label(r.Peer, r.Name))})
		}
	}
	if len(d.detail.Missing) > 0 {
		rows = append(rows, helpLine{}, helpLine{left: fmt.Sprintf("%d of %d %s", len(d.detail.Missing), all, lack(len(d.detail.Missing)))})
	}
	for _, p := range d.detail.Missing {
		if known := m.people[p.ID]; known != nil {
			p.Online, p.Since = known.Online, known.Since
		}
		state := "here; it is on its way"
		if !p.Online {
			state = "not here"
			if !p.Since.IsZero() {
				state += " since " + m.when(p.Since)
			}
			state += "; owed since " + m.when(d.detail.Said)
		}
		rows = append(rows, helpLine{m.label(p.ID, p.Name), state})
	}
	return rows
}

func lack(n int) string {
	if n == 1 {
		return "lacks it"
	}
	return "lack it"
}

// clock is a time of day to the second, of another day with its date.
func (m *model) clock(at time.Time) string {
	if at = at.In(m.loc); sameDay(at, m.now().In(m.loc)) {
		return at.Format("15:04:05")
	}
	return at.Format("2 Jan 15:04:05")
}

// elapsed is how long something took, in as many digits as one reads at a glance.
func elapsed(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return roundTrip(d)
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func (d *details) draw(scr tcell.Screen, x, y, w, h int) {
	th := d.w.page.th
	column := min(14, w/3)
	type row struct {
		left, text string
		style      tcell.Style
	}
	var rows []row
	for _, r := range wrap(d.l.text, w) {
		if len(rows) == 3 {
			rows[2].left = clip(d.l.text[r.start:], w, th.g.more)
			break
		}
		rows = append(rows, row{left: d.l.text[r.start:r.end], style: th.strong})
	}
	rows = append(rows, row{})
	for _, l := range d.text() {
		if l.text == "" {
			rows = append(rows, row{left: l.left, style: th.accent})
			continue
		}
		if whole := l.left + " " + l.text; width(l.text) > w-column-2 && width(whole) <= w && !strings.Contains(l.text, " ") {
			rows = append(rows, row{left: whole, style: th.text}) // a key is not to be broken
			continue
		}
		for i, r := range wrap(l.text, w-column-2) {
			left := ""
			if i == 0 {
				left = clipName(l.left, column, th.g.more)
			}
			rows = append(rows, row{left, l.text[r.start:r.end], th.text})
		}
	}
	d.height, d.lines = max(1, h-1), len(rows)
	d.from = max(0, min(d.from, d.lines-d.height))
	for i := 0; i < d.height && d.from+i < len(rows); i++ {
		r := rows[d.from+i]
		put(scr, x, y+i, x+w, r.left, r.style)
		put(scr, x+column+2, y+i, x+w, r.text, th.dim)
	}
	foot := "Esc closes"
	if d.lines > d.height {
		foot = "PgUp PgDn scroll, Esc closes"
	}
	put(scr, x, y+h-1, x+w, foot, th.dim)
}

func (d *details) key(name string, _ *tcell.EventKey) bool {
	switch name {
	case "Esc", "q", "Ctrl+C", "Enter":
		d.w.closeOverlay()
		d.c.hit = uuid.UUID{}
	case "PgDn", " ":
		d.from += max(1, d.height-1)
	case "PgUp":
		d.from -= max(1, d.height-1)
	case "Down", "j":
		d.from++
	case "Up", "k":
		d.from--
	default:
		return false
	}
	return true
}

func has(n int) string {
	if n == 1 {
		return "has it"
	}
	return "have it"
}
