package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"earshot/protocol/frame"
	"earshot/protocol/stream"
)

var (
	// errOwnStream is a stream opened by the other side that has one of this side's numbers.
	errOwnStream = errors.New("peer: stream with a number of this side's")
	// errState is a frame of a state that the other side has left behind.
	errState = errors.New("peer: frame of a state that is over")
)

// receiveChunk takes a piece of a stream, and gives what can be read of it to who expects it.
func (c *Core) receiveChunk(now time.Time, cn *conn, f frame.Chunk) error {
	in, err := cn.streams.Receive(f)
	switch {
	case errors.Is(err, stream.ErrUnknown):
		if cn.refusal == nil || !cn.refusal.queued { // whoever floods must make nothing grow
			cn.refusal = cn.put(frame.Stop{Stream: f.Stream}, classControl)
		}
		return err
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
		c.bench.refused(c, cn, f.Stream)
	}
	c.bench.stopped(cn, f.Stream)
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

// openStream makes a stream to the other side.
func (c *Core) openStream(cn *conn) (*stream.Outgoing, error) {
	c.streams++
	id := 2 * c.streams
	if c.odd(cn) {
		id--
	}
	return cn.streams.Open(id, 0)
}

// acceptStream expects a stream of the other side's.
func (c *Core) acceptStream(cn *conn, id uint64) (*stream.Incoming, error) {
	if id%2 == 1 == c.odd(cn) {
		return nil, errOwnStream
	}
	return cn.streams.Accept(id)
}

// nextState numbers what is shared with an instance that is met, perhaps again.
func (c *Core) nextState() uint64 {
	c.states++
	return c.states
}

// stating is what every frame that opens something says, and its answer: which state of this side's it belongs to.
func (cn *conn) stating() []byte { return binary.BigEndian.AppendUint64(nil, cn.state) }

// stated takes what the other side says of its state. If that began anew, it has lost all streams and runs; and so they end here.
func (c *Core) stated(cn *conn, data []byte) error {
	if len(data) != 8 {
		return errState
	}
	switch n := binary.BigEndian.Uint64(data); {
	case n == 0 || n < cn.theirs:
		return errState
	case n > cn.theirs:
		cn.theirs = n
		cn.streams.Reset()
		c.bench.lost(c, cn)
	}
	return nil
}

// odd tells which stream ids are this side's.
func (c *Core) odd(cn *conn) bool { return bytes.Compare(c.inst[:], cn.instance[:]) < 0 }
