package recovery

import (
	"time"

	"earshot/protocol"
)

func (s *Sender[T]) SetMaxDatagram(n int) {
	s.datagram = n
	if w, ok := s.window.(*newReno); ok { // a window below one datagram would never let it go
		w.datagram, w.size = n, max(w.size, protocol.MinWindow*n)
	}
}

func (s *Sender[T]) Copies(now time.Time, size int) int {
	p, r, n := s.LossRate(now), s.LossRate(now), 0
	for ; p >= 0.03 && r > 0.01 && n < 4; n++ {
		r *= p
	}
	return n
}
