package ui

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/protocol"
)

// history takes a page that the chat gave for c, asked for before a place; short: there is nothing older.
func (m *model) history(c *conv, page []peer.Message, before peer.Place, short bool) {
	latest, start := c.latest, !c.loaded
	known, first := c.messages > 0 || c.loaded, before == peer.Place{}
	var lines, missed []*line
	for _, x := range page {
		l := m.line(x)
		if known && first && c.byID[x.ID] == nil && x.Place.Compare(latest) > 0 {
			missed = append(missed, l)
		}
		lines = append(lines, l)
	}
	c.page(lines, short)
	c.loading = false
	c.whole = c.whole || short
	if start && c.restored {
		m.restore(c)
	}
	for _, l := range missed {
		if !l.told {
			l.old = false
			m.arrived(c, l)
		}
	}
	c.trim()
}

// restore finds what had not been read when this program ended.
func (m *model) restore(c *conv) {
	never := c.room.Read == peer.Place{}
	if never && !c.room.Direct() { // a room that nobody has looked at has no place where reading ended
		return
	}
	looking := c == m.current && !m.unfocused
	for _, l := range c.lines {
		if !l.message || l.own || l.told || l.place.Compare(c.room.Read) <= 0 {
			continue
		}
		l.told, l.old = true, false
		if !c.marked || l.place.Compare(c.mark) < 0 {
			c.marked, c.mark = true, l.place
		}
		if !looking {
			m.notice(c, l)
		}
	}
	if c.marked && !never && !c.whole && c.room.Read.Compare(c.first()) < 0 {
		c.mark = next(c.room.Read) // further up than what is here
	}
	if looking {
		c.seen = c.latest
	}
}

// lines makes lines of a page.
func (m *model) lines(page []peer.Message) []*line {
	lines := make([]*line, len(page))
	for i, x := range page {
		lines[i] = m.line(x)
		lines[i].told = true
	}
	return lines
}

// next is the place right behind p.
func next(p peer.Place) peer.Place {
	p.Seq++
	return p
}

// load reads the newest page of a conversation, once.
func (w *window) load(c *conv) {
	if c != nil && !c.loaded && !c.loading {
		w.read(c, peer.Place{})
	}
}

// older reads the page before the oldest line.
func (w *window) older(c *conv) {
	if c.loaded && !c.whole && !c.loading {
		w.read(c, c.first())
	}
}

// restorePages is how many pages are read at the start to count what is unread.
const restorePages = 5

func (w *window) read(c *conv, before peer.Place) {
	limit := pageSize
	if !c.loaded && c.restored && c.room.Read != (peer.Place{}) {
		limit *= restorePages
	}
	w.fetch(c, func(ctx context.Context) (func(), error) {
		page, short, err := back(ctx, w.chat, c.room.ID, before, c.room.Read, limit)
		return func() {
			had := c.messages
			w.m.history(c, page, before, short)
			c.whole = c.whole || c.messages == had && err == nil
		}, err
	})
}

// fetch reads history aside; what comes of it is used if the window is still the one it was asked for.
func (w *window) fetch(c *conv, read func(context.Context) (func(), error)) {
	c.loading = true
	c.fetches++
	number, generation := c.fetches, c.generation
	w.background(func(ctx context.Context) func() {
		use, err := read(ctx)
		return func() {
			if number == c.fetches {
				c.loading = false
			}
			if generation == c.generation {
				use()
				w.tellLeft()
			}
			if err != nil && ctx.Err() == nil {
				w.page.status.say("the history of "+w.m.title(c)+" cannot be read: "+reason(err), true)
			}
		}
	})
}

// back reads a page that ends before a place, and more of them up to limit lines until known is reached.
func back(ctx context.Context, chat peer.Chat, room protocol.RoomID, before, known peer.Place, limit int) (all []peer.Message, short bool, err error) {
	for {
		page, err := chat.History(ctx, room, before, pageSize)
		all = append(page, all...)
		if err != nil || len(page) < pageSize {
			return all, err == nil, err
		}
		before = page[0].Place
		if len(all) >= limit || before.Compare(known) <= 0 {
			return all, false, nil
		}
	}
}

