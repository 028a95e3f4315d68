package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"earshot/peer"
	"earshot/protocol"
)

// chat is what happens in the village as a whole.
func (s *stage) chat(what string) error {
	verb, rest, _ := strings.Cut(what, " ")
	switch verb {
	case "heard":
		if n := len(s.said); n == 0 || s.said[n-1] != strings.ReplaceAll(rest, `\n`, "\n") {
			return fmt.Errorf("it heard %q", s.said)
		}
	case "refuses":
		s.refuse = fmt.Errorf("%s", rest)
	case "tears": // its history
		s.torn = true
	case "accepts":
		s.refuse = nil
	case "notes":
		s.feed <- peer.Note{Text: rest}
	case "warns":
		s.feed <- peer.Note{Text: rest, Trouble: true}
	case "resyncs":
		s.feed <- peer.Resync{Dropped: 1}
	case "owes":
		s.ready.Status.Owed, _ = strconv.Atoi(rest)
		s.feed <- s.status()
	case "remembers":
		n, _ := strconv.Atoi(rest)
		for i := range n {
			s.says("bob", s.room("#lobby"), fmt.Sprintf("line %d", i+1), nil)
		}
	case "writes": // N TEXT: bob says it N times, which nobody is told of
		n, text, _ := strings.Cut(rest, " ")
		times, _ := strconv.Atoi(n)
		for range times {
			s.says("bob", s.room("#lobby"), text, nil)
		}
	case "has": // ROOM PEOPLE TOPIC: a public room that somebody is in
		f := strings.SplitN(rest, " ", 3)
		n, _ := strconv.Atoi(f[1])
		r := peer.PublicRoom{Name: f[0], People: n, Joined: f[0] == "#lobby"}
		if len(f) > 2 {
			r.Topic = f[2]
		}
		s.public = append(s.public, r)
	case "copied":
		if got := string(s.screen.GetClipboardData()); got != rest {
			return fmt.Errorf("it was %q", got)
		}
	case "restores": // ROOM N: it had been read up to line N
		name, n, _ := strings.Cut(rest, " ")
		room := s.room(name)
		lamport, _ := strconv.ParseUint(n, 10, 64)
		for _, m := range s.history[room.ID] {
			if m.Place.Lamport <= lamport {
				room.Read = m.Place
			}
		}
		if i := slices.IndexFunc(s.ready.Rooms, func(r peer.Room) bool { return r.ID == room.ID }); i >= 0 {
			s.ready.Rooms[i] = room
		} else {
			s.ready.Rooms = append(s.ready.Rooms, room)
		}
	case "knows": // what was read, as "#lobby 3" for up to line 3
		var got []string
		for _, r := range s.reads {
			name := "#lobby"
			for _, p := range s.people {
				if s.room("@"+p.Name).ID == r.room {
					name = "@" + p.Name
				}
			}
			got = append(got, fmt.Sprint(name, " ", r.upTo.Lamport))
		}
		if got := strings.Join(got, ", "); got != rest {
			return fmt.Errorf("it knows %s", got)
		}
	case "searches":
		if got := strings.Join(s.searches, "|"); got != rest {
			return fmt.Errorf("it was asked for %s", got)
		}
	case "hides":
		s.says("bob", s.room("#lobby"), rest, nil)
	case "delivers":
		n, _ := strconv.Atoi(rest)
		for _, l := range s.history {
			for _, m := range l {
				if m.Own {
					s.feed <- peer.Delivered{ID: m.ID, Room: m.Room, Audience: m.Audience, Reached: n}
				}
			}
		}
	default:
		return fmt.Errorf("no such thing")
	}
	if s.screen != nil {
		s.settle()
	}
	return nil
}

func (s *stage) status() peer.Status {
	st := s.ready.Status
	st.Online = 0
	for _, p := range s.people {
		if p.Online {
			st.Online++
			st.RTT = p.RTT
		}
	}
	return st
}

