package recovery

import "time"

// controller decides how much may be in flight and how fast it leaves. It hears only of eliciting packets, and of
// time as what has passed since the first.
type controller interface {
	// sent stamps one packet that leaves, with as many bytes in flight before it; idle tells that there was nothing to send.
	sent(p *stamp, now time.Duration, size, inFlight int, idle bool)
	// acked and lost are one packet each, sent then; settle follows the last of an Ack or a timeout.
	acked(now, sent time.Duration, p *stamp, size int)
	lost(p *stamp, size int)
	// settle takes the round trip of the newest packet, 0 if there is none, and the bytes that are left in flight.
	settle(now, rtt time.Duration, inFlight int)
	// collapse is persistent congestion: nothing that was known holds any more.
	collapse(now time.Duration)
	// resize tells the largest datagram.
	resize(datagram int)
	// window is how many bytes may be in flight, never less than the minimum.
	window() int
	// pace is how fast they may leave, more than 0.
	pace() speed
	// starting tells that nothing has shown the bottleneck yet.
	starting() bool
}
