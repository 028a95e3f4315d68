package ui

import (
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

const (
	// keepLines is how many lines of a conversation are in memory, around what is shown; the chat's history has all.
	keepLines = 2000
	// spareLines is how many more there may be before some are let go.
	spareLines = 400
	// maxHeld is how many notes are kept that belong where no lines are in memory.
	maxHeld = 200
)

// conv is one conversation: a room or two people. Its lines are a window of all that was said.
type conv struct {
	room     peer.Room
	lines    []*line // by place
	byID     map[uuid.UUID]*line
	messages int // how many of lines are messages

	// of the window
	loaded     bool       // a page of history is here
	loading    bool       // one is being read
	whole      bool       // the oldest line is here
	cut        bool       // the newest lines are not here
	cleared    bool       // the view was emptied, and is till one scrolls up
	held       []*line    // notes that belong where no lines are
	latest     peer.Place // of the newest message, here or not
	fetches    int        // pages that were asked for
	generation int        // pages that were asked for under another one are of no use

	// of reading
	restored bool       // it was there at the start: room.Read is up to where it had been read
	seen     peer.Place // up to here it has been read
	told     peer.Place // up to here the chat knows of it
	toldAt   time.Time
	telling  bool // the chat will be told soon
	unread   int  // messages not read
	mentions int  // those of them that name us, or are direct
	marked   bool // there is an unread line,
	mark     peer.Place
	stale    bool       // all above and below the unread line is read: the next unread message moves it
	late     []lateLine // that came late and were not looked at
	below    int        // messages that came while scrolled up

	gaps  []peer.Gap
	above map[*line][]string // what is missing in front of a line; nil: to be found out
	after []ending           // what is missing behind all lines, as of when above was found out
	place anchor
	hit   uuid.UUID // the line that is pointed at

	// of the composer
	draft   editor
	history []string
	recall  int // index into history, len(history): the draft
	kept    string
}

func newConv(r peer.Room) *conv {
	return &conv{room: r, byID: map[uuid.UUID]*line{}, seen: r.Read, told: r.Read}
}

// add takes a line as it comes: where it belongs if that is in the window, else it waits in the history.
func (c *conv) add(l *line) {
	if l.message {
		newer := l.place.Compare(c.latest) > 0
		if newer {
			c.latest = l.place
		}
		if c.cut && (newer || l.place.Compare(c.newest()) > 0) || c.loaded && !c.whole && l.place.Compare(c.first()) < 0 {
			return
		}
	}
	c.insert(l)
	c.trim()
}

// insert puts l where its place says, behind equals.
func (c *conv) insert(l *line) {
	i := len(c.lines)
	if i > 0 && c.lines[i-1].place.Compare(l.place) > 0 {
		i = c.search(func(p peer.Place) bool { return p.Compare(l.place) > 0 })
	}
	c.lines = append(c.lines, nil)
	copy(c.lines[i+1:], c.lines[i:])
	c.lines[i] = l
	c.above = nil
	if l.message {
		c.byID[l.id] = l
		c.messages++
	}
}

// search is the index of the first line whose place fits, which all behind it do too.
func (c *conv) search(fits func(peer.Place) bool) int {
	lo, hi := 0, len(c.lines)
	for lo < hi {
		if mid := (lo + hi) / 2; fits(c.lines[mid].place) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// note adds a sentence of this program at the end.
func (c *conv) note(now time.Time, text string, trouble bool) *line {
	l := &line{time: now, text: text, trouble: trouble, place: c.latest}
	if c.cut {
		c.hold(l)
		return l
	}
	if n := len(c.lines); n > 0 {
		l.place = c.lines[n-1].place
	}
	c.add(l)
	return l
}

func (c *conv) hold(l *line) {
	c.held = append(c.held, l)
	c.held = c.held[max(0, len(c.held)-maxHeld):]
}

// quiet notes that name came or went, on one line with those just before.
func (c *conv) quiet(now time.Time, verb presence, name string) {
	last := c.lines
	if c.cut {
		last = c.held
	}
	if n := len(last); n > 0 {
		if l := last[n-1]; l.verb == verb && now.Sub(l.time) < 10*time.Minute && len(l.names) < 1000 {
			l.gather(name)
			return
		}
	}
	l := c.note(now, "", false)
	l.verb = verb
	l.gather(name)
}

// page takes a page of history. The first one goes in front of the notes of the start.
func (c *conv) page(lines []*line, short bool) {
	var early []*line
	if !c.loaded {
		for len(c.lines) > 0 && !c.lines[0].message && c.lines[0].place == (peer.Place{}) {
			early, c.lines = append(early, c.lines[0]), c.lines[1:]
		}
		if !short && len(lines) > 0 { // what came late from further back would leave a hole
			c.keep(c.search(func(p peer.Place) bool { return p.Compare(lines[0].place) >= 0 }), len(c.lines))
		}
	}
	c.merge(lines)
	for _, l := range early {
		if len(lines) > 0 {
			l.place = lines[len(lines)-1].place
		}
		c.insert(l)
	}
	c.loaded = true
	c.release()
}

func (c *conv) merge(lines []*line) {
	for _, l := range lines {
		if old := c.byID[l.id]; old != nil {
			old.reached, old.audience, old.read = max(old.reached, l.reached), max(old.audience, l.audience), old.read || l.read
			continue
		}
		if l.place.Compare(c.latest) > 0 {
			c.latest = l.place
		}
		c.insert(l)
	}
}

// release puts notes back whose place is in the window.
func (c *conv) release() {
	held := c.held
	c.held = nil
	for _, l := range held {
		if n := len(c.lines); n > 0 && l.place.Compare(c.lines[0].place) >= 0 && (!c.cut || l.place.Compare(c.lines[n-1].place) < 0) {
			c.insert(l)
		} else if n == 0 && !c.cut {
			c.insert(l)
		} else {
			c.held = append(c.held, l)
		}
	}
}

// trim lets go of the lines that are far from what is shown.
func (c *conv) trim() {
	n := len(c.lines)
	if n <= keepLines+spareLines {
		return
	}
	from := n - keepLines
	if l := c.place.line; l != nil {
		if i := c.index(l); i >= 0 {
			from = max(0, min(i-keepLines/2, from))
		}
	}
	c.keep(from, from+keepLines)
}

// keep makes the lines from..to the whole window.
func (c *conv) keep(from, to int) {
	if from == 0 && to == len(c.lines) {
		return
	}
	c.generation++
	c.whole = c.whole && from == 0
	for i, l := range c.lines {
		switch {
		case i >= from && i < to:
		case l.message:
			delete(c.byID, l.id)
			c.messages--
			c.cut = c.cut || i >= to
		default:
			c.hold(l)
		}
	}
	c.lines = append([]*line(nil), c.lines[from:to]...)
	c.above = nil
}

// replace makes another window, read from the history.
func (c *conv) replace(lines []*line, whole, cut bool) {
	at := c.place.line
	for _, l := range c.lines {
		if !l.message {
			c.hold(l)
		}
	}
	c.lines, c.byID, c.messages, c.above = nil, map[uuid.UUID]*line{}, 0, nil
	c.loaded, c.whole, c.cut, c.cleared = true, whole, cut, false
	c.merge(lines)
	c.release()
	c.place = anchor{}
	if at != nil && at.message && c.byID[at.id] != nil {
		c.place = anchor{line: c.byID[at.id]}
	}
}

// first is the place of the oldest message, zero if there is none.
func (c *conv) first() peer.Place {
	for _, l := range c.lines {
		if l.message {
			return l.place
		}
	}
	return peer.Place{}
}

// newest is the place of the last line of the window, zero if there is none.
func (c *conv) newest() peer.Place {
	if len(c.lines) == 0 {
		return peer.Place{}
	}
	return c.lines[len(c.lines)-1].place
}

// index finds l, -1 if it is no longer there.
func (c *conv) index(l *line) int {
	i := c.search(func(p peer.Place) bool { return p.Compare(l.place) >= 0 })
	for ; i < len(c.lines) && c.lines[i].place == l.place; i++ {
		if c.lines[i] == l {
			return i
		}
	}
	return -1
}

// from is the first message at a place or behind it, nil if the window holds none.
func (c *conv) from(p peer.Place) *line {
	for i := c.search(func(q peer.Place) bool { return q.Compare(p) >= 0 }); i < len(c.lines); i++ {
		if c.lines[i].message {
			return c.lines[i]
		}
	}
	return nil
}

// unreadLine is the line above which the unread line is, nil if that is not in the window.
func (c *conv) unreadLine() *line {
	if !c.marked {
		return nil
	}
	l := c.from(c.mark)
	if l != nil && !c.whole && l.place != c.mark && l.place == c.first() {
		return nil
	}
	return l
}

// clear empties the view; scrolling up reads the history again.
func (c *conv) clear() {
	c.lines, c.byID, c.messages, c.held, c.above = nil, map[uuid.UUID]*line{}, 0, nil, nil
	c.marked, c.unread, c.mentions, c.below, c.late, c.place = false, 0, 0, 0, nil, anchor{}
	c.loaded, c.whole, c.cut, c.cleared = true, false, false, true
	c.generation++
}

// read takes everything as read that is in sight; the unread line stays until one leaves.
func (c *conv) read() {
	if c.place.line == nil && !c.cut {
		c.seen = c.latest
	} else {
		c.below = max(c.below, c.unread)
	}
	c.unread, c.mentions, c.stale = 0, 0, false
}

// follow has the view follow the end.
func (c *conv) follow(looked bool) {
	c.place, c.below = anchor{}, 0
	if looked && !c.cut {
		c.seen = c.latest
	}
}
