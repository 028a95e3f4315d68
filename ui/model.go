package ui

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/protocol"
)

// model is what the screen shows, made of events alone: no terminal, no chat, no clock but the one it is given.
type model struct {
	now func() time.Time
	loc *time.Location
	g   glyphs

	ready         bool
	self          peer.Person
	network       string
	closed        bool
	status        peer.Status
	people        map[protocol.PeerID]*peer.Person
	namesakes     map[string]int // how many keys have a name
	convs         []*conv        // in the order in which they were opened
	current, last *conv
	left          []*conv // that were looked at, and are not any more
	nowhere       *conv   // stands in while there is no conversation
	unfocused     bool
	notes         []string // of the start, shown once there is a room

	bell   bool // something rang since it was last looked at
	resync bool // events were lost: People and History must be read again
}

func newModel(now func() time.Time, loc *time.Location, g glyphs) *model {
	nowhere := newConv(peer.Room{Name: "earshot"})
	nowhere.loaded, nowhere.whole = true, true
	return &model{
		now: now, loc: loc, g: g, people: map[protocol.PeerID]*peer.Person{}, namesakes: map[string]int{},
		nowhere: nowhere, current: nowhere,
	}
}

// apply takes one event and tells whether anything that can be seen has changed.
func (m *model) apply(e peer.Event) bool {
	switch e := e.(type) {
	case peer.Ready:
		m.start(e)
	case peer.Joined:
		m.person(e.Person)
		m.presence(e.Person, presenceHere)
	case peer.Left:
		m.person(e.Person)
		verb := presenceLeft
		if e.Reason != "left" {
			verb = presenceGone
		}
		m.presence(e.Person, verb)
	case peer.Changed:
		return m.changed(e)
	case peer.Message:
		m.message(e)
	case peer.Delivered:
		return m.delivered(e)
	case peer.ReadBy:
		return m.readBy(e)
	case peer.RoomJoined:
		m.open(e.Room).room.Topic = e.Room.Topic
	case peer.Topic:
		m.topic(e)
	case peer.Gaps:
		return m.missing(e)
	case peer.RoomParted:
		m.close(e.Room.ID)
	case peer.Note:
		m.note(e.Text, e.Trouble)
	case peer.Status:
		was := m.statusText() + m.headerText()
		m.status = e
		return was != m.statusText()+m.headerText()
	case peer.Resync:
		m.resync = true
	}
	return true
}

func (m *model) start(e peer.Ready) {
	if m.ready {
		m.startAgain(e)
		return
	}
	m.ready, m.self, m.network, m.closed, m.status = true, e.Self, e.Network, e.Closed, e.Status
	m.count(e.Self.Name, 1)
	for _, r := range e.Rooms {
		m.open(r).restored = true
	}
	for _, p := range e.People {
		m.person(p)
	}
	for _, n := range m.notes {
		m.note(n, false)
	}
	m.notes = nil
}

// startAgain goes on with a chat that had ended: what it knows by now is read as after lost events.
func (m *model) startAgain(e peer.Ready) {
	m.self, m.status, m.resync = e.Self, e.Status, true
	for _, r := range e.Rooms {
		m.open(r)
	}
	for _, c := range slices.Clone(m.convs) {
		if !slices.ContainsFunc(e.Rooms, func(r peer.Room) bool { return r.ID == c.room.ID }) {
			m.close(c.room.ID)
		}
	}
	m.note("the connection is back", false)
}

// message takes a line that was just stored.
func (m *model) message(x peer.Message) {
	c := m.open(x.Room)
	x.Old = x.Old && !c.room.Direct() // what was said to somebody is news to them, however long ago
	if l := c.byID[x.ID]; l != nil {
		l.reached, l.audience, l.read = max(l.reached, x.Reached), max(l.audience, x.Audience), l.read || x.Read
		l.late, l.unstored = l.late || x.Late, x.Unstored
		if !l.told { // a page of history, where every line is old, overtook the event
			l.old, l.missed = x.Old, x.Missed
			m.arrived(c, l)
		}
		return
	}
	l := m.line(x)
	c.add(l)
	m.arrived(c, l)
}

// arrived counts a new line as unread, unless it is being read at this moment.
func (m *model) arrived(c *conv, l *line) {
	l.told = true
	looking := c == m.current && !m.unfocused
	above := l.late && !l.own && !l.old && c.cameAbove(l)
	if looking && c.place.line == nil {
		c.seen = c.latest
	}
	if l.own || l.old {
		return
	}
	if c == m.current && c.place.line != nil {
		c.below++
	}
	// What was missed comes in front of one's eyes all at once, and not always in order.
	if !above && (!looking || l.missed) && (!c.marked || c.stale || l.missed && l.place.Compare(c.mark) < 0) {
		c.marked, c.mark, c.stale = true, l.place, false
	}
	if !looking {
		m.notice(c, l)
	}
}

