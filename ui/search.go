package ui

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"

	"earshot/peer"
)

const (
	// typingPause is how long the keys must rest before a search begins.
	typingPause = 150 * time.Millisecond
	// hitsAtOnce is how many hits are asked for at a time.
	hitsAtOnce = 50
)

// search covers the conversation with what was found. It is kept when it closes, and opens as it was.
type search struct {
	w      *window
	ask    editor
	asked  string // what the hits are about
	number int    // of the latest search: what an earlier one finds is of no use
	busy   bool
	hits   []peer.Message // newest first
	older  uint64
	want   int    // how many hits to go on for
	wrong  string // why nothing can be found
	at     int
	height int
}

// cmdSearch opens the search for a query.
func (w *window) cmdSearch(_ *conv, rest string) error {
	w.found = nil
	w.openSearch()
	if rest != "" {
		w.found.ask.set(rest)
		w.found.run()
	}
	return nil
}

func (w *window) openSearch() {
	w.closeOverlay()
	if w.found == nil {
		w.found = &search{w: w}
	}
	w.page.overlay = w.found
	w.page.composer.ask, w.page.composer.prompt = &w.found.ask, "search> "
}

// typed begins a search for what was typed, after a pause.
func (s *search) typed() {
	if s.ask.text == s.asked {
		return
	}
	s.asked = s.ask.text
	s.number++
	number := s.number
	s.w.after(typingPause, func() bool {
		if number == s.number {
			s.run()
		}
		return true
	})
}

// run searches for what is asked.
func (s *search) run() {
	s.asked = s.ask.text
	s.number++
	s.wrong = ""
	if strings.TrimSpace(s.asked) == "" {
		s.hits, s.older, s.at, s.busy = nil, 0, 0, false
		return
	}
	s.want = hitsAtOnce
	s.read(0)
}

// more looks for older hits.
func (s *search) more() {
	if s.older != 0 && !s.busy {
		s.wrong = ""
		s.want = len(s.hits) + hitsAtOnce
		s.read(s.older)
	}
}

func (s *search) read(older uint64) {
	s.busy = true
	number, query, wanted := s.number, strings.TrimSpace(s.asked), hitsAtOnce
	if older != 0 {
		wanted = s.want - len(s.hits)
	}
	s.w.background(func(ctx context.Context) func() {
		found, err := s.w.chat.Search(ctx, query, older, wanted)
		return func() {
			if number != s.number || ctx.Err() != nil {
				return
			}
			s.busy = false
			switch {
			case older == 0:
				s.hits, s.older, s.at = found.Messages, found.Older, 0
			case err == nil || len(found.Messages) > 0:
				s.hits, s.older = append(s.hits, found.Messages...), found.Older
			}
			if err != nil { // there may be hits all the same
				s.wrong = Safe(strings.TrimPrefix(reason(err), "search: "))
			}
			if s.older != 0 && len(s.hits) < s.want {
				s.read(s.older) // it takes long, and comes in parts
			}
		}
	})
}

func (s *search) draw(scr tcell.Screen, x, y, w, h int) {
	th, m := s.w.page.th, s.w.m
	s.height = max(1, h-1)
	foot, style := "Enter goes there, PgDn older, Esc back", th.dim
	switch {
	case s.wrong != "":
		foot, style = s.wrong, th.alert
	case s.busy && len(s.hits) == 0:
		foot = "searching" + th.g.more
	case len(s.hits) > 0 && s.older != 0:
		foot = fmt.Sprintf("%d of more%s%s", s.at+1, th.g.dot, foot)
	case len(s.hits) > 0:
		foot = fmt.Sprintf("%d of %d%sEnter goes there, Esc back", s.at+1, len(s.hits), th.g.dot)
	case strings.TrimSpace(s.asked) == "":
		foot = "Esc back"
	default:
		foot = "nothing found" + th.g.dot + "Esc back"
	}
	put(scr, x, y+h-1, x+w, clip(foot, w, th.g.more), style)
	if len(s.hits) == 0 && s.wrong == "" && strings.TrimSpace(s.asked) == "" {
		s.hint(scr, x, y, w, h-1)
		return
	}
	stamp, room, name := 0, 0, 0
	from := max(0, min(s.at-s.height/2, len(s.hits)-s.height))
	shown := s.hits[from:min(len(s.hits), from+s.height)]
	for _, hit := range shown {
		stamp = max(stamp, width(m.since(hit.Time)))
		room = max(room, width(s.where(hit)))
		name = max(name, width(m.label(hit.Author, hit.Name)))
	}
	room, name = min(room, max(4, w/6)), min(name, max(4, w/6))
	for i, hit := range shown {
		style, dim := th.text, th.dim
		if from+i == s.at {
			style, dim = th.accent.Bold(true), th.accent
			put(scr, x, y+i, x+w, th.g.current, style)
		}
		at := x + 2
		put(scr, at, y+i, x+w, fmt.Sprintf("%*s", stamp, m.since(hit.Time)), dim)
		at += stamp + 2
		put(scr, at, y+i, x+w, clipName(s.where(hit), room, th.g.more), dim)
		at += room + 2
		label := clipName(m.label(hit.Author, hit.Name), name, th.g.more)
		put(scr, at+name-width(label), y+i, x+w, label, dim)
		at += name + 2
		put(scr, at, y+i, x+w, clip(excerpt(hit.Text, s.asked, x+w-at, th.g.more), x+w-at, th.g.more), style)
	}
}

