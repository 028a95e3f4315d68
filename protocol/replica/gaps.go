package replica

import "earshot/protocol"

// Gap is the numbers that an author must have used in a log, since a later one is here, and that are not here yet.
type Gap struct {
	Log     Log
	Missing protocol.RangeSet
}

// Gaps is the holes in the logs of a room, in the order of the logs. Numbers above the last are a claim of somebody's and
// no more. Those below the first that is here are a hole if began says so of the log and this first number: that the log
// began when this node was in the room. Else they are history.
func (x *Index) Gaps(room protocol.RoomID, began func(log Log, first uint64) bool) []Gap {
	r := x.rooms[room]
	if r == nil {
		return nil
	}
	var gaps []Gap
	for _, a := range r.authors {
		for _, l := range a.logs {
			g := Gap{Log: Log{room, a.author, l.epoch}}
			last := uint64(0)
			for _, s := range l.spans {
				if s.first > last+1 && (last > 0 || began(g.Log, s.first)) {
					g.Missing = append(g.Missing, protocol.Range{First: last + 1, Last: s.first - 1})
				}
				last = s.last
			}
			if len(g.Missing) > 0 {
				gaps = append(gaps, g)
			}
		}
	}
	return gaps
}

// Whole tells whether every number of a log up to one is accepted, or refused for good.
func (x *Index) Whole(log Log, upTo uint64) bool {
	l := x.log(log)
	if l == nil {
		return false
	}
	i, found := l.find(upTo)
	return found && l.spans[i].first == 1
}
