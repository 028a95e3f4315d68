package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/google/uuid"

	"earshot/peer"
	"earshot/protocol"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// newTestModel is a model of alice in #lobby.
func newTestModel() (*model, *village) {
	v := newVillage(func() time.Time { return noon })
	m := newModel(v.now, time.UTC, unicodeGlyphs)
	m.apply(v.ready)
	return m, v
}

func texts(c *conv) string {
	var out []string
	for _, l := range c.lines {
		out = append(out, l.text)
	}
	return strings.Join(out, "|")
}

func TestMessagesStandInTheirOrderOnce(t *testing.T) {
	m, v := newTestModel()
	var all []peer.Message
	for i := range 6 {
		all = append(all, v.says("bob", v.room("#lobby"), fmt.Sprint(i), nil))
	}
	for _, i := range []int{3, 5, 3, 0} {
		m.apply(all[i])
	}
	m.apply(peer.Note{Text: "note"})
	m.history(m.current, all[:3], peer.Place{}, true)
	m.apply(all[4])
	if got := texts(m.current); got != "0|1|2|3|4|5|note" {
		t.Errorf("lines are %s", got)
	}
	for i, l := range m.current.lines {
		if m.current.index(l) != i {
			t.Errorf("line %d is found at %d", i, m.current.index(l))
		}
	}
}

func TestNotesOfTheStartFollowTheHistory(t *testing.T) {
	m, v := newTestModel()
	m.apply(peer.Note{Text: "welcome"})
	m.history(m.current, []peer.Message{v.says("bob", v.room("#lobby"), "old", nil)}, peer.Place{}, true)
	if got := texts(m.current); got != "old|welcome" {
		t.Errorf("lines are %s", got)
	}
}

// TestHistoryMayOvertakeTheEvent: a line is news once, whether its event or a page of history comes first.
func TestHistoryMayOvertakeTheEvent(t *testing.T) {
	m, v := newTestModel()
	psst := v.says("bob", v.room("@bob"), "psst", nil)
	m.apply(peer.RoomJoined{Room: psst.Room})
	c := m.find(psst.Room.ID)
	old := func(page ...peer.Message) []peer.Message {
		for i := range page {
			page[i].Old = true
		}
		return page
	}
	m.history(c, old(psst), peer.Place{}, true)
	if c.unread != 0 {
		t.Errorf("history alone: %d unread", c.unread)
	}
	for range 2 {
		m.apply(psst)
		if c.unread != 1 || len(c.lines) != 1 || c.unreadLine() != c.lines[0] {
			t.Errorf("with its event: %d unread, lines %s", c.unread, texts(c))
		}
	}
	missed := v.says("bob", v.room("@bob"), "missed", nil)
	m.history(c, old(psst, missed), peer.Place{}, true)
	m.apply(missed)
	if c.unread != 2 || c.lines[1].old {
		t.Errorf("after a resync: %d unread", c.unread)
	}
}

func TestWhoSignedTwoLinesForOnePlaceIsMarked(t *testing.T) {
	m, v := newTestModel()
	bob := *v.person("bob")
	for _, forked := range []bool{false, true} {
		bob.Forked = forked
		m.apply(peer.Changed{Person: bob})
		if text := strings.Join(m.portrait(m.lookup(bob.ID)), "\n"); strings.Contains(text, "two different lines") != forked {
			t.Errorf("forked %v: %q", forked, text)
		}
	}
}

func TestWhatWasSaidToSomebodyAwayIsNews(t *testing.T) {
	m, v := newTestModel()
	for _, room := range []string{"#go", "@bob"} {
		m.apply(v.says("bob", v.room(room), "while you were away", func(m *peer.Message) { m.Old = true }))
	}
	if room, direct := m.convs[1], m.convs[2]; room.unread != 0 || direct.unread != 1 || direct.mentions != 1 {
		t.Errorf("%d unread in the room, %d between the two", room.unread, direct.unread)
	}
}

