package peer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"earshot/protocol"
)

// The control protocol: what the commands of one profile say to the instance that runs under it.
// Every line is one JSON object. The server greets first; then each request has a number of the client's
// choice, and its answer bears the same number. Answers come in the order in which they are ready.
const (
	controlVersion = 2
	// controlLine bounds a request: protocol.MaxText with every byte escaped, and room to spare. Bytes.
	controlLine = 1 << 18
	// controlPatience is how long a write may wait for the other side to read.
	controlPatience = 10 * time.Second
)

// greeting is the first line of the server.
type greeting struct {
	Control int `json:"control"`
}

// request is a line from the client. Of is the request to cancel, or the feed to read or end:
// a feed is named by the number of the request that opened it.
type request struct {
	ID     uint64          `json:"id"`
	Do     string          `json:"do"`
	Of     uint64          `json:"of,omitempty"`
	Name   string          `json:"name,omitempty"`
	Text   string          `json:"text,omitempty"`
	Action bool            `json:"action,omitempty"`
	Room   protocol.RoomID `json:"room,omitzero"`
	Place  Place           `json:"place,omitzero"`
	Older  uint64          `json:"older,omitempty"`
	Count  int             `json:"count,omitempty"`
	Bench  *BenchSpec      `json:"bench,omitempty"`
	On     bool            `json:"on,omitempty"`
}

// response is a line from the server.
type response struct {
	ID       uint64        `json:"id"`
	Error    *wireError    `json:"error,omitempty"`
	Message  *Message      `json:"message,omitempty"`
	Room     *Room         `json:"room,omitempty"`
	People   []Person      `json:"people,omitempty"`
	Messages []Message     `json:"messages,omitempty"`
	Found    *Found        `json:"found,omitempty"`
	Rooms    []PublicRoom  `json:"rooms,omitempty"`
	Detail   *Detail       `json:"detail,omitempty"`
	Events   []wireEvent   `json:"events,omitempty"`
	RTT      time.Duration `json:"rtt,omitempty"`
	Benches  []BenchReport `json:"benches,omitempty"`
}

// wireError keeps the identity of an error across the socket: Code is one of errorCodes, or empty.
type wireError struct {
	Code string `json:"code,omitempty"`
	Text string `json:"text"`
}

var errorCodes = []struct {
	code string
	err  error
}{
	{"unknown", ErrUnknown},
	{"ambiguous", ErrAmbiguous},
	{"too-long", ErrTooLong},
	{"bad-name", ErrBadName},
	{"not-joined", ErrNotJoined},
	{"no-answer", ErrNoAnswer},
	{"no-bench", ErrNoBench},
	{"bench", ErrBench},
	{"closed", ErrClosed},
	{"canceled", context.Canceled},
	{"late", context.DeadlineExceeded},
}

func wrapError(err error) *wireError {
	if err == nil {
		return nil
	}
	w := &wireError{Text: err.Error()}
	for _, c := range errorCodes {
		if errors.Is(err, c.err) {
			w.Code = c.code
			break
		}
	}
	return w
}

// Error and Unwrap make the received error the one that was sent: same text, same identity.
func (w *wireError) Error() string { return w.Text }

func (w *wireError) Unwrap() error {
	for _, c := range errorCodes {
		if c.code == w.Code {
			return c.err
		}
	}
	return nil
}

// wireEvent holds one event under the name of its type.
type wireEvent struct {
	Ready      *Ready      `json:"ready,omitempty"`
	Joined     *Joined     `json:"joined,omitempty"`
	Left       *Left       `json:"left,omitempty"`
	Changed    *Changed    `json:"changed,omitempty"`
	Message    *Message    `json:"message,omitempty"`
	Delivered  *Delivered  `json:"delivered,omitempty"`
	ReadBy     *ReadBy     `json:"readBy,omitempty"`
	RoomJoined *RoomJoined `json:"roomJoined,omitempty"`
	RoomParted *RoomParted `json:"roomParted,omitempty"`
	Topic      *Topic      `json:"topic,omitempty"`
	Note       *Note       `json:"note,omitempty"`
	Gaps       *Gaps       `json:"gaps,omitempty"`
	Status     *Status     `json:"status,omitempty"`
	Resync     *Resync     `json:"resync,omitempty"`
}

func wrapEvent(e Event) wireEvent {
	switch e := e.(type) {
	case Ready:
		return wireEvent{Ready: &e}
	case Joined:
		return wireEvent{Joined: &e}
	case Left:
		return wireEvent{Left: &e}
	case Changed:
		return wireEvent{Changed: &e}
	case Message:
		return wireEvent{Message: &e}
	case Delivered:
		return wireEvent{Delivered: &e}
	case ReadBy:
		return wireEvent{ReadBy: &e}
	case RoomJoined:
		return wireEvent{RoomJoined: &e}
	case RoomParted:
		return wireEvent{RoomParted: &e}
	case Topic:
		return wireEvent{Topic: &e}
	case Note:
		return wireEvent{Note: &e}
	case Gaps:
		return wireEvent{Gaps: &e}
	case Status:
		return wireEvent{Status: &e}
	case Resync:
		return wireEvent{Resync: &e}
	}
	panic(fmt.Sprintf("peer: the control socket does not know %T", e))
}

// event is nil for a type that a later version has added.
func (w wireEvent) event() Event {
	switch {
	case w.Ready != nil:
		return *w.Ready
	case w.Joined != nil:
		return *w.Joined
	case w.Left != nil:
		return *w.Left
	case w.Changed != nil:
		return *w.Changed
	case w.Message != nil:
		return *w.Message
	case w.Delivered != nil:
		return *w.Delivered
	case w.ReadBy != nil:
		return *w.ReadBy
	case w.RoomJoined != nil:
		return *w.RoomJoined
	case w.RoomParted != nil:
		return *w.RoomParted
	case w.Topic != nil:
		return *w.Topic
	case w.Note != nil:
		return *w.Note
	case w.Gaps != nil:
		return *w.Gaps
	case w.Status != nil:
		return *w.Status
	case w.Resync != nil:
		return *w.Resync
	}
	return nil
}
