package peer

import (
	"net/netip"
	"time"

	"github.com/google/uuid"

	"earshot/protocol"
)

// Event is one thing that happened, for a screen or a command: Ready, Joined, Left, Changed, Message,
// Delivered, ReadBy, RoomJoined, RoomParted, Topic, Gaps, Note, Status or Resync. The core emits them in order.
type Event interface{ isEvent() }

// Room is a public room or a direct conversation.
type Room struct {
	ID   protocol.RoomID `json:"id"`
	Name string          `json:"name"` // "#lobby", or "@bob" for the conversation with bob
	With protocol.PeerID `json:"with"` // the other one of a direct conversation, zero in a public room

	// Known in Ready, RoomJoined, Topic and the results of Join and Query only.
	Topic string `json:"topic,omitempty"`
	Read  Place  `json:"read,omitzero"` // up to here it has been read, on this node
}

// Direct tells whether the room is a conversation of two.
func (r Room) Direct() bool { return !r.With.IsZero() }

// Person is somebody on the LAN: one key, however many instances run under it.
type Person struct {
	ID        protocol.PeerID `json:"peer"`
	Name      string          `json:"name"`
	Online    bool            `json:"online"`
	Away      string          `json:"away,omitempty"`
	Addr      netip.AddrPort  `json:"address"`
	Interface string          `json:"interface,omitempty"`
	RTT       time.Duration   `json:"rtt"`  // smoothed round trip, 0 while unknown
	Loss      float64         `json:"loss"` // share of our packets to them that were lost lately, 0 to 1
	Rooms     []string        `json:"rooms,omitempty"`
	Since     time.Time       `json:"since"`            // of the present state, Online or not
	Forked    bool            `json:"forked,omitempty"` // has signed two different lines for one place: there is proof
}

// Place orders the messages of a room: Lamport clock, then author, then the author's own order.
type Place struct {
	Lamport uint64          `json:"lamport"`
	Author  protocol.PeerID `json:"author"`
	Epoch   uint64          `json:"epoch"`
	Seq     uint64          `json:"seq"`
}

