package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"earshot/peer"
	"earshot/protocol"
)

// hall is a chat with a few public rooms, in which nobody is called anything.
type hall struct{ peer.Chat }

func (hall) PublicRooms(context.Context) ([]peer.PublicRoom, error) {
	return []peer.PublicRoom{{Name: "#go", People: 1, Joined: true}, {Name: "#lobby", People: 2, Joined: true}}, nil
}

func (hall) Query(_ context.Context, who string) (peer.Room, error) {
	if who == "bob" {
		return peer.Room{Name: "@bob", With: protocol.PeerID{1}}, nil
	}
	return peer.Room{}, peer.ErrUnknown
}

// A name may be misspelt: that nobody answers to it is told, once everybody has had time to come.
func TestListenSaysThatNobodyIsThere(t *testing.T) {
	for _, c := range []struct{ room, want string }{
		{"#go", "earshot: nobody else is in #go yet, waiting; here are: #lobby (1)\n"},
		{"rob", "earshot: nobody is called rob yet, waiting; here are: bob·aeaa\n"},
		{"#lobby", ""},
		{"bob", ""},
		{"", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var complaints strings.Builder
			l := listener{room: c.room, chat: hall{}, complain: &complaints}
			if strings.HasPrefix(c.room, "#") {
				l.only = peer.Room{Name: c.room}
			}
			bob := peer.Person{ID: protocol.PeerID{1}, Name: "bob", Online: true, Rooms: []string{"lobby"}}
			l.present.replace([]peer.Person{bob})
			ctx, cancel := context.WithTimeout(t.Context(), 2*settleTime)
			defer cancel()
			if err := l.listen(ctx, make(chan batch), nil, true); err != context.DeadlineExceeded {
				t.Error(err)
			}
			if got := complaints.String(); got != c.want {
				t.Errorf("--room %q: %q", c.room, got)
			}
		})
	}
}
