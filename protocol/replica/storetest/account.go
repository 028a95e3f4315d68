package storetest

import (
	"fmt"
	"strings"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// names finds the name that a key was made from.
var names = map[protocol.PeerID]string{}

func init() {
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		names[Who(name).ID()] = name
	}
}

func name(id protocol.PeerID) string {
	if n := names[id]; n != "" {
		return n
	}
	return id.Short()
}

func roomName(id protocol.RoomID) string {
	switch id {
	case Lobby:
		return "lobby"
	case Garden:
		return "garden"
	}
	return id.String()[:4]
}

func logName(l replica.Log) string {
	return fmt.Sprintf("%s/%s/%d", roomName(l.Room), name(l.Author), l.Epoch)
}

// ago is a time as seconds after noon.
func at(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return fmt.Sprintf("%gs", t.Sub(Noon).Seconds())
}

// State is everything that State says, a line for each thing.
func State(s replica.State) string {
	var b strings.Builder
	for _, l := range s.Logs {
		fmt.Fprintf(&b, "log %s has %s gone %s lamport %d head %x\n", logName(l.Log), l.Ranges, l.Gone, l.Lamport, l.Head[:4])
	}
	for _, r := range s.Rooms {
		fmt.Fprintf(&b, "room %s %q with %s topic %q joined %v %s\n", roomName(r.ID), r.Name, name(r.With), r.Topic, r.Joined, at(r.JoinedAt))
	}
	for _, c := range s.Contacts {
		fmt.Fprintf(&b, "contact %s %q seen %s rooms %q key %x\n", name(c.ID), c.Name, at(c.Seen), c.Rooms, c.Key)
	}
	for _, l := range s.Lines {
		fmt.Fprintf(&b, "line %s\n", line(&l))
	}
	for _, m := range s.Marks {
		fmt.Fprintf(&b, "mark %s %s\n", roomName(m.Room), place(m.Place))
	}
	for _, x := range s.Settings {
		fmt.Fprintf(&b, "setting %q %q\n", x.Key, x.Value)
	}
	for _, m := range s.Mail {
		fmt.Fprintf(&b, "mail %s %d of %d bytes since %s\n", logName(m.Log), m.Seq, len(m.Raw), at(m.Accepted))
	}
	for _, p := range s.Forks {
		log, seq, _ := replica.Peek(p.First)
		fmt.Fprintf(&b, "fork %s %d of %d and %d bytes\n", logName(log), seq, len(p.First), len(p.Second))
	}
	return b.String()
}

func place(p replica.Place) string {
	return fmt.Sprintf("%d.%s.%d.%d", p.Lamport, name(p.Author), p.Epoch, p.Seq)
}

func line(l *replica.LineState) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d said %s for", logName(l.Log), l.Seq, at(l.At))
	for _, p := range l.Audience {
		fmt.Fprintf(&b, " %s", name(p))
	}
	for _, r := range l.Reached {
		fmt.Fprintf(&b, ", %s has it %s after %d", name(r.Peer), at(r.At), r.Sendings)
	}
	if !l.Read.IsZero() {
		fmt.Fprintf(&b, ", read %s", at(l.Read))
	}
	return b.String()
}

// Page is entries with all that stands beside them, a line for each.
func Page(page []replica.Stored) string {
	var b strings.Builder
	for _, s := range page {
		e := s.Entry()
		who, text, ok := s.Text()
		fmt.Fprintf(&b, "%s %s %s %v %q %q", place(e.Place()), roomName(e.Room), s.Kind(), ok, who, text)
		if s.Plain != nil {
			fmt.Fprintf(&b, " opened %s %d", logName(s.Plain.Log), s.Plain.Seq)
		}
		if s.Line != nil {
			fmt.Fprintf(&b, " (%s)", line(s.Line))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Texts is what a page says, in short.
func Texts(page []replica.Stored) string {
	var texts []string
	for _, s := range page {
		_, text, _ := s.Text()
		texts = append(texts, text)
	}
	return strings.Join(texts, "|")
}

// Hits is what a search found, in short.
func Hits(hits []replica.Hit) string {
	var page []replica.Stored
	for _, h := range hits {
		page = append(page, h.Stored)
	}
	return Texts(page)
}

// Gone is numbers that were removed.
func Gone(gone []replica.LogRanges) string {
	var parts []string
	for _, g := range gone {
		parts = append(parts, logName(g.Log)+" "+g.Ranges.String())
	}
	return strings.Join(parts, "; ")
}

// Account is everything that a store gives back.
func Account(s replica.Store) (string, error) {
	state, err := s.State()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(State(state))
	for _, room := range []protocol.RoomID{Lobby, Garden} {
		for e, err := range replica.All(s, room) {
			if err != nil {
				return "", err
			}
			b.WriteString(Page([]replica.Stored{e}))
		}
	}
	for _, l := range state.Logs {
		raws, err := s.Load(l.Log, 1, l.Ranges.Max(), 1<<20)
		if err != nil {
			return "", err
		}
		for _, raw := range raws {
			_, seq, _ := replica.Peek(raw)
			fmt.Fprintf(&b, "%s %d is %d bytes\n", logName(l.Log), seq, len(raw))
		}
	}
	return b.String(), nil
}
