package ui

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/protocol"
)

// line is one entry of a conversation: a message, or a sentence of this program.
type line struct {
	place   peer.Place // a note has the place of what it follows
	time    time.Time
	text    string // safe
	message bool
	trouble bool
	mention bool

	// of messages
	id                uuid.UUID
	author            protocol.PeerID
	name              string // safe
	own, action, old  bool
	audience, reached int
	skew              time.Duration
	told              bool // an event told of it: history alone is no news

	// of quiet notes, which gather: "alice, bob and carol are here"
	verb  presence
	names []string
}

// presence is what a quiet note tells about people.
type presence int

const (
	noPresence presence = iota
	presenceHere
	presenceLeft
	presenceGone
)

// gather puts one more name into a quiet note.
func (l *line) gather(name string) {
	l.names = append(l.names, name)
	verb := map[presence][2]string{
		presenceHere: {" is here", " are here"},
		presenceLeft: {" left", " left"},
		presenceGone: {" no longer answers", " no longer answer"},
	}[l.verb]
	if len(l.names) == 1 {
		l.text = name + verb[0]
		return
	}
	l.text = list(l.names, 6) + verb[1]
}

// list joins names: "alice, bob and carol"; above most, "alice, bob and 7 others".
func list(names []string, most int) string {
	if len(names) <= 1 {
		return strings.Join(names, "")
	}
	if n := len(names); n > most {
		return strings.Join(names[:most-1], ", ") + " and " + count(n-most+1, "other")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// conv is one conversation: a room or two people.
type conv struct {
	room     peer.Room
	lines    []*line // by place
	byID     map[uuid.UUID]*line
	unread   int   // messages not read
	mentions int   // those of them that name us, or are direct
	mark     *line // the unread line is above it
	stale    bool  // all above and below mark is read: the next unread message moves it
	loaded   bool  // the newest page of history is here
	whole    bool  // the oldest line is here
	cleared  bool  // the view was emptied, and is till one scrolls up
	loading  bool
	messages int // how many of lines are messages
	place    anchor
	below    int // messages that came while scrolled up

	// of the composer
	draft   editor
	history []string
	recall  int // index into history, len(history): the draft
	kept    string
}

// add puts l where its place says, behind equals.
func (c *conv) add(l *line) {
	i := len(c.lines)
	if i > 0 && c.lines[i-1].place.Compare(l.place) > 0 {
		lo, hi := 0, i
		for lo < hi {
			if mid := (lo + hi) / 2; c.lines[mid].place.Compare(l.place) > 0 {
				hi = mid
			} else {
				lo = mid + 1
			}
		}
		i = lo
	}
	c.lines = append(c.lines, nil)
	copy(c.lines[i+1:], c.lines[i:])
	c.lines[i] = l
	if l.message {
		c.byID[l.id] = l
		c.messages++
	}
}

// note adds a sentence of this program at the end.
func (c *conv) note(now time.Time, text string, trouble bool) *line {
	l := &line{time: now, text: text, trouble: trouble}
	if n := len(c.lines); n > 0 {
		l.place = c.lines[n-1].place
	}
	c.add(l)
	return l
}

// quiet notes that name came or went, on one line with those just before.
func (c *conv) quiet(now time.Time, verb presence, name string) {
	if n := len(c.lines); n > 0 {
		if l := c.lines[n-1]; l.verb == verb && now.Sub(l.time) < 10*time.Minute && len(l.names) < 1000 {
			l.gather(name)
			return
		}
	}
	l := c.note(now, "", false)
	l.verb = verb
	l.gather(name)
}

// page takes a page of history. The first one goes in front of the notes of the start.
func (c *conv) page(lines []*line) {
	var early []*line
	if !c.loaded {
		for len(c.lines) > 0 && !c.lines[0].message && c.lines[0].place == (peer.Place{}) {
			early, c.lines = append(early, c.lines[0]), c.lines[1:]
		}
	}
	for _, l := range lines {
		if old := c.byID[l.id]; old != nil {
			old.reached, old.audience = max(old.reached, l.reached), max(old.audience, l.audience)
			continue
		}
		c.add(l)
	}
	for _, l := range early {
		if len(lines) > 0 {
			l.place = lines[len(lines)-1].place
		}
		c.add(l)
	}
	c.loaded = true
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

// newest is the place of the newest line, zero if there is none.
func (c *conv) newest() peer.Place {
	if len(c.lines) == 0 {
		return peer.Place{}
	}
	return c.lines[len(c.lines)-1].place
}

// index finds l, -1 if it is no longer there.
func (c *conv) index(l *line) int {
	lo, hi := 0, len(c.lines)
	for lo < hi {
		if mid := (lo + hi) / 2; c.lines[mid].place.Compare(l.place) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < len(c.lines) && c.lines[lo].place == l.place; lo++ {
		if c.lines[lo] == l {
			return lo
		}
	}
	return -1
}

// clear empties the view; scrolling up reads the history again.
func (c *conv) clear() {
	c.lines, c.byID, c.messages = nil, map[uuid.UUID]*line{}, 0
	c.mark, c.unread, c.mentions, c.below, c.place = nil, 0, 0, 0, anchor{}
	c.loaded, c.whole, c.cleared = true, false, true
}

// read takes everything as read; the unread line stays until one leaves.
func (c *conv) read() { c.unread, c.mentions, c.stale = 0, 0, false }