func TestOnlyWhatIsSeenRedraws(t *testing.T) {
	m, v := newTestModel()
	bob := *v.person("bob")
	bob.Online = true
	m.apply(peer.Joined{Person: bob})
	st := v.ready.Status
	st.RTT = 12_300 * time.Microsecond
	m.apply(st)
	own := v.says("alice", v.room("#lobby"), "hi", nil)
	m.apply(own)
	for _, c := range []struct {
		what string
		e    peer.Event
		want bool
	}{
		{"the same status", st, false},
		{"a round trip a little longer", peer.Status{Interfaces: st.Interfaces, RTT: 12_400 * time.Microsecond}, false},
		{"another round trip", peer.Status{Interfaces: st.Interfaces, RTT: 15 * time.Millisecond}, true},
		{"a person's round trip", peer.Changed{Person: func() peer.Person { p := bob; p.RTT *= 3; return p }()}, false},
		{"a person's name", peer.Changed{Person: func() peer.Person { p := bob; p.Name = "rob"; return p }(), Was: "bob"}, true},
		{"delivery of an unknown line", peer.Delivered{ID: uuid.New(), Reached: 1}, false},
		{"a delivery that changes a mark", peer.Delivered{ID: own.ID, Reached: 1, Audience: 1}, true},
		{"the same delivery", peer.Delivered{ID: own.ID, Reached: 1, Audience: 1}, false},
	} {
		if got := m.apply(c.e); got != c.want {
			t.Errorf("%s: redraw is %v", c.what, got)
		}
	}
}

func TestMentions(t *testing.T) {
	for text, want := range map[string]bool{
		"alice: hi": true, "hi Alice!": true, "@alice": true, "malice": false, "alices": false, "alice_": false, "": false, "al ice": false, "ALICE": true, "palace alice": true,
	} {
		if mentions(text, "alice") != want {
			t.Errorf("mentions(%q) is not %v", text, want)
		}
	}
}

func TestUnknownCommandsNameTheNearest(t *testing.T) {
	w := &window{commands: commands()}
	for typed, want := range map[string]string{
		"jion": "/join?", "qiut": "/quit?", "quer": "/query?", "nmaes": "/names?", "h": "/help?", "zzzzzz": "/help lists",
	} {
		if got := w.unknown(typed); !strings.Contains(got, want) {
			t.Errorf("%s: %s", typed, got)
		}
	}
}

func TestTablesNameEachKeyAndCommandOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range keys() {
		for _, k := range b.keys {
			if seen[k] {
				t.Errorf("%s is bound twice", k)
			}
			seen[k] = true
			ev, err := named(k)
			if err != nil {
				t.Error(err)
			} else if got := keyName(ev); got != k && k != "Alt+/" {
				t.Errorf("%s is called %s", k, got)
			}
		}
	}
	for _, c := range commands() {
		if seen["/"+c.name] || c.help == "" {
			t.Errorf("/%s is there twice, or has no help", c.name)
		}
		seen["/"+c.name] = true
	}
}

