package ui

import (
	"context"
	"errors"
	"time"

	"earshot/peer"
)

// readPause is the least time between two calls of Read for one conversation.
const readPause = time.Second

// tellLeft tells the chat how far the conversations have been read that were left, and the one that is being read if
// somebody else is to know.
func (w *window) tellLeft() {
	if c := w.m.current; c.room.Direct() && w.m.status.ReadMarks && w.looking() {
		w.m.left = append(w.m.left, c)
	}
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

// cmdReadMarks has read marks shared, or not.
func (w *window) cmdReadMarks(c *conv, rest string) error {
	on := rest == "on"
	if !on && rest != "off" {
		state := "off"
		if w.m.status.ReadMarks {
			state = "on"
		}
		return usageError("read marks are " + state + "; /readmarks on or /readmarks off changes that")
	}
	typed := w.typed
	w.call(func(ctx context.Context) func() {
		err := w.chat.SetReadMarks(ctx, on)
		return func() {
			switch {
			case err != nil:
				w.refused(c, typed, err)
			case on:
				w.page.status.say("read marks are on, in direct conversations with those who share theirs", false)
			default:
				w.page.status.say("read marks are off: nobody is told what you read, nor are you", false)
			}
		}
	})
	return nil
}