// notice counts an unread line.
func (m *model) notice(c *conv, l *line) {
	c.unread++
	if l.mention || c.room.Direct() {
		c.mentions++
		m.bell = m.bell || m.unfocused
	}
}

func (m *model) line(x peer.Message) *line {
	l := &line{
		place: x.Place, time: x.Time, text: strings.TrimRight(SafeLines(x.Text), "\n"), message: true,
		id: x.ID, author: x.Author, name: x.Name, own: x.Own, action: x.Action, old: x.Old, missed: x.Missed,
		audience: x.Audience, reached: x.Reached, skew: x.Skew, late: x.Late, unstored: x.Unstored, read: x.Read,
	}
	l.mention = !x.Own && mentions(l.text, m.self.Name)
	return l
}

func (m *model) delivered(e peer.Delivered) bool {
	for _, c := range m.convs {
		if l := c.byID[e.ID]; l != nil {
			was := *l
			l.reached, l.audience = max(l.reached, e.Reached), max(l.audience, e.Audience)
			return c == m.current && (was.reached != l.reached || was.audience != l.audience)
		}
	}
	return false
}

// readBy takes the word of the other one of a direct conversation.
func (m *model) readBy(e peer.ReadBy) bool {
	c := m.find(e.Room.ID)
	if c == nil {
		return false
	}
	changed := false
	for _, id := range e.Lines {
		if l := c.byID[id]; l != nil && !l.read {
			l.read, changed = true, true
		}
	}
	return changed && c == m.current
}

// note shows a sentence in the conversation that is being looked at.
func (m *model) note(text string, trouble bool) {
	if m.current == m.nowhere {
		m.notes = append(m.notes, text)
		return
	}
	m.current.note(m.now(), SafeLines(text), trouble)
}

// open finds the conversation of a room, or begins it.
func (m *model) open(r peer.Room) *conv {
	if c := m.find(r.ID); c != nil {
		return c
	}
	c := newConv(r)
	m.convs = append(m.convs, c)
	if m.current == m.nowhere {
		m.current = c
		c.draft, m.nowhere.draft = m.nowhere.draft, editor{}
	}
	return c
}

func (m *model) find(id protocol.RoomID) *conv {
	for _, c := range m.convs {
		if c.room.ID == id {
			return c
		}
	}
	return nil
}

func (m *model) close(id protocol.RoomID) {
	i := slices.IndexFunc(m.convs, func(c *conv) bool { return c.room.ID == id })
	if i < 0 {
		return
	}
	c := m.convs[i]
	m.left = append(m.left, c)
	m.convs = slices.Delete(m.convs, i, i+1)
	if m.last == c {
		m.last = nil
	}
	if m.current == c {
		m.current = m.nowhere
		if m.last != nil {
			m.show(m.last)
		} else if len(m.convs) > 0 {
			m.show(m.convs[min(i, len(m.convs)-1)])
		}
		m.last = nil
	}
}

// show goes to a conversation; the unread line of the one that is left goes.
func (m *model) show(c *conv) {
	if c == m.current {
		return
	}
	if was := m.current; was != m.nowhere {
		m.last = was
		m.left = append(m.left, was)
		was.marked, was.hit = false, uuid.UUID{}
		if was.below > 0 && !m.unfocused { // which nobody has seen
			was.unread, was.marked, was.mark = max(was.unread, was.below), true, next(was.seen)
		}
	}
	m.current = c
	if !m.unfocused {
		c.read()
	}
}

// focus tells whether the terminal is being looked at.
func (m *model) focus(on bool) {
	m.unfocused = !on
	if on {
		m.current.read()
	} else {
		m.current.stale = m.current.unread == 0
		m.left = append(m.left, m.current)
	}
}

// nextUnread is the conversation to read next: mentions first, then the nearest after the current one.
func (m *model) nextUnread() *conv {
	at := slices.Index(m.convs, m.current)
	var best *conv
	for i := range m.convs {
		c := m.convs[(at+1+i)%len(m.convs)]
		if c == m.current || c.unread == 0 {
			continue
		}
		if best == nil || best.mentions == 0 && c.mentions > 0 {
			best = c
		}
	}
	return best
}

// title is what a conversation is called.
func (m *model) title(c *conv) string {
	if !c.room.Direct() {
		return safeName(c.room.Name)
	}
	if p := m.people[c.room.With]; p != nil {
		return m.label(p.ID, p.Name)
	}
	return strings.TrimPrefix(safeName(c.room.Name), "@")
}

// mentions tells whether text has name as a word of its own.
func mentions(text, name string) bool {
	text, name = strings.ToLower(text), strings.ToLower(safeName(name))
	for at := 0; name != ""; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(name)
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if !wordRune(before) && !wordRune(after) {
			return true
		}
		at = end
	}
	return false
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }
