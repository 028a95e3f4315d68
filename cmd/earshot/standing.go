package main

import (
	"context"

	"earshot/peer"
)

// noted is a chat whose every feed begins with what is wrong for as long as it runs.
type noted struct {
	peer.Chat
	trouble []string
}

// Feed implements peer.Chat.
func (n noted) Feed(ctx context.Context) (peer.Feed, error) {
	f, err := n.Chat.Feed(ctx)
	if err != nil || len(n.trouble) == 0 {
		return f, err
	}
	return &notedFeed{Feed: f, trouble: n.trouble}, nil
}

type notedFeed struct {
	peer.Feed
	trouble []string
}

// Next implements peer.Feed.
func (f *notedFeed) Next(ctx context.Context) ([]peer.Event, error) {
	events, err := f.Feed.Next(ctx)
	if err != nil {
		return events, err
	}
	for _, t := range f.trouble { // after Ready, which comes first
		events = append(events, peer.Note{Text: t, Trouble: true})
	}
	f.trouble = nil
	return events, nil
}
