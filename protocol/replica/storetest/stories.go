package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// conversation is n entries of each of three authors, in the order of their places.
func conversation(n int) []replica.Verified {
	var all []replica.Verified
	for i, name := range []string{"alice", "bob", "carol"} {
		all = append(all, Writes(name, uint64(i+1)).Says(n)...)
	}
	slices.SortFunc(all, func(a, b replica.Verified) int { return a.Entry().Place().Compare(b.Entry().Place()) })
	return all
}

func pages(s *story) {
	all := conversation(10)
	shuffled := slices.Clone(all)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for part := range slices.Chunk(shuffled, 7) {
		s.commit(replica.Batch{Entries: part})
		s.commit(replica.Batch{Entries: part}) // what is stored already is passed over
	}
	s.restart()
	read := func(next func(at replica.Place) ([]replica.Stored, error), add func(all, page []replica.Stored) ([]replica.Stored, replica.Place)) {
		s.Helper()
		var got []replica.Stored
		var at replica.Place
		for {
			page, err := next(at)
			if err != nil {
				s.Fatal(err)
			}
			if len(page) != min(4, len(all)-len(got)) {
				s.Fatalf("a page of %d after %d entries", len(page), len(got))
			}
			if len(page) == 0 {
				break
			}
			got, at = add(got, page)
		}
		if !slices.EqualFunc(got, all, func(a replica.Stored, b replica.Verified) bool { return bytes.Equal(a.Raw(), b.Raw()) }) {
			s.Errorf("paging gave %d entries in another order", len(got))
		}
	}
	read(func(at replica.Place) ([]replica.Stored, error) { return s.Page(Lobby, at, 4) },
		func(all, page []replica.Stored) ([]replica.Stored, replica.Place) {
			return append(slices.Clone(page), all...), page[0].Entry().Place()
		})
	read(func(at replica.Place) ([]replica.Stored, error) { return s.PageAfter(Lobby, at, 4) },
		func(all, page []replica.Stored) ([]replica.Stored, replica.Place) {
			return append(all, page...), page[len(page)-1].Entry().Place()
		})
	// A place where nothing stands is as good as one where something does.
	if page, _ := s.Page(Lobby, replica.Place{Lamport: 3}, 100); len(page) != 6 || page[5].Entry().Lamport != 2 {
		s.Errorf("before clock 3 stand %d entries", len(page))
	}
	if page, _ := s.PageAfter(Lobby, replica.Place{Lamport: 9}, 100); len(page) != 6 || page[0].Entry().Lamport != 9 {
		s.Errorf("from clock 9 on stand %d entries", len(page))
	}
	for _, n := range []int{0, -1} {
		back, _ := s.Page(Lobby, replica.Place{}, n)
		on, _ := s.PageAfter(Lobby, replica.Place{}, n)
		if len(back)+len(on) != 0 {
			s.Errorf("pages of %d have %d and %d entries", n, len(back), len(on))
		}
	}
	if page, _ := s.Page(Garden, replica.Place{}, 5); len(page) != 0 {
		s.Errorf("another room has %d entries", len(page))
	}
	n := 0
	for _, err := range replica.All(s.Store, Lobby) {
		if err != nil {
			s.Fatal(err)
		}
		n++
	}
	if n != len(all) {
		s.Errorf("all is %d of %d entries", n, len(all))
	}
}

func load(s *story) {
	w := Writes("alice", 9)
	said := w.Says(10)
	s.commit(replica.Batch{Entries: slices.Concat(said[:4], said[6:])})
	for _, c := range []struct {
		first, last uint64
		limit       int
		want        string
	}{
		{1, 10, 100, "[1 2 3 4 7 8 9 10]"},
		{3, 8, 100, "[3 4 7 8]"},
		{3, 8, 3, "[3 4 7]"},
		{5, 6, 100, "[]"},
		{11, 20, 100, "[]"},
		{1, 10, 0, "[]"},
		{1, 10, -1, "[]"},
		{1, 1<<64 - 1, 100, "[1 2 3 4 7 8 9 10]"},
	} {
		raws, err := s.Load(w.Log, c.first, c.last, c.limit)
		if err != nil {
			s.Fatal(err)
		}
		var got []uint64
		for _, raw := range raws {
			_, seq, err := replica.Peek(raw)
			if err != nil || !bytes.Equal(raw, said[seq-1].Raw()) {
				s.Fatalf("entry %d is another one, %v", seq, err)
			}
			got = append(got, seq)
		}
		s.want(fmt.Sprintf("%d-%d, at most %d", c.first, c.last, c.limit), fmt.Sprint(got), c.want)
	}
	if raws, err := s.Load(Writes("bob", 1).Log, 1, 10, 10); len(raws) != 0 || err != nil {
		s.Errorf("an unknown log: %d, %v", len(raws), err)
	}
}

