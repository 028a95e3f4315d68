package stream

import (
	"errors"
	"fmt"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// Errors of a peer that breaks the rules of streams: the session must close with frame.CloseProtocol.
var (
	// ErrCredit is data beyond the credit that was given.
	ErrCredit = errors.New("stream: beyond its credit")
	// ErrFinal is an end that moves, or data behind it.
	ErrFinal = errors.New("stream: beyond its end")
	// ErrHoles is more pieces with holes between them than a sender may have under way.
	ErrHoles = errors.New("stream: too many holes")
)

// Incoming is a stream from the peer.
type Incoming struct {
	id     uint64
	memory ring
	base   uint64            // read so far
	got    protocol.RangeSet // what has come above base
	most   uint64            // end of what has come
	limit  uint64            // credit that was given
	window uint64
	final  uint64 // length of the stream, once ended
	ended  bool
	marked uint64 // base when the window was judged last

	stopped bool // nobody reads it any more
}

// ID names the stream.
func (i *Incoming) ID() uint64 { return i.id }

// receive takes a chunk, and tells how far it has moved the end of what has come.
func (i *Incoming) receive(f frame.Chunk) (more uint64, err error) {
	end := f.Offset + uint64(len(f.Data))
	switch {
	case end > i.limit:
		return 0, fmt.Errorf("%w: %d of %d", ErrCredit, end, i.limit)
	case i.ended && (end > i.final || f.Fin && end != i.final), f.Fin && end < i.most:
		return 0, fmt.Errorf("%w: %d", ErrFinal, end)
	}
	if f.Fin {
		i.ended, i.final = true, end
	}
	held := i.most
	if end > i.most {
		more, i.most = end-i.most, end
	}
	if i.stopped {
		i.base = i.most
	}
	first := max(f.Offset, i.base)
	if first >= end {
		return more, nil
	}
	if len(i.got) > protocol.MaxTracked {
		return 0, fmt.Errorf("%w: %d", ErrHoles, len(i.got))
	}
	i.memory = i.memory.grown(int(end-i.base), i.base, max(held, i.base))
	i.memory.put(first, f.Data[first-f.Offset:])
	i.got.Add(protocol.Range{First: first, Last: end - 1})
	return more, nil
}

// stop ends the reading.
func (i *Incoming) stop() {
	i.stopped, i.base, i.got, i.memory = true, i.most, nil, nil
}

// Next is the bytes that come next, in the stream's own memory until Read: not all that are there, where its memory begins anew.
// There are none when they have not come yet, and at the end.
func (i *Incoming) Next() []byte {
	if len(i.got) == 0 || i.got[0].First != i.base {
		return nil
	}
	return i.memory.at(i.base, int(i.got[0].Len()))
}

// Read forgets n bytes of Next.
func (i *Incoming) Read(n int) {
	if n == 0 {
		return
	}
	i.base += uint64(n)
	if i.got[0].First = i.base; i.got[0].First > i.got[0].Last {
		i.got = append(i.got[:0], i.got[1:]...)
	}
}

// Offset is how many bytes were read.
func (i *Incoming) Offset() uint64 { return i.base }

// Done tells whether everything was read, up to the end.
func (i *Incoming) Done() bool { return i.ended && i.base == i.final }

// credit is a new limit, if it is time to tell one: half of the window is used up. A reader that kept up while a whole window
// came gets a greater one.
func (i *Incoming) credit() (frame.Credit, bool) {
	if i.ended || i.stopped || i.limit-i.base > i.window/2 {
		return frame.Credit{}, false
	}
	if i.base-i.marked >= i.window {
		i.marked = i.base
		i.window = min(2*i.window, MaxWindow)
	}
	i.limit = i.base + i.window
	return frame.Credit{Stream: i.id, Limit: i.limit}, true
}
