package replica

import "earshot/protocol"

// Gap is the numbers that an author must have used in a log, since a later one is here, and that are not here yet.
type Gap struct {
	Log     Log
	Missing protocol.RangeSet
}

// Gaps is the holes in the logs of a room, in the order of the logs. Numbers below the first that is here are not holes
// but history that nobody has asked for yet; numbers above the last are a claim of somebody's and no more.
func (x *Index) Gaps(room protocol.RoomID) []Gap {
	r := x.rooms[room]
	if r == nil {
		return nil
	}
	var gaps []Gap
	for _, a := range r.authors {
		for _, l := range a.logs {
			if len(l.spans) < 2 {
				continue
			}
			g := Gap{Log: Log{room, a.author, l.epoch}}
			for i, s := range l.spans[1:] {
				g.Missing = append(g.Missing, protocol.Range{First: l.spans[i].last + 1, Last: s.first - 1})
			}
			gaps = append(gaps, g)
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