// happens is what one of the people does.
func (s *stage) happens(who, what string) error {
	verb, rest, _ := strings.Cut(what, " ")
	name := who
	if base, rename, ok := strings.Cut(who, "="); ok { // carol2=carol: the key of carol2, called carol
		who = base
		name, _ = strconv.Unquote(`"` + rename + `"`)
	}
	p := s.person(who)
	p.Name = name
	event := func(e peer.Event) {
		if s.screen == nil {
			return
		}
		s.feed <- e
		s.feed <- s.status()
	}
	said := func(m peer.Message) { s.feed <- m }
	switch verb {
	case "comes":
		p.Online = true
		event(peer.Joined{Person: *p})
	case "leaves", "vanishes":
		p.Online = false
		event(peer.Left{Person: *p, Reason: map[string]string{"leaves": "left", "vanishes": "no answer"}[verb]})
	case "becomes":
		was := p.Name
		p.Name = rest
		event(peer.Changed{Person: *p, Was: was})
		p.Name = who
	case "rests":
		p.Away = rest
		event(peer.Changed{Person: *p})
	case "enters": // rooms, of which it is in no others any more
		p.Rooms = strings.Fields(rest)
		event(peer.Changed{Person: *p})
	case "says":
		room, text, _ := strings.Cut(rest, " ")
		text, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
		if err != nil {
			return err
		}
		said(s.says(who, s.room(room), text, func(m *peer.Message) { m.Name = name }))
	case "does":
		said(s.says(who, s.room("#lobby"), rest, func(m *peer.Message) { m.Action = true }))
	case "skews":
		said(s.says(who, s.room("#lobby"), rest, func(m *peer.Message) { m.Skew = 7 * time.Minute }))
	case "slips": // in behind a line that everybody has seen
		after, text, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(after)
		if err != nil {
			return err
		}
		said(s.says(who, s.room("#lobby"), text, func(m *peer.Message) {
			m.Late, m.Place.Lamport = true, uint64(n)
			m.Place.Seq += 1 << 20
		}))
	case "misses": // FIRST LAST [ASKED]: lines of who are missing
		f := strings.Fields(rest)
		g := peer.Gap{Author: key(who), Name: name}
		for len(f) > 1 {
			first, _ := strconv.ParseUint(f[0], 10, 64)
			last, err := strconv.ParseUint(f[1], 10, 64)
			if err != nil {
				break
			}
			g.Missing = append(g.Missing, protocol.Range{First: first, Last: last})
			f = f[2:]
		}
		if len(f) > 0 {
			g.Asked = f[0]
		}
		for _, m := range s.history[s.room("#lobby").ID] {
			if m.Author == g.Author {
				g.Last = max(g.Last, m.Place.Seq)
			}
		}
		all := peer.Gaps{Room: s.room("#lobby")}
		if len(g.Missing) > 0 {
			all.Gaps = append(all.Gaps, g)
		}
		s.feed <- all
	case "sets": // the topic
		room := s.room("#lobby")
		room.Topic = rest
		s.feed <- peer.Topic{Room: room, By: name}
	case "spoils": // the disk does not take it
		said(s.says(who, s.room("#lobby"), rest, func(m *peer.Message) { m.Unstored = true }))
	case "said": // long ago
		said(s.says(who, s.room("#lobby"), rest, func(m *peer.Message) { m.Old = true }))
	case "told": // which nobody hears of now
		s.says(who, s.room("@"+who), rest, nil)
	case "reads": // the whole conversation
		e := peer.ReadBy{Room: s.room("@" + who), Peer: key(who), Name: name, At: s.clock}
		s.village.mu.Lock()
		for i, m := range s.history[e.Room.ID] {
			if m.Own && !m.Read {
				s.history[e.Room.ID][i].Read = true
				e.Lines = append(e.Lines, m.ID)
			}
		}
		s.village.mu.Unlock()
		s.feed <- e
	case "tells":
		said(s.says(who, s.room("@"+who), rest, nil))
	default:
		return fmt.Errorf("nobody can do that")
	}
	return nil
}