// Compare orders places.
func (p Place) Compare(q Place) int {
	for _, c := range [...]int{
		compare(p.Lamport, q.Lamport), p.Author.Compare(q.Author), compare(p.Epoch, q.Epoch), compare(p.Seq, q.Seq),
	} {
		if c != 0 {
			return c
		}
	}
	return 0
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Ready is the first event of every feed: how things stand. What follows are changes to it.
type Ready struct {
	Self    Person   `json:"self"`
	Network string   `json:"network"`
	Closed  bool     `json:"closed"` // false: anyone on this LAN can join
	Rooms   []Room   `json:"rooms"`  // in the order in which they were joined
	People  []Person `json:"people"` // everybody met since the start, online or not, without oneself
	Status  Status   `json:"status"`
}

// Joined is somebody who proved their key and told their name.
type Joined struct {
	Person Person `json:"person"`
}

// Left is somebody who went: who said so, or who no longer answers.
type Left struct {
	Person Person `json:"person"`
	// Reason is "left", if they said so; "no answer"; "session expired", if no new one came up in time; "too many bad
	// entries", "malformed packet" or "acknowledged what was never sent", if this node has ended it for that;
	// or "closed: " and what the other side ended it for.
	Reason string `json:"reason"`
}

// Changed is somebody (perhaps oneself) with another name, address, state or set of rooms.
type Changed struct {
	Person Person `json:"person"`
	Was    string `json:"was,omitempty"` // the former name, if it changed
}

// Message is one stored line of a room.
type Message struct {
	ID       uuid.UUID       `json:"id"` // version 7, the same on every host
	Room     Room            `json:"room"`
	Author   protocol.PeerID `json:"author"`
	Name     string          `json:"name"` // of the author, when it was said
	Own      bool            `json:"own"`
	Action   bool            `json:"action,omitempty"` // said with /me
	Text     string          `json:"text"`
	Time     time.Time       `json:"time"` // the author's clock: shown, never trusted
	Place    Place           `json:"place"`
	Skew     time.Duration   `json:"skew,omitempty"`     // author's clock minus ours, when it is off by protocol.SkewMark
	Old      bool            `json:"old,omitempty"`      // said before this node entered the room: history
	Missed   bool            `json:"missed,omitempty"`   // said in a public room it is in, but while it did not run: news all the same
	Unstored bool            `json:"unstored,omitempty"` // the disk did not take it: it may be gone after a restart
	Late     bool            `json:"late,omitempty"`     // came after lines that belong behind it were shown
	Audience int             `json:"audience,omitempty"` // own lines: how many it is for
	Reached  int             `json:"reached,omitempty"`  // own lines: how many have stored it
	Read     bool            `json:"read,omitempty"`     // own lines of a direct conversation: the other one told that they have read it
}

// Delivered is somebody's word that they have stored an own line.
type Delivered struct {
	ID       uuid.UUID       `json:"id"`
	Room     Room            `json:"room"`
	Peer     protocol.PeerID `json:"peer"`
	Name     string          `json:"name"`
	After    time.Duration   `json:"after"` // since it was said
	Sendings int             `json:"sendings"`
	Audience int             `json:"audience"`
	Reached  int             `json:"reached"`
}

// ReadBy is somebody's word that they have read own lines of the direct conversation with them.
type ReadBy struct {
	Room  Room            `json:"room"`
	Peer  protocol.PeerID `json:"peer"`
	Name  string          `json:"name"`
	At    time.Time       `json:"at"`    // when the word came
	Lines []uuid.UUID     `json:"lines"` // that were not known to be read, in their order
}

// RoomJoined is a room that this node is now in.
type RoomJoined struct {
	Room Room `json:"room"`
}

// RoomParted is a room that this node has left.
type RoomParted struct {
	Room Room `json:"room"`
}

// Topic is a room's new topic.
type Topic struct {
	Room Room   `json:"room"` // with the topic
	By   string `json:"by"`   // the name of whoever set it
}

// Gap is lines that somebody must have said, since later ones are here or others have them, and that have not come yet.
type Gap struct {
	Author  protocol.PeerID  `json:"peer"`
	Name    string           `json:"name"`
	Epoch   uint64           `json:"epoch"`
	Last    uint64           `json:"last"`            // the greatest number of Author and Epoch that is here
	Missing []protocol.Range `json:"missing"`         // their numbers; they belong before the next line of Author and Epoch, those above Last at the end
	Asked   string           `json:"asked,omitempty"` // the name of whoever was asked for them
}

// Gaps is everything that is missing in a room, after a change; none means that all of it has come.
type Gaps struct {
	Room Room  `json:"room"`
	Gaps []Gap `json:"gaps"`
}

// Note is a sentence for the person at the screen.
type Note struct {
	Text    string `json:"text"`
	Trouble bool   `json:"trouble,omitempty"` // something to do something about
}

// Status is what the status line shows. It comes when one of its fields has changed.
type Status struct {
	Interfaces []string      `json:"interfaces"` // those that announcements leave by
	Port       uint16        `json:"port"`       // of this instance
	Online     int           `json:"online"`     // people, without oneself
	Owed       int           `json:"owed"`       // own lines that somebody online has not stored yet
	RTT        time.Duration `json:"rtt"`        // the median of those online, 0 while unknown
	Loss       float64       `json:"loss"`       // the greatest of those online
	ReadMarks  bool          `json:"readMarks"`  // this node shares them
}

// Resync stands for events that were dropped because the view was too slow: read People and History again.
type Resync struct {
	Dropped int `json:"dropped"`
}

func (Ready) isEvent()      {}
func (Joined) isEvent()     {}
func (Left) isEvent()       {}
func (Changed) isEvent()    {}
func (Message) isEvent()    {}
func (Delivered) isEvent()  {}
func (ReadBy) isEvent()     {}
func (RoomJoined) isEvent() {}
func (RoomParted) isEvent() {}
func (Topic) isEvent()      {}
func (Gaps) isEvent()       {}
func (Note) isEvent()       {}
func (Status) isEvent()     {}
func (Resync) isEvent()     {}
