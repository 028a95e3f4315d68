package storetest

import (
	"fmt"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// found is what a query as a person writes it finds. from: and in: are names known here.
func (s *story) found(text string) string {
	s.Helper()
	q, err := Parse(text)
	if err != nil {
		s.Fatal(err)
	}
	hits, older, err := s.Search(q)
	if err != nil || older != 0 {
		s.Fatalf("%s: %v, more from %d on", text, err, older)
	}
	return Hits(hits)
}

// Parse is replica.ParseQuery for the people and rooms of these stories.
func Parse(text string) (replica.Query, error) {
	p, err := replica.ParseQuery(text, time.UTC)
	if err != nil {
		return replica.Query{}, err
	}
	q := p.Query
	q.Limit = 100
	switch {
	case p.From == "":
	case names[Who(p.From).ID()] != "":
		q.Author = Who(p.From).ID()
	default:
		q.Name = p.From
	}
	switch p.In {
	case "#lobby":
		q.Room = Lobby
	case "#garden":
		q.Room = Garden
	}
	return q, nil
}

func search(s *story) {
	alice, bob, garden := Writes("alice", 1), Writes("bob", 2), WritesIn(Garden, "alice", 1)
	bob.Wall = Noon.Add(500 * time.Millisecond)
	garden.Wall = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	s.commit(replica.Batch{Entries: []replica.Verified{
		garden.Say("tulips, roses & Привет мир"),
		bob.Say("The BUILD is green again"), bob.Say("green build, Café 100% \"quoted\""),
		alice.Say("is the build green?"), alice.Say("naïve don't-stop"), alice.Say("日本語の検索もできる 🎉"), alice.Say(""),
	}})
	s.commit(replica.Batch{Entries: []replica.Verified{func() replica.Verified {
		w := Writes("carol", 4)
		w.Name = "carol"
		e, _ := replica.NewText(replica.KindText, Noon.Add(-time.Hour), "Carol-Anne", "green tea")
		return w.sign(e)
	}()}})
	s.restart()
	for _, c := range []struct{ query, want string }{
		{"green", `green build, Café 100% "quoted"|The BUILD is green again|is the build green?|green tea`},
		{"green build", `green build, Café 100% "quoted"|The BUILD is green again|is the build green?`},
		{`"green build"`, `green build, Café 100% "quoted"`},
		{`"build is green"`, "The BUILD is green again"},
		{`"is green" again`, "The BUILD is green again"},
		{"gre", ""},
		{"gre*", `green build, Café 100% "quoted"|The BUILD is green again|is the build green?|green tea`},
		{`"gre*"`, ""},
		{`"the bui"`, ""},
		{"CAFE", `green build, Café 100% "quoted"`},
		{"cafe\u0301", `green build, Café 100% "quoted"`},
		{"100%", `green build, Café 100% "quoted"`},
		{"naive", "naïve don't-stop"},
		{"don't", "naïve don't-stop"},
		{"stop*", "naïve don't-stop"},
		{"привет", "tulips, roses & Привет мир"},
		{"検索", "日本語の検索もできる 🎉"},
		{"索検", ""},
		{"🎉", "日本語の検索もできる 🎉"},
		{"from:alice green", "is the build green?"},
		{"from:alice in:#garden", "tulips, roses & Привет мир"},
		{"in:#lobby from:bob again", "The BUILD is green again"},
		{"in:#garden green", ""},
		{"from:anne", "green tea"},
		{"from:Carol-Anne green", "green tea"},
		{"from:ann", ""},
		{"tulips OR green", ""},
		{"green NOT build", ""},
		{"text:green", ""},
		{"after:2026-11-01", "tulips, roses & Привет мир"},
		{"after:2026-11-02", ""},
		{"before:2023 green", ""},
		{"before:2023-11-14T21:30 green", "green tea"},
		{"after:2023-11-14T21:30 before:2026 tea", ""},
	} {
		s.want(c.query, s.found(c.query), c.want)
	}
	for _, q := range []replica.Query{{Terms: []replica.Term{{Text: "?!"}}}, {Name: "-"}} {
		if _, _, err := s.Search(q); err == nil {
			s.Errorf("%v is no query", q)
		}
	}
	if hits, older, err := s.Search(replica.Query{}); len(hits) != 0 || older != 0 || err != nil {
		s.Errorf("no hit is wanted, %d came, %v", len(hits), err)
	}
}

func searchPages(s *story) {
	var all []replica.Verified
	for i, name := range []string{"alice", "bob"} {
		w := Writes(name, 1)
		w.Wall = Noon.Add(time.Duration(i) * 400 * time.Millisecond)
		all = append(all, w.Says(20)...)
	}
	s.commit(replica.Batch{Entries: all})
	for _, author := range []protocol.PeerID{{}, Who("bob").ID()} {
		var got, whole []replica.Hit
		q := replica.Query{Terms: []replica.Term{{Text: "line"}}, Author: author, Limit: 100}
		whole, _, err := s.Search(q)
		if err != nil {
			s.Fatal(err)
		}
		for q.Limit = 7; ; {
			hits, older, err := s.Search(q)
			if err != nil {
				s.Fatal(err)
			}
			got = append(got, hits...)
			if older == 0 {
				break
			}
			q.Older = older
		}
		s.want("page by page", Hits(got), Hits(whole))
		for i := range whole[1:] {
			if whole[i].Entry().Wall.Before(whole[i+1].Entry().Wall) {
				s.Errorf("hit %d is older than the next", i)
			}
		}
	}
}

// More entries claim one millisecond than have a cursor in it: none is lost and the order stays.
func oneMoment(s *story) {
	const n = 300
	w := Writes("alice", 1)
	var all []replica.Verified
	for i := range n {
		w.Wall = time.UnixMilli(protocol.MaxWall)
		if i%2 == 0 {
			w.Wall = time.UnixMilli(0)
		}
		all = append(all, w.Say(fmt.Sprint("line ", i)))
	}
	s.commit(replica.Batch{Entries: all})
	hits, _, err := s.Search(replica.Query{Terms: []replica.Term{{Text: "line"}}, Limit: n + 1})
	if err != nil || len(hits) != n {
		s.Fatalf("%d hits, %v", len(hits), err)
	}
	s.want("the newest and the oldest", Hits([]replica.Hit{hits[0], hits[n/2-1], hits[n/2], hits[n-1]}),
		fmt.Sprintf("line %d|line 1|line %d|line 0", n-1, n-2))
}
