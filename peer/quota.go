package peer

import (
	"fmt"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// quota counts what each author has had stored here today, so that nobody fills the disk (SPEC section 9). A day is one of UTC
// by the own clock; a start begins anew.
type quota struct {
	day   int64
	bytes map[protocol.PeerID]int
	told  map[protocol.PeerID]bool
}

// spend takes size bytes of what an author may have stored; it reports whether they were left.
func (q *quota) spend(now time.Time, author protocol.PeerID, limit, size int) bool {
	if day := now.Unix() / (24 * 60 * 60); q.bytes == nil || day != q.day {
		*q = quota{day: day, bytes: map[protocol.PeerID]int{}, told: map[protocol.PeerID]bool{}}
	}
	if q.bytes[author]+size > limit {
		return false
	}
	q.bytes[author] += size
	return true
}

// affords tells whether an entry is within its author's quota. If not, its number is given up for good: it is not asked for
// again, and counts as reconciled.
func (c *Core) affords(now time.Time, v replica.Verified) bool {
	e, q := v.Entry(), &c.logs.quota
	if e.Author == c.id {
		return true // said before this profile was lost or put back
	}
	limit := protocol.StrangerBytes
	if p := c.people.byID[e.Author]; p != nil && p.told {
		limit = protocol.AuthorBytes
	}
	if q.spend(now, e.Author, limit, len(v.Raw())) {
		return true
	}
	number := protocol.Range{First: e.Seq, Last: e.Seq}
	c.logs.index.Refuse(e.Log, number)
	c.logs.pending.refuse(e.Log, number)
	if !q.told[e.Author] {
		q.told[e.Author] = true
		c.emit(Note{Trouble: true, Text: fmt.Sprintf("more than %d MiB of %s have come today: the rest is not kept", limit>>20, c.nameOf(e.Author))})
	}
	return false
}

// refuse has numbers of a log given up at the store too.
func (b *Batch) refuse(log replica.Log, number protocol.Range) {
	for i := range b.Write.Refused {
		if r := &b.Write.Refused[i]; r.Log == log {
			r.Ranges.Add(number)
			return
		}
	}
	b.Write.Refused = append(b.Write.Refused, replica.LogRanges{Log: log, Ranges: protocol.RangeSet{number}})
}
