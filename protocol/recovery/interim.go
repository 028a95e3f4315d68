package recovery

func (s *Sender[T]) SetMaxDatagram(n int) { s.datagram = n }
func (s *Sender[T]) Copies(size int) int {
	p, r, n := s.LossRate(), s.LossRate(), 0
	for ; p >= 0.03 && r > 0.01 && n < 4; n++ {
		r *= p
	}
	return n
}
