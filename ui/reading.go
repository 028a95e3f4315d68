package ui

import (
	"context"
	"errors"
	"time"

	"earshot/peer"
)

// readPause is the least time between two calls of Read for one conversation.
const readPause = time.Second

// tellLeft tells the chat how far the conversations have been read that were left.
func (w *window) tellLeft() {
	for _, c := range w.m.left {
		if c.telling || c.seen.Compare(c.told) <= 0 {
			continue
		}
		c.telling = true
		if wait := time.Until(c.toldAt.Add(readPause)); wait > 0 {
			w.after(wait, func() bool { w.tellRead(c); return false })
		} else {
			w.tellRead(c)
		}
	}
	w.m.left = nil
}

// tellRead tells the chat how far a conversation has been read, if that is news. One that cannot be told now will be
// when it is left again.
func (w *window) tellRead(c *conv) {
	c.telling = false
	upTo := c.seen
	if upTo.Compare(c.told) <= 0 {
		return
	}
	was := c.told
	c.told, c.toldAt = upTo, time.Now()
	ok := w.call(func(ctx context.Context) func() {
		err := w.chat.Read(ctx, c.room.ID, upTo)
		return func() {
			if err != nil && ctx.Err() == nil && !errors.Is(err, peer.ErrNotJoined) && !errors.Is(err, peer.ErrUnknown) {
				w.page.status.say("what you have read cannot be noted: "+reason(err), true)
			}
		}
	})
	if !ok {
		c.told = was
	}
}
