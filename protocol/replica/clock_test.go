package replica

import (
	"testing"

	"earshot/protocol"
)

const leap = protocol.LamportLeap

func TestClockFollowsWhatItSees(t *testing.T) {
	c := NewClock()
	if got := c.Next(lobby); got != 1 {
		t.Errorf("the first value is %d", got)
	}
	c.Seen(lobby, 41)
	c.Seen(lobby, 7)
	if got := c.Next(lobby); got != 42 {
		t.Errorf("after 41 comes %d", got)
	}
	if got := c.Next(lobby); got != 43 {
		t.Errorf("after 42, not seen yet, comes %d", got)
	}
	if got := c.Next(other); got != 1 {
		t.Errorf("another room is at %d", got)
	}
}

func TestLeapIsMarkedAndMovesNothing(t *testing.T) {
	c := NewClock()
	c.Seen(lobby, 5)
	if !c.Seen(lobby, 5+leap+1) {
		t.Error("a leap was not marked")
	}
	if got := c.Now(lobby); got != 5 {
		t.Errorf("the leap moved the clock to %d", got)
	}
	if c.Seen(lobby, 5+leap) {
		t.Error("the longest step was marked")
	}
	// Now the former leap is one step above: what others say after it is no leap.
	if got := c.Now(lobby); got != 5+leap+1 {
		t.Errorf("the clock is at %d", got)
	}
}

func TestSomebodyWhoLeapsAlwaysMovesNothing(t *testing.T) {
	c := NewClock()
	c.Restore(lobby, 1000, protocol.FirstPage)
	for i := range uint64(10 * protocol.FirstPage) {
		if !c.Seen(lobby, 1<<40+i) {
			t.Fatalf("leap %d was not marked", i)
		}
	}
	if got := c.Next(lobby); got != 1001 {
		t.Errorf("the next value is %d", got)
	}
}

func TestManyLeapsTakeLittleMemory(t *testing.T) {
	c := NewClock()
	c.Restore(lobby, 1000, protocol.FirstPage)
	for i := range uint64(1000) {
		c.Seen(lobby, (i+1)<<30)
	}
	if n := len(c.rooms[lobby].groups); n > maxGroups {
		t.Errorf("%d groups are kept", n)
	}
	if got := c.Now(lobby); got != 1000 {
		t.Errorf("the clock is at %d", got)
	}
}

// A newcomer gets the newest page of an old room, on top of which stands what somebody leapt to.
func TestNewcomerGoesWithTheMajority(t *testing.T) {
	c := NewClock()
	const old = 40 * leap
	c.Seen(lobby, protocol.MaxSafeInteger)
	for i := range uint64(20) {
		c.Seen(lobby, old-i)
	}
	if got := c.Now(lobby); got != old {
		t.Errorf("the clock is at %d, the room at %d", got, uint64(old))
	}
	if !c.Seen(lobby, protocol.MaxSafeInteger) {
		t.Error("the leap is not marked")
	}
}

// A newcomer who talks before it has seen anything catches up with the room, and its values only grow.
func TestNewcomerWhoSpokeFirst(t *testing.T) {
	c := NewClock()
	c.Seen(lobby, c.Next(lobby))
	const old = 3 * leap
	for i := range uint64(20) {
		c.Seen(lobby, old+i)
	}
	if got := c.Next(lobby); got != old+20 {
		t.Errorf("the next value is %d, the room is at %d", got, uint64(old+19))
	}
}

func TestValuesGivenOutOnlyGrow(t *testing.T) {
	c := NewClock()
	c.Seen(lobby, protocol.MaxSafeInteger-1)
	if got := c.Next(lobby); got != protocol.MaxSafeInteger {
		t.Errorf("got %d", got)
	}
	for i := range uint64(20) {
		c.Seen(lobby, 100+i)
	}
	if got := c.Next(lobby); got != protocol.MaxSafeInteger {
		t.Errorf("the clock went back to %d, or beyond what an entry can say", got)
	}
}
