package recovery

import (
	"time"

	"earshot/protocol"
)

// pilot is the controller of SPEC section 6.8: it steers by how fast packets arrive and how long a round trip takes when no queue
// stands, as BBR does, and takes for congestion only the loss that it makes itself.
type pilot struct {
	cycle
	bytes    int   // the window
	speed    speed // the pace
	datagram int
	first    time.Duration // the round trip of the handshake
	rate     sampler
	best     peak[speed]
	trips    trips
	bunch    bunch
	losses   losses
	ceiling  int // bytes in flight with which we lost our own packets; 0: none known
	raised   int // times in a row
	hit      int // most bytes in flight when a packet that was lost in this round left
	newest   time.Duration
	acks     int // bytes in this Ack
}

func newPilot(datagram int, rtt time.Duration) *pilot {
	c := &pilot{datagram: datagram, first: rtt}
	c.steer()
	return c
}

func (c *pilot) resize(datagram int) {
	c.datagram = datagram
	c.steer()
}

// steer works out window and pace, once for each Ack and not for each packet.
func (c *pilot) steer() { c.bytes, c.speed = c.target(), c.rhythm() }

func (c *pilot) window() int { return c.bytes }
func (c *pilot) pace() speed { return c.speed }

func (c *pilot) starting() bool { return c.phase == climbing }

func (c *pilot) collapse(now time.Duration) {
	*c = pilot{datagram: c.datagram, first: c.first, rate: c.rate, trips: c.trips, losses: c.losses, cycle: cycle{dice: c.dice, round: now}}
	c.ceiling = protocol.MinWindow * c.datagram
	c.steer()
}

func (c *pilot) sent(p *stamp, now time.Duration, size, inFlight int, idle bool) {
	c.rate.leave(p, now, size, inFlight, idle)
	switch {
	case p.limited || c.phase == low && c.rounds > 0:
		p.trial = calm
	case c.phase == up:
		p.trial = loud
	}
}

func (c *pilot) acked(now, sent time.Duration, p *stamp, size int) {
	c.rate.arrived(p, sent, size)
	c.losses.note(p, false)
	c.acks += size
	c.newest = max(c.newest, sent)
}

func (c *pilot) lost(p *stamp, size int) {
	c.losses.note(p, true)
	c.hit = max(c.hit, p.inFlight)
}

func (c *pilot) settle(now, rtt time.Duration, inFlight int) {
	if v, limited := c.rate.sample(now); v > 0 && (!limited || v > c.best.get()) {
		c.best.add(v)
	}
	if rtt > 0 {
		c.trips.add(now, rtt, c.phase == bare && c.rounds > 0)
	}
	if c.acks > 0 {
		c.bunch.add(now, c.acks, c.best.get())
		c.acks = 0
	}
	if c.cycle.ends(now, c.newest) {
		c.turn(now, inFlight)
	}
	c.steer()
}

// turn is the end of a round.
func (c *pilot) turn(now time.Duration, inFlight int) {
	v, own := c.best.get(), c.losses.excess()
	grown := c.phase == climbing && c.rounds > 0 && int64(v)*4 >= int64(c.before)*5
	own = own && !grown
	c.losses.settle(c.trips.quiet(), grown)
	if own && c.hit > 0 {
		c.ceiling = max(min(c.hit, c.room())/20*17, c.gross(v).in(c.trips.least)+max(protocol.MinWindow*c.datagram, v.in(protocol.LeastSlack)))
	}
	if own {
		c.raised = 0
	}
	c.hit = 0
	queue := c.trips.round - c.trips.base()
	c.trips.round = 0
	if c.phase > low && c.phase != bare && c.trips.look(now) {
		c.enter(bare, now, v)
		c.trips.bare, c.trips.join = 0, false
		return
	}
	switch c.phase {
	case climbing:
		switch {
		case int64(v)*4 >= int64(c.before)*5:
			c.before, c.flat = v, 0
		case c.rate.limited == 0:
			c.flat++
		}
		if !own {
			if c.ceiling *= 2; c.ceiling > c.room() {
				c.ceiling = 0
			}
		}
		if c.flat >= 3 || c.flat >= 2 && (own || queue > protocol.MaxQueue) {
			c.descend(now)
		}
	case bare:
		if c.rounds >= 2 && now-c.began >= protocol.BareTime {
			c.trips.at, c.trips.join = now, false
			c.enter(cruising, now, v)
		}
	case low:
		if c.rounds >= 2 && inFlight <= c.drained() || c.rounds >= 4 {
			c.enter(cruising, now, v)
		}
	case cruising:
		switch {
		case queue > protocol.MaxQueue && c.rounds >= 2:
			c.descend(now)
		case c.rounds >= c.length:
			c.enter(up, now, v)
		}
	case up:
		switch {
		case own:
			c.descend(now)
		case c.rounds >= 2 && int64(v)*100 < int64(c.before)*115:
			c.raise()
			c.descend(now)
		case c.rounds >= 2:
			c.raise()
			c.before = v
			c.rounds = 1
		}
	}
}

