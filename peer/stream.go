package peer

import (
	"bytes"
	"errors"
	"time"

	"earshot/protocol/frame"
	"earshot/protocol/stream"
)

// receiveChunk takes a piece of a stream, and gives what can be read of it to who expects it.
func (c *Core) receiveChunk(now time.Time, cn *conn, f frame.Chunk) error {
	in, err := cn.streams.Receive(f)
	switch {
	case errors.Is(err, stream.ErrUnexpected):
		return err
	case err != nil:
		c.shut(now, cn, frame.CloseProtocol, "stream beyond its bounds")
		return err
	case in != nil:
		c.bench.read(cn, in)
	}
	return nil
}

// stopped takes the other side's word that a stream ends before its time.
func (c *Core) stopped(now time.Time, cn *conn, f frame.Stop) error {
	answer, due, err := cn.streams.Stopped(f)
	if err != nil {
		c.shut(now, cn, frame.CloseProtocol, "stream beyond its bounds")
		return err
	}
	if due {
		cn.put(answer, classControl)
	}
	return nil
}

// stop ends a stream before its time, in either direction.
func (cn *conn) stop(id uint64) {
	if f, ok := cn.streams.Stop(id); ok {
		cn.put(f, classControl)
	}
}

// giveCredit tells the other side how much more it may send, once enough has been read.
func (c *Core) giveCredit(cn *conn) {
	c.credits = cn.streams.Credits(c.credits[:0])
	for _, f := range c.credits {
		cn.put(f, classControl)
	}
}

// odd tells which stream ids are this side's.
func (c *Core) odd(cn *conn) bool { return bytes.Compare(c.inst[:], cn.instance[:]) < 0 }
