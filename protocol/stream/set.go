package stream

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"earshot/protocol"
	"earshot/protocol/frame"
)

// Windows of credit. Bytes.
const (
	// FirstWindow is what every stream may have under way from the start.
	FirstWindow = protocol.StreamWindow
	// MaxWindow is the most that one stream may have under way.
	MaxWindow = protocol.MaxStreamWindow
)

var (
	// ErrStreams is a stream too many.
	ErrStreams = errors.New("stream: too many streams")
	// ErrUnexpected is a piece of a stream that was not accepted, or is over: late, perhaps, and no reason to close.
	ErrUnexpected = errors.New("stream: piece of a stream that is not expected")
)

// Set is the streams shared with one instance. The zero value has none.
type Set struct {
	out     []*Outgoing // the most urgent first, then by id
	in      []*Incoming
	turn    int    // the stream that may send next among equals
	opened  uint64 // own ones so far
	sent    uint64 // new bytes sent on all streams
	limit   uint64 // of sent; 0: protocol.SessionWindow
	got     uint64 // bytes that have come on all streams, by their ends
	read    uint64 // of got: read
	granted uint64 // limit told; 0: protocol.SessionWindow
}

// Open makes a stream to the peer. Lower priorities go first. odd tells which ids are this side's: those of the two
// sides must not meet. Errors: ErrStreams.
func (s *Set) Open(odd bool, priority int) (*Outgoing, error) {
	if len(s.out) >= protocol.MaxStreams {
		return nil, ErrStreams
	}
	s.opened++
	o := &Outgoing{id: 2 * s.opened, priority: priority, limit: FirstWindow}
	if odd {
		o.id--
	}
	s.out = append(s.out, o)
	slices.SortStableFunc(s.out, func(a, b *Outgoing) int { return cmp.Compare(a.priority, b.priority) })
	return o, nil
}

// Accept expects a stream of the peer's. Errors: ErrStreams.
func (s *Set) Accept(id uint64) (*Incoming, error) {
	if i := s.incoming(id); i != nil {
		return i, nil
	}
	if len(s.in) >= protocol.MaxStreams {
		return nil, ErrStreams
	}
	i := &Incoming{id: id, window: FirstWindow, limit: FirstWindow}
	s.in = append(s.in, i)
	return i, nil
}

// Stop ends a stream before its time, in either direction, and makes the frame that says so; false if there is no such stream
// any more, and nothing to be said.
func (s *Set) Stop(id uint64) (frame.Stop, bool) {
	if o := s.outgoing(id); o != nil {
		s.remove(o)
		return frame.Stop{Stream: id, Length: o.next}, true
	}
	i := s.incoming(id)
	if i == nil {
		return frame.Stop{}, false
	}
	i.stop()
	s.Forget(i) // it may have come whole: nothing more is heard of it
	return frame.Stop{Stream: id}, true
}

// Stopped takes the peer's word that a stream ends before its time. An answer is due to a peer that does not want more of one: it must
// hear how much of it there was, to keep the account of all streams right (RFC 9000 section 4.5). Errors: ErrCredit, ErrFinal.
func (s *Set) Stopped(f frame.Stop) (answer frame.Stop, due bool, err error) {
	if o := s.outgoing(f.Stream); o != nil {
		answer, due = s.Stop(o.id)
		return answer, due, nil
	}
	i := s.incoming(f.Stream)
	if i == nil {
		return answer, false, nil
	}
	switch {
	case f.Length > i.limit:
		return answer, false, ErrCredit
	case f.Length < i.most || i.ended && f.Length != i.final:
		return answer, false, ErrFinal
	}
	if err := s.count(f.Length - i.most); err != nil {
		return answer, false, err
	}
	i.most = f.Length
	s.forget(i)
	return answer, false, nil
}

// count adds to what has come on all streams. Errors: ErrCredit.
func (s *Set) count(more uint64) error {
	if s.got += more; s.got > max(s.granted, protocol.SessionWindow) {
		return fmt.Errorf("%w: %d on all streams", ErrCredit, s.got)
	}
	return nil
}

// Forget drops a stream of the peer's that was read to its end.
func (s *Set) Forget(i *Incoming) {
	if i.Done() {
		s.forget(i)
	}
}

