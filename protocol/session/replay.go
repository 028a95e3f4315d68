package session

import "earshot/protocol"

const (
	windowBits  = 64
	windowWords = protocol.ReplayWindow/windowBits + 1 // one more, for the word that the greatest number is in
)

// window tells packet numbers that have been seen from those that have not (RFC 6479).
// A number is refused when it was seen or is more than protocol.ReplayWindow below the greatest.
// The zero value has seen nothing.
type window struct {
	greatest uint64
	seen     [windowWords]uint64 // a ring of words; bit n%64 of word n/64
}

// accept tells whether n is new, and remembers it.
func (w *window) accept(n uint64) bool {
	word := n / windowBits
	if n > w.greatest {
		last := w.greatest / windowBits
		for i := last + 1; i <= min(word, last+windowWords); i++ {
			w.seen[i%windowWords] = 0
		}
		w.greatest = n
	} else if w.greatest-n > protocol.ReplayWindow {
		return false
	}
	bit := uint64(1) << (n % windowBits)
	if w.seen[word%windowWords]&bit != 0 {
		return false
	}
	w.seen[word%windowWords] |= bit
	return true
}