// onward reads lines that come behind a place, about n, and tells whether they are the last there are. The chat reads
// backwards only, so it looks for the place to read back from: by Lamport clock, which grows about one with each line.
func onward(ctx context.Context, chat peer.Chat, room protocol.RoomID, after, latest peer.Place, n int) ([]peer.Message, bool, error) {
	low, high := uint64(0), uint64(0) // steps with too few and with too many lines; 0: none known
	step := uint64(n)
	for {
		before := peer.Place{Lamport: after.Lamport + step}
		end := before.Lamport > latest.Lamport
		if end {
			before = peer.Place{}
		}
		page, err := chat.History(ctx, room, before, n)
		if err != nil {
			return nil, false, err
		}
		found, _ := slices.BinarySearchFunc(page, next(after), func(m peer.Message, p peer.Place) int { return m.Place.Compare(p) })
		newer := page[found:]
		full := found == 0 && len(page) == n
		switch {
		case !full && (len(newer) > 0 || end):
			return newer, end, nil
		case !full:
			low = step
		case high == low+1 || step == 1: // as many at one tick of the clock
			for full {
				page, err = chat.History(ctx, room, newer[0].Place, n)
				if err != nil {
					return nil, false, err
				}
				found, _ = slices.BinarySearchFunc(page, next(after), func(m peer.Message, p peer.Place) int { return m.Place.Compare(p) })
				full = found == 0 && len(page) == n
				newer = append(page[found:], newer...)
			}
			return newer, end, nil
		default:
			high = step
			if end { // no step that goes further is of use
				high = min(high, latest.Lamport+1-after.Lamport)
			}
		}
		if high == 0 {
			step *= 4
		} else {
			step = low + max(1, (high-low)/2)
		}
	}
}

// newer reads the lines behind the last one.
func (w *window) newer(c *conv) {
	if !c.cut || c.loading {
		return
	}
	after, latest := c.newest(), c.latest
	w.fetch(c, func(ctx context.Context) (func(), error) {
		page, end, err := onward(ctx, w.chat, c.room.ID, after, latest, pageSize)
		return func() {
			if err == nil {
				c.cut = !end || c.latest != latest && c.latest.Compare(latest) > 0
				c.merge(w.m.lines(page))
				c.release()
				c.trim()
			}
		}, err
	})
}

// newest goes back to the end of a conversation whose newest lines were let go.
func (w *window) newest(c *conv) {
	c.generation++
	w.fetch(c, func(ctx context.Context) (func(), error) {
		page, err := w.chat.History(ctx, c.room.ID, peer.Place{}, pageSize)
		return func() {
			if err == nil {
				c.replace(w.m.lines(page), len(page) < pageSize, false)
				c.follow(c == w.m.current && !w.m.unfocused)
			}
		}, err
	})
}

// jump shows a conversation where a line is, and points at it. Without id it is the first line from there on.
func (w *window) jump(c *conv, at peer.Place, id uuid.UUID) {
	w.show(c)
	find := func() bool {
		l := c.byID[id]
		if id == (uuid.UUID{}) {
			l = c.from(at)
		}
		if l != nil {
			w.page.timeline.point(l)
		}
		return l != nil
	}
	if c.byID[id] != nil {
		find()
		return
	}
	c.generation++
	latest := c.latest
	w.fetch(c, func(ctx context.Context) (func(), error) {
		page, err := w.chat.History(ctx, c.room.ID, next(at), pageSize)
		whole := len(page) < pageSize
		var rest []peer.Message
		end := false
		if err == nil && latest == (peer.Place{}) {
			var last []peer.Message
			if last, err = w.chat.History(ctx, c.room.ID, peer.Place{}, 1); len(last) > 0 {
				latest = last[0].Place
			}
		}
		if err == nil {
			rest, end, err = onward(ctx, w.chat, c.room.ID, at, latest, pageSize)
		}
		return func() {
			if err != nil {
				return
			}
			c.replace(w.m.lines(append(page, rest...)), whole, !end || c.latest.Compare(latest) > 0)
			if c.latest.Compare(latest) < 0 {
				c.latest = latest
			}
			if !find() {
				w.page.status.say("that line is no longer here", true)
			}
		}, err
	})
}

// reread brings the model up to date after events were lost.
func (w *window) reread() {
	w.background(func(ctx context.Context) func() {
		people, err := w.chat.People(ctx)
		return func() {
			if err == nil {
				w.m.reset(people)
			}
		}
	})
	for _, c := range w.m.convs {
		known, generation, limit := c.latest, c.generation, keepLines
		if c.cut {
			limit = pageSize
		}
		w.background(func(ctx context.Context) func() {
			page, short, err := back(ctx, w.chat, c.room.ID, peer.Place{}, known, limit)
			return func() {
				switch {
				case err != nil || generation != c.generation:
				case !c.cut && !short && len(page) > 0 && page[0].Place.Compare(known) > 0: // too much to fill the hole
					w.m.arrivedAll(c, page, known)
					c.replace(w.m.lines(page), false, false)
				case c.cut:
					w.m.arrivedAll(c, page, known)
				default:
					w.m.history(c, page, peer.Place{}, false)
				}
			}
		})
	}
}

// arrivedAll counts what came behind a place, unless it was counted.
func (m *model) arrivedAll(c *conv, page []peer.Message, known peer.Place) {
	for _, l := range m.lines(page) {
		if l.place.Compare(known) <= 0 || c.byID[l.id] != nil {
			continue
		}
		l.old = false
		if l.place.Compare(c.latest) > 0 {
			c.latest = l.place
		}
		m.arrived(c, l)
	}
}
