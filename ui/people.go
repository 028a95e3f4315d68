package ui

import (
	"cmp"
	"slices"
	"strings"

	"earshot/peer"
	"earshot/protocol"
)

// person takes the newest state of somebody.
func (m *model) person(p peer.Person) {
	if p.ID == m.self.ID {
		m.count(m.self.Name, -1)
		m.self = p
		m.count(p.Name, 1)
		return
	}
	if was := m.people[p.ID]; was != nil {
		m.count(was.Name, -1)
	}
	m.people[p.ID] = &p
	m.count(p.Name, 1)
}

// reset takes the people as read from the chat.
func (m *model) reset(people []peer.Person) {
	clear(m.people)
	clear(m.namesakes)
	m.count(m.self.Name, 1)
	for _, p := range people {
		m.person(p)
	}
}

func (m *model) count(name string, n int) { m.namesakes[strings.ToLower(safeName(name))] += n }

// label is how somebody is called on the screen: the name, with a piece of the key if two have it.
func (m *model) label(id protocol.PeerID, name string) string {
	name = safeName(name)
	n := m.namesakes[strings.ToLower(name)]
	if p := m.lookup(id); p == nil || !strings.EqualFold(safeName(p.Name), name) {
		n++ // said under a former name, which somebody else may have by now
	}
	if n > 1 || strings.Contains(name, "·") {
		return name + "·" + id.Short()
	}
	return name
}

// lookup finds somebody, oneself too.
func (m *model) lookup(id protocol.PeerID) *peer.Person {
	if id == m.self.ID {
		return &m.self
	}
	return m.people[id]
}

func (m *model) presence(p peer.Person, verb presence) {
	if p.ID == m.self.ID {
		return
	}
	for _, c := range m.shared(p) {
		c.quiet(m.now(), verb, m.label(p.ID, p.Name))
	}
}

// shared is the conversations that somebody is in.
func (m *model) shared(p peer.Person) []*conv {
	var in []*conv
	for _, c := range m.convs {
		switch {
		case c.room.Direct():
			if c.room.With == p.ID {
				in = append(in, c)
			}
		case slices.ContainsFunc(p.Rooms, func(r string) bool {
			return strings.TrimPrefix(r, "#") == strings.TrimPrefix(c.room.Name, "#")
		}):
			in = append(in, c)
		}
	}
	if len(p.Rooms) == 0 && len(m.convs) > 0 && !slices.Contains(in, m.convs[0]) {
		in = append(in, m.convs[0])
	}
	return in
}

func (m *model) changed(e peer.Changed) bool {
	was := m.lookup(e.Person.ID)
	if was == nil {
		m.person(e.Person)
		return true
	}
	old, header := *was, m.headerText()
	m.person(e.Person)
	text := ""
	switch p := e.Person; {
	case e.Was != "" && e.Was != p.Name:
		text = safeName(e.Was) + " is now called " + m.label(p.ID, p.Name)
		if p.ID == m.self.ID {
			text = "you are now called " + m.label(p.ID, p.Name)
		}
	case p.ID == m.self.ID:
	case old.Away == "" && p.Away != "":
		text = m.label(p.ID, p.Name) + " is away: " + Safe(p.Away)
	case old.Away != "" && p.Away == "":
		text = m.label(p.ID, p.Name) + " is back"
	}
	if text != "" {
		for _, c := range m.shared(e.Person) {
			c.note(m.now(), text, false)
		}
	}
	return text != "" || old.Name != e.Person.Name || old.Online != e.Person.Online || header != m.headerText()
}

// sorted is the people in the order in which they are listed: who is here first, then by name.
func (m *model) sorted() []*peer.Person {
	out := make([]*peer.Person, 0, len(m.people))
	for _, p := range m.people {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *peer.Person) int {
		if a.Online != b.Online {
			if a.Online {
				return -1
			}
			return 1
		}
		return cmp.Or(strings.Compare(strings.ToLower(safeName(a.Name)), strings.ToLower(safeName(b.Name))), a.ID.Compare(b.ID))
	})
	return out
}

// topic takes what a room is about.
func (m *model) topic(e peer.Topic) {
	c := m.find(e.Room.ID)
	if c == nil || c.room.Topic == e.Room.Topic {
		return
	}
	c.room.Topic = e.Room.Topic
	text := safeName(e.By) + " took the topic away"
	if e.Room.Topic != "" {
		text = safeName(e.By) + " set the topic: " + Safe(e.Room.Topic)
	}
	c.note(m.now(), text, false)
}