// forget counts a stream as read.
func (s *Set) forget(i *Incoming) {
	s.read += i.most
	s.in = slices.DeleteFunc(s.in, func(x *Incoming) bool { return x == i })
}

func (s *Set) remove(o *Outgoing) {
	s.out = slices.DeleteFunc(s.out, func(x *Outgoing) bool { return x == o })
	s.turn = 0
}

func (s *Set) outgoing(id uint64) *Outgoing {
	for _, o := range s.out {
		if o.id == id {
			return o
		}
	}
	return nil
}

func (s *Set) incoming(id uint64) *Incoming {
	for _, i := range s.in {
		if i.id == id {
			return i
		}
	}
	return nil
}

// Count is how many streams there are, to the peer and from it.
func (s *Set) Count() (out, in int) { return len(s.out), len(s.in) }

// credit is how many new bytes may leave on all streams.
func (s *Set) credit() uint64 { return max(s.limit, protocol.SessionWindow) - s.sent }

// Pending tells whether a stream has something that may be sent.
func (s *Set) Pending() bool {
	credit := s.credit()
	for _, o := range s.out {
		if o.pending(credit) {
			return true
		}
	}
	return false
}

// Next is what to send next in at most n bytes of frame: of the most urgent streams, each in turn. Its data is valid until
// the piece is Acked or its stream stopped.
func (s *Set) Next(n int) (frame.Chunk, Piece, bool) {
	n -= frame.ChunkOverhead
	if n <= 0 || len(s.out) == 0 {
		return frame.Chunk{}, Piece{}, false
	}
	credit := s.credit()
	var best *Outgoing
	for k := range s.out {
		o := s.out[(s.turn+k)%len(s.out)]
		if (best == nil || o.priority < best.priority) && o.pending(credit) {
			best = o
		}
	}
	if best == nil {
		return frame.Chunk{}, Piece{}, false
	}
	s.turn = (slices.Index(s.out, best) + 1) % len(s.out)
	p, fresh := best.piece(n, credit)
	s.sent += uint64(fresh)
	return best.chunk(p), p, true
}

// Chunk is a piece that was sent before, to be sent once more; false if it is not needed any more.
func (s *Set) Chunk(p Piece) (frame.Chunk, bool) {
	o := s.outgoing(p.Stream)
	if o == nil || p.Offset < o.base || p.Length == 0 && o.finDone {
		return frame.Chunk{}, false
	}
	return o.chunk(p), true
}

// Acked tells that a piece has arrived. A stream of which everything has is forgotten.
func (s *Set) Acked(p Piece) {
	if o := s.outgoing(p.Stream); o != nil {
		if o.acked(p); o.Done() {
			s.remove(o)
		}
	}
}

// Lost tells that the packet with a piece was lost: it is owed again.
func (s *Set) Lost(p Piece) {
	if o := s.outgoing(p.Stream); o != nil {
		o.owe(p)
	}
}

// Credit takes the peer's word of how much it takes.
func (s *Set) Credit(f frame.Credit) {
	if f.Stream == 0 {
		s.limit = max(s.limit, f.Limit)
	} else if o := s.outgoing(f.Stream); o != nil {
		o.limit = max(o.limit, f.Limit)
	}
}

// Receive takes a chunk. It gives the stream that has something to read now, nil if nobody reads it any more.
// Errors: ErrUnexpected; ErrCredit, ErrFinal, ErrHoles.
func (s *Set) Receive(f frame.Chunk) (*Incoming, error) {
	i := s.incoming(f.Stream)
	if i == nil {
		return nil, ErrUnexpected
	}
	more, err := i.receive(f)
	if err != nil {
		return nil, err
	}
	if err := s.count(more); err != nil {
		return nil, err
	}
	if i.stopped {
		if i.Done() {
			s.forget(i)
		}
		return nil, nil
	}
	return i, nil
}

// Credits appends the credit that is due after reading to list.
func (s *Set) Credits(list []frame.Credit) []frame.Credit {
	read := s.read
	for _, i := range s.in {
		read += i.base
		if f, due := i.credit(); due {
			list = append(list, f)
		}
	}
	if limit := max(s.granted, protocol.SessionWindow); limit-read <= protocol.SessionWindow/2 {
		s.granted = read + protocol.SessionWindow
		list = append(list, frame.Credit{Limit: s.granted})
	}
	return list
}
