package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"earshot/peer"
	"earshot/protocol"
	"earshot/ui"
)

// settleTime without a newcomer is when a command takes those it has met for everybody.
const settleTime = 300 * time.Millisecond

// batch is what a feed gave, or why it ended.
type batch struct {
	events []peer.Event
	err    error
}

// follow reads chat's events until ctx ends or the feed does, whose error is the last batch.
// The channel is closed then.
func follow(ctx context.Context, chat peer.Chat) (<-chan batch, error) {
	feed, err := chat.Feed(ctx)
	if err != nil {
		return nil, err
	}
	out := make(chan batch)
	go func() {
		defer close(out)
		defer feed.Close()
		for {
			events, err := feed.Next(ctx)
			select {
			case out <- batch{events, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return out, nil
}

// present is who is online, as events tell it.
type present struct {
	self   protocol.PeerID
	people map[protocol.PeerID]peer.Person
	rooms  []peer.Room // joined
}

// complain says what is wrong with the network, where there is no screen to say it on.
func complain(w io.Writer, n peer.Note) {
	if n.Trouble {
		fmt.Fprintf(w, "earshot: %s\n", ui.Safe(n.Text))
	}
}

// apply takes one event in. An overtaken view is read again from chat.
func (p *present) apply(ctx context.Context, chat peer.Chat, e peer.Event) error {
	switch e := e.(type) {
	case peer.Ready:
		p.self = e.Self.ID
		p.rooms = slices.Clone(e.Rooms)
		p.replace(e.People)
	case peer.Resync:
		people, err := chat.People(ctx)
		if err != nil {
			return err
		}
		p.replace(people)
	case peer.Joined:
		p.set(e.Person)
	case peer.Changed:
		p.set(e.Person)
	case peer.Left:
		p.set(e.Person)
	case peer.RoomJoined:
		if !p.joined(e.Room.Name) {
			p.rooms = append(p.rooms, e.Room)
		}
	case peer.RoomParted:
		p.rooms = slices.DeleteFunc(p.rooms, func(r peer.Room) bool { return r.ID == e.Room.ID })
	}
	return nil
}

func (p *present) replace(people []peer.Person) {
	p.people = map[protocol.PeerID]peer.Person{}
	for _, one := range people {
		p.set(one)
	}
}

func (p *present) set(one peer.Person) {
	if one.Online && one.ID != p.self {
		p.people[one.ID] = one
	} else {
		delete(p.people, one.ID)
	}
}

// members is who is in a public room.
func (p *present) members(room string) []protocol.PeerID {
	room = strings.TrimPrefix(room, "#")
	var all []protocol.PeerID
	for _, one := range p.people {
		if slices.ContainsFunc(one.Rooms, func(r string) bool { return strings.TrimPrefix(r, "#") == room }) {
			all = append(all, one.ID)
		}
	}
	return all
}

// in is how many are in a public room, and when the newest of them came.
func (p *present) in(room string) (n int, newest time.Time) {
	members := p.members(room)
	for _, id := range members {
		if since := p.people[id].Since; since.After(newest) {
			newest = since
		}
	}
	return len(members), newest
}

// newest is when the newest of all came.
func (p *present) newest() time.Time {
	var t time.Time
	for _, one := range p.people {
		if one.Since.After(t) {
			t = one.Since
		}
	}
	return t
}

// joined tells whether this node is in a room of that name.
func (p *present) joined(name string) bool {
	return slices.ContainsFunc(p.rooms, func(r peer.Room) bool { return r.Name == name })
}
