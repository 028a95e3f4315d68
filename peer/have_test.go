package peer

import (
	"testing"
	"time"

	"earshot/protocol"
)

// What comes late because it was lost must not make the timeout longer, however much is lost; answers that have
// become slower must.
func TestLossDoesNotStretchTheHaveTimeout(t *testing.T) {
	const ms = time.Millisecond
	a := newHaves(100 * ms).answers
	for n := range 400 {
		d := time.Duration(2+n%4) * ms
		if n%5 > 2 { // two of five are lost, and come by another way at the latest moment
			d = protocol.HaveTimeoutMax
		}
		a.sample(d)
		if got := a.timeout(); n > 20 && got > 20*ms {
			t.Fatalf("after %d answers within 5 ms, or lost: a timeout of %v", n, got)
		}
	}
	for range 2 * protocol.LateHaves {
		a.sample(200 * ms)
	}
	if got := a.timeout(); got < 200*ms {
		t.Errorf("answers take 200 ms now, the timeout is %v", got)
	}
	for range 30 {
		a.sample(3 * ms)
	}
	if got := a.timeout(); got > 10*ms {
		t.Errorf("answers take 3 ms again, the timeout is %v", got)
	}
}