func TestListsAndDurations(t *testing.T) {
	for want, got := range map[string]string{
		"":                       list(nil, 3),
		"a":                      list([]string{"a"}, 3),
		"a, b and c":             list([]string{"a", "b", "c"}, 3),
		"a, b and 2 others":      list([]string{"a", "b", "c", "d"}, 3),
		"<1 ms":                  roundTrip(300 * time.Microsecond),
		"12 ms":                  roundTrip(12_300 * time.Microsecond),
		"1.5 s":                  roundTrip(1500 * time.Millisecond),
		"-7 min":                 skew(-7 * time.Minute),
		"+3 days":                skew(75 * time.Hour),
		"a" + unicodeGlyphs.more: clip("abc", 2, unicodeGlyphs.more),
		"al" + "…" + "·7k3q":     clipName("alexander·7k3q", 8, "…"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestNaughtyStrings draws hostile names and texts in every view and looks for what must not reach a cell.
func TestNaughtyStrings(t *testing.T) {
	m, v := newTestModel()
	th := newTheme(Options{})
	p := newPage(m, th)
	for i, s := range naughty {
		who := fmt.Sprint("n", i)
		person := *v.person(who)
		person.Name, person.Online, person.Away = s, true, s
		m.apply(peer.Joined{Person: person})
		m.apply(v.says(who, v.room("#lobby"), s, func(m *peer.Message) { m.Name = s }))
		m.apply(peer.Note{Text: s})
		lobby := v.room("#lobby")
		lobby.Topic = s
		m.apply(peer.Topic{Room: lobby, By: s})
		m.apply(peer.Gaps{Room: lobby, Gaps: []peer.Gap{{
			Author: key(who), Name: s, Missing: []protocol.Range{{First: 1, Last: 1}, {First: 1 << 40, Last: 1 << 41}}, Last: 1 << 39, Asked: s,
		}}})
		m.apply(peer.Message{Room: peer.Room{ID: uuid.New(), Name: s}, Name: s, Text: s, ID: uuid.New()})
	}
	scr := tcell.NewSimulationScreen("UTF-8")
	if err := scr.Init(); err != nil {
		t.Fatal(err)
	}
	defer scr.Fini()
	for _, size := range [][2]int{{20, 6}, {40, 12}, {80, 24}, {300, 100}} {
		scr.SetSize(size[0], size[1])
		scr.Show()
		for i, c := range m.convs {
			m.show(c)
			pages := 1
			if i == 0 {
				pages = 20
			}
			for range pages {
				scr.Clear()
				p.SetRect(0, 0, size[0], size[1])
				p.Draw(scr)
				for y := range size[1] {
					for x := range size[0] {
						str, _, _ := scr.Get(x, y)
						if Safe("a"+str) != "a"+str && !strings.ContainsRune(str, zwj) {
							t.Fatalf("%v: cell %d,%d holds %q", size, x, y, str)
						}
					}
				}
				if side := p.side(size[0]); side > 0 {
					for y := 1; y < size[1]-3; y++ {
						if str, _, _ := scr.Get(side, y); str != th.g.vertical && str != th.g.tee {
							t.Fatalf("%v: the separator of row %d is %q", size, y, str)
						}
					}
				}
				p.timeline.page(-1)
			}
		}
	}
}

// BenchmarkRedraw draws a conversation of 100,000 lines: from nothing, as after a resize, and once more.
func BenchmarkRedraw(b *testing.B) {
	m, v := newTestModel()
	for i := range 100_000 {
		m.apply(v.says("bob", v.room("#lobby"), fmt.Sprintf("line %d: %s", i, strings.Repeat("so many words ", i%20)), nil))
	}
	scr := tcell.NewSimulationScreen("UTF-8")
	if err := scr.Init(); err != nil {
		b.Fatal(err)
	}
	defer scr.Fini()
	scr.SetSize(200, 60)
	scr.Show()
	p := newPage(m, newTheme(Options{}))
	p.SetRect(0, 0, 200, 60)
	for name, prepare := range map[string]func(){
		"resized": func() { p.timeline.width = 0 },
		"again":   func() {},
		"scroll":  func() { p.timeline.scroll(-7) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				prepare()
				p.Draw(scr)
			}
		})
	}
}

// TestWhatWasMissedIsMarkedAlsoUnderOnesEyes: the lines come from several people, once the screen is open.
func TestWhatWasMissedIsMarkedAlsoUnderOnesEyes(t *testing.T) {
	m, v := newTestModel()
	missed := func(m *peer.Message) { m.Missed = true }
	read := v.says("bob", v.room("#lobby"), "read", nil)
	first := v.says("bob", v.room("#lobby"), "first", missed)
	second := v.says("carol", v.room("#lobby"), "second", missed)
	m.history(m.current, []peer.Message{read}, peer.Place{}, true)
	m.apply(second)
	m.apply(first)
	m.apply(v.says("bob", v.room("#lobby"), "now", nil))
	c := m.current
	if l := c.unreadLine(); l == nil || l.text != "first" || c.unread != 0 {
		t.Errorf("the unread line is above %+v, %d unread", l, c.unread)
	}
	m.apply(v.says("carol", v.room("#go"), "alice: come to the printer", missed))
	if c := m.convs[1]; c.unread != 1 || c.mentions != 1 || c.unreadLine() != c.lines[0] {
		t.Errorf("elsewhere %d unread, %d mentions", c.unread, c.mentions)
	}
}