// raise lifts the ceiling: at first by little, so that two senders under one come to share, then by twice as much each time.
func (c *pilot) raise() {
	if c.ceiling == 0 {
		return
	}
	c.ceiling += max(c.datagram, int(root(int64(c.ceiling)*int64(c.datagram)))) << c.raised
	c.raised = min(c.raised+1, 8)
	if c.ceiling > c.room() {
		c.ceiling, c.raised = 0, 0
	}
}

// descend begins a cycle with the phase that shows what is there without us.
func (c *pilot) descend(now time.Duration) {
	c.enter(low, now, c.best.get())
	c.best.turn()
}

// product is how much is on its way when no queue stands.
func (c *pilot) product() int { return c.gross(c.best.get()).in(c.trips.base()) }

// gross is what must be sent for v to arrive.
func (c *pilot) gross(v speed) speed { return v.times(1024, 1024-c.losses.baseline()) }

// slack is what must be in flight beyond that because a loop sends and a peer acknowledges in bursts, and what Acks are known to come late.
// It grows with the root of the speed only, so that of two senders the slower has relatively more of the queue, and gains.
func (c *pilot) slack() int {
	v := c.best.get()
	return max(int(root(int64(v)*protocol.SlackScale)), c.gross(v).in(protocol.Slack)) + c.bunch.get(v)
}

// drained is what may be in flight when our share of the queue has gone.
func (c *pilot) drained() int {
	return c.product() + c.slack()/2
}

// room is the window without the ceiling.
func (c *pilot) room() int {
	switch {
	case c.best.get() == 0:
		return protocol.InitialWindow * c.datagram
	case c.phase == climbing:
		return max(2*c.product()+2*c.slack(), protocol.InitialWindow*c.datagram)
	case c.phase == low:
		return c.drained()
	case c.phase == bare:
		return c.gross(c.best.get()).in(c.trips.least) / 2
	case c.trips.crowded():
		return 2*c.product() + c.slack()
	}
	return c.product()*5/4 + c.slack()
}

// target is the window.
func (c *pilot) target() int {
	w := c.room()
	if c.ceiling > 0 {
		w = min(w, c.ceiling)
	}
	least := protocol.MinWindow * c.datagram
	if c.phase == bare {
		least = 2 * c.datagram
	}
	return min(max(w, least), protocol.MaxTracked*c.datagram)
}

// rhythm is the pace.
func (c *pilot) rhythm() speed {
	v := c.best.get()
	if v == 0 {
		v = speedOf(int64(protocol.InitialWindow*c.datagram), max(c.first, protocol.RateSpan))
	}
	gain := c.phase.gain()
	switch {
	case c.phase == up && c.ceiling > 0:
		gain = 110 // the queue is known to be short
	case c.phase == cruising && c.trips.crowded():
		gain = 115 // the window bounds us, as it does the others
	}
	return max(c.gross(v).times(gain, 100), 1000)
}
