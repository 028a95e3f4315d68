package recovery

import (
	"math"

	"earshot/protocol"
)

// tally counts packets and how many of them were lost.
type tally struct{ lost, all int }

func (t *tally) add(lost bool) {
	t.all++
	if lost {
		t.lost++
	}
}

// trial is what a packet's loss tells about.
type trial uint8

const (
	normal trial = iota
	calm         // it left while we sent clearly less than is known to pass, or had nothing more to send
	loud         // it left while we sent more than is known to pass
)

// losses tells the loss that we make ourselves, by filling a queue, from the loss that would be there anyway.
//
// The baseline is of calm packets, and of those in start-up as long as twice as much sent makes twice as much arrive: those we cannot have
// killed. Nor may others have, by filling the queue: so it is learned only while round trips are short, and is forgotten
// when loud packets are lost more often than calm ones. More loss than that, by more than chance explains, is ours.
type losses struct {
	calm, loud tally    // of the last protocol.LossMemory packets of their kind, in 256ths
	doubt      int64    // in sixteenths: how much of the calm loss may be the work of others
	now        [3]tally // of this round
	test       tally    // of all but calm ones, until they are enough
}

// note takes one packet that has arrived or was lost.
func (l *losses) note(p *stamp, lost bool) { l.now[p.trial].add(lost) }

// settle ends a round. Unless it was quiet, a queue stood all the time, and what was lost is no baseline.
// grown tells that more sent made more arrive.
func (l *losses) settle(quiet, grown bool) {
	l.loud.learn(l.now[loud])
	if quiet {
		l.calm.learn(l.now[calm])
		if grown {
			l.calm.learn(l.now[normal])
		}
	}
	switch {
	case l.now[calm].all == 0:
	case l.grows():
		l.doubt = min(l.doubt+8, 16)
	case !quiet:
		l.doubt = min(l.doubt+1, 16)
	default:
		l.doubt = max(l.doubt-1, 0)
	}
	l.now = [3]tally{}
}

// grows tells that loud packets are lost more often than calm ones, by more than two standard deviations of a difference.
func (l *losses) grows() bool {
	n := int64(l.loud.all >> 8)
	if n < protocol.LossExperience || l.calm.all < protocol.LossExperience<<8 {
		return false
	}
	expect := n * int64(l.calm.lost) / int64(l.calm.all)
	return int64(l.loud.lost>>8) > expect+2*root(2*expect)+2
}

func (t *tally) learn(x tally) {
	t.all += x.all << 8 // 256ths, which halving does not lose
	t.lost += x.lost << 8
	for t.all > protocol.LossMemory<<8 {
		t.all /= 2
		t.lost /= 2
	}
}

// baseline is the share that is lost anyway, in 1/1024, at most a half. Without experience it is nothing.
func (l *losses) baseline() int64 {
	return min(int64(l.calm.lost)<<10/int64(max(l.calm.all, protocol.LossExperience<<8)), 512) * (16 - l.doubt) / 16
}

// excess tells whether more was lost lately than the baseline explains: two standard deviations, two packets and 2 % more.
// It asks that of a round, and of as many before as make protocol.LossTest packets, since a round may be only a few.
func (l *losses) excess() bool {
	l.test.all += l.now[normal].all + l.now[loud].all
	l.test.lost += l.now[normal].lost + l.now[loud].lost
	n := int64(l.test.all)
	expect := n * l.baseline() >> 10
	own := int64(l.test.lost) > expect+2*root(expect)+2+n/50
	if own || l.test.all > protocol.LossTest {
		l.test = tally{}
	}
	return own
}

// root is the integer square root of what is not negative and below 2^53: IEEE 754 rounds it the same everywhere.
func root(n int64) int64 { return int64(math.Sqrt(float64(n))) }
