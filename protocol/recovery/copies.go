package recovery

import "earshot/protocol"

// Copies is in how many packets more than one a small frame of so many bytes should ride, so that fewer than one in a hundred is lost in all
// of them: 0 while little is lost, for what is not small, while the window is what limits, and under the policies that do not repeat (SPEC section 6.15).
func (s *Sender[T]) Copies(size int) int {
	if size > protocol.SmallFrame || !s.strategy.ahead() || 2*s.history.bytes > s.window.window() {
		return 0
	}
	return s.advised()
}

// advised is Copies as the loss alone would have it.
func (s *Sender[T]) advised() (copies int) {
	p := int64(s.detector.rate.value)
	if p < protocol.RepeatAbove<<16/100 || !s.strategy.ahead() {
		return 0
	}
	for left := p; left >= protocol.ResidualLoss<<16/100 && copies < protocol.MaxCopies; copies++ {
		left = left * p >> 16
	}
	return copies
}
