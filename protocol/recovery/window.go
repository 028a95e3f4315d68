package recovery

import "earshot/protocol"

// controller decides how much may be in flight and how fast it leaves. It hears only of eliciting packets.
type controller interface {
	// acked is one packet acknowledged; limited tells that the window was what held the sender back.
	acked(number uint64, size int, limited bool)
	// lost is a group of packets found lost at once, the newest of them, and the number that will be sent next;
	// persistent is persistent congestion.
	lost(newest, next uint64, persistent bool)
	// window is how many bytes may be in flight, never less than the minimum.
	window() int
	// pace is what may leave in one smoothed round trip, in bytes.
	pace() int
}

// newReno is the controller of SPEC section 6.8 and RFC 9002 section 7: slow start, congestion avoidance, one halving per round trip.
type newReno struct {
	datagram  int
	size      int    // the window, bytes
	threshold int    // slow start ends here; 0 means that nothing has been lost yet
	grown     int    // bytes acknowledged towards the next datagram, in congestion avoidance
	recovery  uint64 // the first number sent after the last halving: losses below it are the same event
}

func newNewReno(datagram int) *newReno {
	return &newReno{datagram: datagram, size: protocol.InitialWindow * datagram}
}

func (w *newReno) window() int { return w.size }

func (w *newReno) slowStart() bool { return w.threshold == 0 || w.size < w.threshold }

// pace leaves room above the window, so that the pacer spreads and does not bound (RFC 9002 section 7.7).
func (w *newReno) pace() int {
	if w.slowStart() {
		return 2 * w.size
	}
	return w.size * 5 / 4
}

func (w *newReno) acked(number uint64, size int, limited bool) {
	switch {
	case number < w.recovery: // in recovery the window stays (RFC 9002 section 7.3.2)
	case !limited: // a window that is not used has not been tested (section 7.8)
	case w.slowStart():
		w.size += size
	default:
		for w.grown += size; w.grown >= w.size; w.size += w.datagram {
			w.grown -= w.size
		}
	}
	w.size = min(w.size, protocol.MaxTracked*w.datagram)
}

func (w *newReno) lost(newest, next uint64, persistent bool) {
	least := protocol.MinWindow * w.datagram
	if newest >= w.recovery {
		w.recovery = next
		w.size = max(w.size/2, least)
		w.threshold, w.grown = w.size, 0
	}
	if persistent {
		w.size, w.grown = least, 0
	}
}
