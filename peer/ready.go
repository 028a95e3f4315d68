package peer

// Standing is how things stand now, for a new feed: Ready, then what is wrong at present.
func (c *Core) Standing() []Event {
	out := []Event{c.ready()}
	for _, text := range []string{c.air.trouble, c.post.trouble} {
		if text != "" {
			out = append(out, Note{Text: text, Trouble: true})
		}
	}
	for _, text := range append(c.logs.retry.standing(), c.air.failed...) {
		out = append(out, Note{Text: text, Trouble: true})
	}
	return out
}

func (c *Core) ready() Ready {
	r := Ready{
		Self: c.people.me, Network: c.cfg.Network.Name(), Closed: c.cfg.Network.Closed(),
		People: c.People(), Status: c.currentStatus(), Rooms: []Room{},
	}
	r.Self.Rooms = c.rooms.publicNames()
	for _, x := range c.rooms.list {
		r.Rooms = append(r.Rooms, x.Room)
	}
	return r
}