func firstOfTwo(s *story) {
	w := Writes("alice", 1)
	twin := *w
	yes, no := w.Say("yes"), twin.Say("no")
	s.commit(replica.Batch{Entries: []replica.Verified{yes, no}})
	s.commit(replica.Batch{Entries: []replica.Verified{no}, Forks: []replica.Proof{{First: yes.Raw(), Second: no.Raw()}}})
	s.commit(replica.Batch{Forks: []replica.Proof{{First: no.Raw(), Second: yes.Raw()}}})
	s.restart()
	page, _ := s.Page(Lobby, replica.Place{}, 10)
	s.want("the page", Texts(page), "yes")
	forks := s.state().Forks
	if len(forks) != 1 || !bytes.Equal(forks[0].First, yes.Raw()) {
		s.Fatalf("%d forks", len(forks))
	}
	if log, err := replica.CheckProof(forks[0]); err != nil || log != w.Log {
		s.Errorf("the proof is of %s, %v", log, err)
	}
}

// What a store says of its logs makes the same index as living through it did.
func restart(s *story) {
	x := replica.NewIndex(nil)
	for i, v := range conversation(10) {
		if i%5 == 3 {
			continue
		}
		x.Accept(v)
		x.Stored(v)
		s.commit(replica.Batch{Entries: []replica.Verified{v}})
	}
	refused := Writes("dave", 7).Log
	for _, r := range []protocol.Range{{First: 4, Last: 9}, {First: 1, Last: 2}} {
		x.Refuse(refused, r)
		s.commit(replica.Batch{Refused: []replica.LogRanges{{Log: refused, Ranges: protocol.RangeSet{r}}}})
	}
	s.restart()
	states := s.state().Logs
	if len(states) != 4 || !slices.IsSortedFunc(states, func(a, b replica.LogState) int { return a.Log.Compare(b.Log) }) {
		s.Fatalf("states %v", states)
	}
	y := replica.NewIndex(states)
	if x.Heads([]protocol.RoomID{Lobby}) != y.Heads([]protocol.RoomID{Lobby}) {
		s.Error("digests differ")
	}
	for _, state := range states {
		s.want(state.Log.String(), y.Ranges(state.Log).String(), x.Ranges(state.Log).String())
		seq, hash := x.Last(state.Log)
		if again, h := y.Last(state.Log); again != seq || h != hash {
			s.Errorf("%s ends at %d, before at %d", state.Log, again, seq)
		}
		if state.Log == refused {
			s.want("refused", state.Gone.String(), "1-2,4-9")
		} else if state.Lamport != seq {
			s.Errorf("%s has clock %d at number %d", state.Log, state.Lamport, seq)
		}
	}
}

func state(s *story) {
	alice, bob := Who("alice").ID(), Who("bob").ID()
	direct := protocol.OpenNetwork().DirectRoom(alice, bob)
	w := Writes("carol", 3)
	letter := w.Seal()
	s.want("at first", State(s.state()), "")
	s.commit(replica.Batch{})
	s.commit(replica.Batch{
		Rooms: []replica.RoomState{
			{ID: Lobby, Name: "lobby", Joined: true, JoinedAt: Noon},
			{ID: direct, Name: "bob", With: bob, Joined: true, JoinedAt: Noon.Add(time.Second)},
			{ID: Garden, Name: "garden", Topic: "tulips", Joined: true},
		},
		Contacts: []replica.Contact{
			{ID: bob, Name: "bob", Seen: Noon, Rooms: []string{"lobby", "wörk"}, Key: []byte{1, 2, 3}},
			{ID: alice, Name: "alice"},
		},
		Marks:    []replica.Mark{{Room: Lobby, Place: replica.Place{Lamport: 9, Author: bob, Epoch: 1<<53 - 1, Seq: 4}}, {Room: direct}},
		Settings: []replica.Setting{{Key: "theme", Value: "dark"}, {Key: "ring", Value: "\x00\xff"}, {Key: "away", Value: "out"}},
		Mail:     []replica.Mail{{Log: w.Log, Seq: 1, Raw: letter.Raw(), Accepted: Noon}, {Log: w.Log, Seq: 2, Raw: []byte{1}, Accepted: Noon}},
	})
	s.commit(replica.Batch{
		Rooms:    []replica.RoomState{{ID: Lobby, Name: "lobby", Topic: "all", JoinedAt: Noon}},
		Contacts: []replica.Contact{{ID: bob, Name: "robert", Seen: Noon.Add(time.Minute), Rooms: []string{}}},
		Marks:    []replica.Mark{{Room: Lobby, Place: replica.Place{Lamport: 12, Author: alice, Epoch: 5, Seq: 6}}},
		Settings: []replica.Setting{{Key: "away"}, {Key: "theme", Value: "light"}, {Key: "none"}},
		Mail:     []replica.Mail{{Log: w.Log, Seq: 2}, {Log: w.Log, Seq: 1, Raw: []byte{9}}, {Log: w.Log, Seq: 7}},
	})
	s.restart()
	got := s.state()
	s.want("after all", State(got), strings.Join([]string{
		`room lobby "lobby" with aaaa topic "all" joined false 0s`,
		fmt.Sprintf(`room %s "bob" with bob topic "" joined true 1s`, direct.String()[:4]),
		`room garden "garden" with aaaa topic "tulips" joined true never`,
		`contact bob "robert" seen 60s rooms [] key `,
		`contact alice "alice" seen never rooms [] key `,
		fmt.Sprintf(`mark %s 0.aaaa.0.0`, direct.String()[:4]),
		`mark lobby 12.alice.5.6`,
		`setting "ring" "\x00\xff"`,
		`setting "theme" "light"`,
		fmt.Sprintf(`mail lobby/carol/3 1 of %d bytes since 0s`, len(letter.Raw())),
		"",
	}, "\n"))
	if got.Setting("theme") != "light" || got.Setting("away") != "" {
		s.Errorf("settings %q", got.Settings)
	}
}

