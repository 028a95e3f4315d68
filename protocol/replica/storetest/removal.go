package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

func (s *story) prune(keep replica.Keep) string {
	s.Helper()
	gone, err := s.Prune(Lobby, keep)
	if err != nil {
		s.Fatal(err)
	}
	return Gone(gone)
}

func (s *story) wantPage(want string) {
	s.Helper()
	page, err := s.Page(Lobby, replica.Place{}, 100)
	if err != nil {
		s.Fatal(err)
	}
	s.want("the page", Texts(page), want)
}

func deleteRoom(s *story) {
	alice, bob, garden := Writes("alice", 1), Writes("bob", 2), WritesIn(Garden, "alice", 1)
	lobby := slices.Concat(alice.Says(3), bob.Says(2))
	s.commit(replica.Batch{
		Entries: append(garden.Says(1), lobby...),
		Bodies:  []replica.Body{{Log: bob.Log, Seq: 2, Kind: replica.KindText, Name: "bob", Text: "line, secret"}},
		Lines:   []replica.LineState{{Log: alice.Log, Seq: 3, At: Noon, Audience: []protocol.PeerID{bob.Log.Author}}},
		Rooms:   []replica.RoomState{{ID: Lobby, Name: "lobby", Joined: true, JoinedAt: Noon}},
		Marks:   []replica.Mark{{Room: Lobby, Place: alice.Last.Entry().Place()}, {Room: Garden, Place: garden.Last.Entry().Place()}},
	})
	gone, err := s.Delete(Lobby, replica.Place{})
	if err != nil {
		s.Fatal(err)
	}
	s.want("gone", Gone(gone), fmt.Sprintf("%s 1-2; %s 1-3", logName(bob.Log), logName(alice.Log)))
	again, err := s.Delete(Lobby, replica.Place{})
	if err != nil || len(again) != 0 {
		s.Errorf("deleted twice: %s, %v", Gone(again), err)
	}
	s.commit(replica.Batch{Entries: lobby}) // what is gone does not come back
	s.restart()
	h := garden.Last.Hash()
	s.want("what is left", State(s.state()), fmt.Sprintf(`log lobby/bob/2 has  gone 1-2 lamport 2 head 00000000
log lobby/alice/1 has  gone 1-3 lamport 3 head 00000000
log garden/alice/1 has 1 gone  lamport 1 head %x
room lobby "lobby" with aaaa topic "" joined true 0s
mark garden 1.alice.1.1
`, h[:4]))
	s.wantPage("")
	s.want("found", s.found("line"), "line 1")
	s.commit(replica.Batch{Entries: alice.Says(1)})
	s.wantPage("line 4")

	back := []replica.LogRanges{{Log: alice.Log, Ranges: protocol.RangeSet{{First: 2, Last: 9}}}}
	s.commit(replica.Batch{Restored: back, Entries: lobby}) // unless it is asked for
	s.restart()
	s.wantPage("line 2|line 3|line 4")
	s.want("found again", s.found("from:alice in:#lobby line"), "line 4|line 3|line 2")
	for _, l := range s.state().Logs {
		if l.Log == alice.Log && (l.Gone.String() != "1" || l.Ranges.String() != "2-4") {
			s.Errorf("gone %s, stored %s", l.Gone, l.Ranges)
		}
	}
}

func deleteInSteps(s *story) {
	alice, bob := Writes("alice", 1), Writes("bob", 2)
	bob.Lamport = 1000
	s.commit(replica.Batch{Entries: slices.Concat(alice.Says(1500), bob.Says(1500))})
	upTo := bob.Last.Entry().Place()
	s.commit(replica.Batch{Entries: bob.Says(2)}) // said while the room is being deleted
	var steps []string
	for range 5 {
		gone, err := s.Delete(Lobby, upTo)
		if err != nil {
			s.Fatal(err)
		}
		steps = append(steps, Gone(gone))
	}
	want := []string{
		"lobby/alice/1 1-1000", "lobby/bob/2 1-500; lobby/alice/1 1001-1500", "lobby/bob/2 501-1500", "", "",
	}
	s.want("the steps", strings.Join(steps, "|"), strings.Join(want, "|"))
	s.wantPage("line 1501|line 1502")
}

func pruneNewest(s *story) {
	alice, bob := Writes("alice", 1), Writes("bob", 2)
	alice.Lamport = 100
	said := slices.Concat(bob.Says(5), alice.Says(5)) // bob's come first in the room
	s.commit(replica.Batch{Entries: said, Lines: []replica.LineState{
		{Log: bob.Log, Seq: 2, Audience: []protocol.PeerID{alice.Log.Author}}, // still owed
		{Log: bob.Log, Seq: 3},
	}})
	s.want("enough room", s.prune(replica.Keep{Newest: 10}), "")
	s.want("no limit", s.prune(replica.Keep{}), "")
	s.want("six", s.prune(replica.Keep{Newest: 6}), "lobby/bob/2 1,3-5")
	s.wantPage("line 2|line 1|line 2|line 3|line 4|line 5")
	s.want("again", s.prune(replica.Keep{Newest: 6}), "")
	s.restart()
	s.want("five", s.prune(replica.Keep{Newest: 5}), "lobby/alice/1 1")
	s.commit(replica.Batch{Entries: said})
	s.wantPage("line 2|line 2|line 3|line 4|line 5")
	for _, l := range s.state().Logs {
		if last := map[replica.Log]replica.Verified{bob.Log: said[1], alice.Log: alice.Last}[l.Log]; l.Head != last.Hash() {
			s.Errorf("%s has another head", logName(l.Log))
		}
	}
}

func pruneOld(s *story) {
	hour := func(n int) time.Time { return Noon.Add(time.Duration(n) * time.Hour) }
	w := Writes("alice", 1)
	var all []replica.Verified
	for _, at := range []int{1, 2, 900, 3, 8, 1, 9, 10} { // 900: a clock that is far ahead; the second 1: one that is behind
		w.Wall = hour(at)
		all = append(all, w.Say(fmt.Sprint("hour ", at)))
	}
	s.commit(replica.Batch{Entries: all})
	s.want("nothing is old", s.prune(replica.Keep{Since: hour(1), Until: hour(11)}), "")
	s.want("a clock set back", s.prune(replica.Keep{Since: hour(-9000), Until: hour(-8000)}), "")
	s.want("older than five", s.prune(replica.Keep{Since: hour(5), Until: hour(11)}), "lobby/alice/1 1-2,4")
	s.wantPage("hour 900|hour 8|hour 1|hour 9|hour 10")
	s.want("older than ten, at most four", s.prune(replica.Keep{Newest: 4, Since: hour(10), Until: hour(11)}), "lobby/alice/1 3,5-7")
	s.wantPage("hour 10")
	s.want("all", s.prune(replica.Keep{Since: hour(20), Until: hour(21)}), "lobby/alice/1 8")
	s.wantPage("")
}

func pruneSteps(s *story) {
	w := Writes("alice", 1)
	s.commit(replica.Batch{Entries: w.Says(replica.PruneStep + 10)})
	s.want("the first step", s.prune(replica.Keep{Newest: 5}), fmt.Sprintf("lobby/alice/1 1-%d", replica.PruneStep))
	s.want("the second", s.prune(replica.Keep{Newest: 5}), fmt.Sprintf("lobby/alice/1 %d-%d", replica.PruneStep+1, replica.PruneStep+5))
	s.want("the third", s.prune(replica.Keep{Newest: 5}), "")
}