// hint says what may be asked.
func (s *search) hint(scr tcell.Screen, x, y, w, h int) {
	rows := []helpLine{
		{"words", "all of them, in any order"},
		{`"two words"`, "just as they are"},
		{"extin*", "the beginning of a word"},
		{"from:bob", "said by bob"},
		{"in:#lobby", "said there; in:@bob between you two"},
		{"after:2026-11-01", "from that day on"},
		{"before:2026-11", "before that month"},
	}
	for i, r := range rows {
		if i < h {
			put(scr, x, y+i, x+w, r.left, s.w.page.th.text)
			put(scr, x+18, y+i, x+w, r.text, s.w.page.th.dim)
		}
	}
}

// where is the conversation of a hit.
func (s *search) where(hit peer.Message) string {
	if c := s.w.m.find(hit.Room.ID); c != nil {
		return s.w.m.title(c)
	}
	return safeName(hit.Room.Name)
}

// excerpt is a text on one line, from shortly before the first word that was asked for if that would be out of sight.
func excerpt(text, query string, w int, more string) string {
	text = strings.Join(strings.Fields(Safe(text)), " ")
	if width(text) <= w {
		return text
	}
	low := strings.ToLower(text)
	if len(low) != len(text) {
		return text
	}
	for word := range strings.FieldsSeq(strings.ToLower(query)) {
		i := strings.Index(low, strings.Trim(word, `"*`))
		if i <= 0 || width(text[:i]) < w*2/3 {
			continue
		}
		if space := strings.LastIndexByte(text[:max(0, i-w/4)], ' '); space > 0 {
			return more + text[space:]
		}
	}
	return text
}

func (s *search) key(name string, _ *tcell.EventKey) bool {
	last := len(s.hits) - 1
	switch name {
	case "Esc", "Ctrl+C", "Ctrl+S":
		s.w.closeOverlay()
	case "Up", "Ctrl+P", "Shift+Tab":
		s.at--
	case "Down", "Ctrl+N", "Tab":
		s.at++
	case "PgUp":
		s.at -= max(1, s.height-1)
	case "PgDn":
		s.at += max(1, s.height-1)
	case "Enter":
		if s.asked != s.ask.text {
			s.run()
			return true
		}
		if s.at >= 0 && s.at <= last {
			s.open(s.hits[s.at])
		}
	default:
		return false
	}
	if s.at+s.height > last {
		s.more()
	}
	s.at = max(0, min(s.at, last))
	return true
}

// open goes to a hit.
func (s *search) open(hit peer.Message) {
	w := s.w
	c := w.m.find(hit.Room.ID)
	switch {
	case c != nil:
		w.jump(c, hit.Place, hit.ID)
	case hit.Room.Direct():
		w.jump(w.m.open(hit.Room), hit.Place, hit.ID)
	default:
		name := safeName(hit.Room.Name)
		w.page.status.say("you have left "+name+": /join "+name+" and search again", true)
	}
}

// after has f run in tview's loop in a while, and the screen drawn if f tells that it changed.
func (w *window) after(d time.Duration, f func() bool) {
	if w.closing {
		return
	}
	w.wg.Go(func() {
		select {
		case <-time.After(d):
			w.update(f)
		case <-w.ctx.Done():
		}
	})
}

// closeOverlay shows the conversation again.
func (w *window) closeOverlay() {
	w.page.overlay = nil
	w.page.composer.ask, w.page.composer.prompt = nil, ""
}