func lines(s *story) {
	w := Writes("alice", 1)
	bob, carol := Who("bob").ID(), Who("carol").ID()
	said := w.Says(3)
	of := func(seq uint64, reached ...replica.Receipt) replica.LineState {
		return replica.LineState{Log: w.Log, Seq: seq, At: Noon, Audience: []protocol.PeerID{bob, carol}, Reached: reached}
	}
	has := func(p protocol.PeerID, seconds, sendings int) replica.Receipt {
		return replica.Receipt{Peer: p, At: Noon.Add(time.Duration(seconds) * time.Second), Sendings: uint64(sendings)}
	}
	s.commit(replica.Batch{Entries: said[:2], Lines: []replica.LineState{of(1), of(2), of(3), {Log: Writes("dave", 1).Log, Seq: 1}}})
	s.commit(replica.Batch{Entries: said[2:], Lines: []replica.LineState{of(1, has(carol, 1, 1)), of(2, has(carol, 1, 1), has(bob, 3600, 4))}})
	s.restart()
	var owed []string
	for _, l := range s.state().Lines {
		owed = append(owed, line(&l))
	}
	s.want("owed", strings.Join(owed, "; "), "lobby/alice/1 1 said 0s for bob carol, carol has it 1s after 1")
	page, err := s.Page(Lobby, replica.Place{}, 3)
	if err != nil || len(page) != 3 {
		s.Fatalf("a page of %d, %v", len(page), err)
	}
	s.want("the second line", line(page[1].Line), "lobby/alice/1 2 said 0s for bob carol, carol has it 1s after 1, bob has it 3600s after 4")
	if page[2].Line != nil {
		s.Errorf("the third line has %s", line(page[2].Line))
	}
	read := *page[1].Line
	read.Read = Noon.Add(2 * time.Hour)
	s.commit(replica.Batch{Lines: []replica.LineState{read}})
	s.restart()
	if page, err = s.Page(Lobby, replica.Place{}, 3); err != nil || len(page) != 3 {
		s.Fatalf("a page of %d, %v", len(page), err)
	}
	s.want("the second line once it is read", line(page[1].Line),
		"lobby/alice/1 2 said 0s for bob carol, carol has it 1s after 1, bob has it 3600s after 4, read 7200s")
}

func sealed(s *story) {
	w := Writes("alice", 1)
	first, second := w.Seal(), w.Seal()
	body := replica.Body{Log: w.Log, Seq: 1, Kind: replica.KindAction, Name: "alice", Text: "waves quietly"}
	late := replica.Body{Log: w.Log, Seq: 2, Kind: replica.KindText, Name: "alice", Text: "opened later"}
	s.commit(replica.Batch{Entries: []replica.Verified{first, second}, Bodies: []replica.Body{body, {Log: w.Log, Seq: 3}}})
	find := func(words, want string) {
		s.Helper()
		s.want(words, s.found(words), want)
	}
	find("quietly", "waves quietly")
	find("later", "")
	s.commit(replica.Batch{Bodies: []replica.Body{late}})
	body.Text = "waves loudly"
	s.commit(replica.Batch{Bodies: []replica.Body{body}})
	s.restart()
	find("later", "opened later")
	find("quietly", "")
	find("alice", "")
	find("waves", "waves loudly")
	page, err := s.Page(Lobby, replica.Place{}, 5)
	if err != nil || len(page) != 2 || page[0].Kind() != replica.KindAction || page[1].Kind() != replica.KindText || page[1].Entry().Kind != replica.KindSealed {
		s.Errorf("a page of %d, %v:\n%s", len(page), err, Page(page))
	}
}
