package peer

import (
	"context"
	"errors"
	"time"

	"earshot/protocol"
)

// Chat is what a screen or a command does with a node: a *Node in this process,
// or a *Remote behind the control socket of one that runs already.
//
// Rooms and people are named as people name them: "#lobby"; "@bob", "bob", "bob·7k3q" or a whole key.
type Chat interface {
	// Feed begins with Ready, then gives every event from then on.
	Feed(ctx context.Context) (Feed, error)
	// Say stores a line and sends it to everybody in the room. It returns once the line is stored.
	Say(ctx context.Context, to, text string, action bool) (Message, error)
	// Join enters a public room.
	Join(ctx context.Context, name string) (Room, error)
	// Part leaves a public room.
	Part(ctx context.Context, name string) error
	// Query opens the direct conversation with somebody.
	Query(ctx context.Context, who string) (Room, error)
	// Rename changes one's own name.
	Rename(ctx context.Context, name string) error
	// People is everybody met since the start, online or not, without oneself, in the order of their names.
	People(ctx context.Context) ([]Person, error)
	// History is up to n messages of a room that come before a place (the zero Place: the newest), in order.
	History(ctx context.Context, room protocol.RoomID, before Place, n int) ([]Message, error)
	// Search finds stored lines, newest first. The query is words, "a phrase", from:NAME, in:ROOM, before:DATE, after:DATE.
	// older is 0 or the Older of an earlier result, to go on from there: a search that takes long comes in parts, and one
	// that has found fewer than n, nothing even, may still not be at its end. What was found stands beside an error too:
	// part of what is stored may be damaged.
	Search(ctx context.Context, query string, older uint64, n int) (Found, error)
	// SetTopic says what a room is about, to everybody in it.
	SetTopic(ctx context.Context, room, topic string) error
	// PublicRooms is the public rooms that somebody on the LAN is in, by name.
	PublicRooms(ctx context.Context) ([]PublicRoom, error)
	// Forget leaves a room and deletes what is stored of it here. Others keep what they have.
	Forget(ctx context.Context, room string) error
	// Read notes that a room has been read up to a place.
	Read(ctx context.Context, room protocol.RoomID, upTo Place) error
	// SetReadMarks says whether read marks are shared with the other one of each direct conversation, from now on and
	// after a restart too. They are shown and sent only where both share them.
	SetReadMarks(ctx context.Context, on bool) error
	// Detail is who has an own line, and who has not.
	Detail(ctx context.Context, room protocol.RoomID, line Place) (Detail, error)
	// Ping measures one round trip over the secured channel. ErrNoAnswer: ctx ended first.
	Ping(ctx context.Context, who string) (time.Duration, error)
	// Bench measures the channel to somebody who serves benches. Once ctx has ended it returns what was measured until then, not Done.
	// ErrNoBench: they do not serve any.
	Bench(ctx context.Context, who string, spec BenchSpec) (BenchReport, error)
	// BenchProgress is how far the benches that run have come.
	BenchProgress(ctx context.Context) ([]BenchReport, error)
	// ServeBench answers the benches of others until ctx ends.
	ServeBench(ctx context.Context) error
}

// Found is what a search has found.
type Found struct {
	Messages []Message `json:"messages"` // newest first
	Older    uint64    `json:"older"`    // to go on from here; 0: there is no more
}

// PublicRoom is a public room that exists on the LAN.
type PublicRoom struct {
	Name   string `json:"name"`   // with '#'
	People int    `json:"people"` // online, with oneself
	Joined bool   `json:"joined"`
	Topic  string `json:"topic,omitempty"`
}

// Detail is how far an own line has come.
type Detail struct {
	Said    time.Time `json:"said"`
	Reached []Receipt `json:"reached"` // in the order of their word
	Missing []Person  `json:"missing"` // who of its audience has not stored it yet
}

// Receipt is somebody's word that they have stored a line.
type Receipt struct {
	Peer     protocol.PeerID `json:"peer"`
	Name     string          `json:"name"`
	At       time.Time       `json:"at"`
	Sendings int             `json:"sendings"`      // how often it had been sent by then
	Read     time.Time       `json:"read,omitzero"` // when they told that they have read it, in a direct conversation
}

// Feed is one reader's events.
type Feed interface {
	// Next waits for at least one event and returns everything pending as one batch.
	// It returns ErrClosed once the node has gone.
	Next(ctx context.Context) ([]Event, error)
	// Close ends the feed.
	Close()
}

// Errors of Chat. Each is wrapped with what it is about.
var (
	// ErrUnknown is a name that nobody on the LAN and no room has.
	ErrUnknown = errors.New("nobody by that name")
	// ErrAmbiguous is a name that two keys share; the error lists them.
	ErrAmbiguous = errors.New("more than one by that name")
	// ErrTooLong is a text above protocol.MaxText.
	ErrTooLong = errors.New("text too long")
	// ErrBadName is a name or room name that cannot be.
	ErrBadName = errors.New("bad name")
	// ErrNotJoined is a room that this node is not in.
	ErrNotJoined = errors.New("not in that room")
	// ErrNoAnswer is a ping without answer.
	ErrNoAnswer = errors.New("no answer")
	// ErrClosed is a node that has gone.
	ErrClosed = errors.New("closed")
	// ErrVersion is an instance that a Remote cannot speak with.
	ErrVersion = errors.New("the running earshot is of another version")
)
