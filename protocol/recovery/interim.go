package recovery

import "time"

func (s *Sender[T]) SetMaxDatagram(n int) { s.datagram = n }
func (s *Sender[T]) Copies(now time.Time, size int) int {
	p, r, n := s.LossRate(now), s.LossRate(now), 0
	for ; p >= 0.03 && r > 0.01 && n < 4; n++ {
		r *= p
	}
	return n
}
