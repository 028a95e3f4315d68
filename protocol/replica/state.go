package replica

import (
	"slices"
	"time"

	"earshot/protocol"
)

// Batch is everything that one commit writes: all of it is on the disk after that, or nothing.
// The parts are written in the order of the fields, so that a line may come with its entry.
type Batch struct {
	Restored []LogRanges // numbers that are gone no longer: their entries may come again
	Entries  []Verified  // new ones; a number that is stored or gone already is passed over
	Refused  []LogRanges // numbers given up for good without being stored: they are gone
	Forks    []Proof     // checked; the first of an author is kept
	Bodies   []Body      // plain text beside sealed entries; nothing happens if the entry is not stored
	Lines    []LineState // replace what is known of these lines; nothing happens if the entry is not stored
	Rooms    []RoomState // replace those with the same ID
	Contacts []Contact   // replace those with the same ID
	Marks    []Mark      // replace those of the same room
	Settings []Setting   // replace those with the same key
	Mail     []Mail      // one without Raw is dropped, of others the first under a number is kept
}

// Empty tells whether there is nothing to write.
func (b Batch) Empty() bool {
	return len(b.Restored)+len(b.Entries)+len(b.Refused)+len(b.Forks)+len(b.Bodies)+len(b.Lines)+len(b.Rooms)+len(b.Contacts)+
		len(b.Marks)+len(b.Settings)+len(b.Mail) == 0
}

// RoomState is a room as this node knows it. Times in a store are kept in whole milliseconds.
type RoomState struct {
	ID       protocol.RoomID
	Name     string          // of a public room, without '#'; of a direct conversation the other's name as last known
	With     protocol.PeerID // the other one of a direct conversation, zero in other rooms
	Topic    string
	Joined   bool // false: left, but still known
	JoinedAt time.Time
}

// Contact is somebody this node has met.
type Contact struct {
	ID    protocol.PeerID
	Name  string
	Seen  time.Time
	Rooms []string // public rooms they were in when last seen
	Key   []byte   // their mail key with its statement, empty if unknown
}

// LineState is how far an own line has come. It is owed as long as it has reached fewer than its audience.
type LineState struct {
	Log
	Seq      uint64
	At       time.Time         // when it was said
	Audience []protocol.PeerID // fixed when it was said
	Reached  []Receipt         // by those of the audience who have stored it, in the order of their word
	Read     time.Time         // when the other one of a direct conversation told that they have read it, zero: not yet
}

// Owed tells whether somebody of the audience has not stored the line.
func (l LineState) Owed() bool { return len(l.Reached) < len(l.Audience) }

// Receipt is somebody's word that they have stored a line.
type Receipt struct {
	Peer     protocol.PeerID
	At       time.Time // when the word came
	Sendings uint64    // how often the line had been sent by then
}

// Mark is how far a room has been read.
type Mark struct {
	Room protocol.RoomID
	Place
}

// Setting is something to remember under a name. An empty value is the same as none.
type Setting struct{ Key, Value string }

// Mail is a sealed entry of a conversation that this node has no part in, carried for the recipient.
type Mail struct {
	Log
	Seq      uint64
	Raw      []byte // as signed
	Accepted time.Time
}

// Body is what a sealed entry says. It stands beside the entry, whose own body only its recipient could open,
// and never leaves this node.
type Body struct {
	Log
	Seq        uint64
	Kind       EntryKind // KindText or KindAction
	Name, Text string
}

// LogState is what a store knows of a log.
type LogState struct {
	Log
	Ranges  protocol.RangeSet // numbers stored
	Gone    protocol.RangeSet // numbers refused or deleted: neither served nor asked for again
	Lamport uint64            // the greatest clock of its entries, deleted ones too
	Head    [32]byte          // hash of the entry with the greatest number stored; zero: unknown
}

// State is everything that a node needs at its start, entries excepted. Every list has a fixed order.
type State struct {
	Logs     []LogState  // by Log
	Rooms    []RoomState // in the order in which they were first committed
	Contacts []Contact   // by ID
	Lines    []LineState // owed ones only, by Log and number
	Marks    []Mark      // by room
	Settings []Setting   // by key
	Mail     []Mail      // by Log and number
	Forks    []Proof     // by author
}

// Setting is the value under a key, empty if there is none.
func (s State) Setting(key string) string {
	i := slices.IndexFunc(s.Settings, func(x Setting) bool { return x.Key == key })
	if i < 0 {
		return ""
	}
	return s.Settings[i].Value
}

// Stored is an entry as a store gives it back, verified again, with what is known beside it.
type Stored struct {
	Verified
	Plain *Body      // what a sealed entry says, nil for others and if it is not known
	Line  *LineState // how far an own line has come, nil for others
}

// Kind is what the entry is once it is opened.
func (s Stored) Kind() EntryKind {
	if s.Plain != nil {
		return s.Plain.Kind
	}
	return s.entry.Kind
}

// Text is the name of the author at the time and the text. ok is false for kinds that have none and for sealed entries
// of which only the sealed body is known.
func (s Stored) Text() (name, text string, ok bool) {
	if s.Plain != nil {
		return s.Plain.Name, s.Plain.Text, true
	}
	return s.Verified.Text()
}
