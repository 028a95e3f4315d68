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
	wide    bool // begins at the left edge: what should not be broken over two rows
	mention bool

	// of messages
	id                uuid.UUID
	author            protocol.PeerID
	name              string // safe
	own, action, old  bool
	missed            bool // said while this program did not run
	late, unstored    bool
	audience, reached int
	skew              time.Duration
	read              bool // by the other one of a direct conversation, who said so
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
