package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/protocol"
)

// lateLine is a message that came after others were shown behind it, where nobody looks: far up, or among what was read.
type lateLine struct {
	place peer.Place
	id    uuid.UUID
	name  string // safe
}

// cameAbove notes a late line for whoever looks at the conversation, and tells whether it is among what was read.
func (c *conv) cameAbove(l *line) bool {
	c.late = append(c.late, lateLine{l.place, l.id, safeName(l.name)})
	c.late = c.late[max(0, len(c.late)-maxHeld):]
	return l.place.Compare(c.seen) < 0
}

// lateText says that lines came late where nobody looks, "" if none did.
func (m *model) lateText() string {
	switch late := m.current.late; len(late) {
	case 0:
		return ""
	case 1:
		return "a line of " + late[0].name + " came late: Alt+U goes there"
	default:
		return fmt.Sprintf("%d lines came late: Alt+U goes to the first", len(late))
	}
}

// forgetLate drops those late lines of c for which seen is true.
func (c *conv) forgetLate(seen func(l *line) bool) {
	c.late = slices.DeleteFunc(c.late, func(x lateLine) bool {
		l := c.byID[x.id]
		return l != nil && seen(l)
	})
}

// missing takes what is missing in a room, and tells whether that can be seen.
func (m *model) missing(e peer.Gaps) bool {
	c := m.find(e.Room.ID)
	if c == nil {
		return false
	}
	had := len(c.gaps)
	c.gaps, c.above, c.after = e.Gaps, nil, nil
	return c == m.current && had+len(e.Gaps) > 0
}

// ending is what is missing of somebody behind all lines.
type ending struct {
	author protocol.PeerID
	name   string
	text   string
}

// gapsAbove is what is missing in front of a line of the current conversation, in words.
func (m *model) gapsAbove(l *line) []string {
	m.placeGaps()
	return m.current.above[l]
}

// gapsBelow is what is missing behind line i of the current conversation: only the last one has that.
func (m *model) gapsBelow(i int) []ending {
	if c := m.current; i != len(c.lines)-1 || c.cut {
		return nil
	}
	m.placeGaps()
	return m.current.after
}

// placeGaps finds for each gap the next line of its author.
func (m *model) placeGaps() {
	c := m.current
	if c.above != nil || len(c.gaps) == 0 {
		return
	}
	c.above, c.after = map[*line][]string{}, nil
	for _, g := range c.gaps {
		before := make([]*line, len(g.Missing))
		for _, l := range c.lines {
			if !l.message || l.author != g.Author || l.place.Epoch != g.Epoch {
				continue
			}
			for i, r := range g.Missing {
				if l.place.Seq > r.Last && (before[i] == nil || l.place.Seq < before[i].place.Seq) {
					before[i] = l
				}
			}
		}
		for i := 0; i < len(before); {
			j, behind := i+1, g.Missing[i].First > g.Last
			for j < len(before) && before[j] == before[i] && (g.Missing[j].First > g.Last) == behind {
				j++
			}
			if l := before[i]; l != nil {
				c.above[l] = append(c.above[l], m.gapText(g, i, j))
			} else if behind {
				c.after = append(c.after, ending{g.Author, g.Name, m.gapText(g, i, j)})
			}
			i = j
		}
	}
}

// gapText says what is missing of the ranges i to j of a gap: "2 messages missing (41–42), asked bob".
func (m *model) gapText(g peer.Gap, i, j int) string {
	var n uint64
	var numbers []string
	for _, r := range g.Missing[i:j] {
		n += r.Len()
		if r.First == r.Last {
			numbers = append(numbers, fmt.Sprint(r.First))
		} else {
			numbers = append(numbers, fmt.Sprintf("%d%s%d", r.First, m.g.dash, r.Last))
		}
	}
	text := fmt.Sprintf("%s %s missing (%s)", m.g.gap, count(int(min(n, 1<<40)), "message"), strings.Join(numbers, ", "))
	if g.Asked != "" {
		text += ", asked " + safeName(g.Asked)
	}
	return text
}
