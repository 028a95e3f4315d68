package peer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan"
	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/replica"
	"earshot/protocol/trace"
)

// readWatch counts the Reads that are sent, and those of them that name a line.
type readWatch struct {
	all, marks map[string]int
	drops      []string
}

func newReadWatch() *readWatch { return &readWatch{all: map[string]int{}, marks: map[string]int{}} }

func (r *readWatch) Record(x trace.Record) {
	for _, f := range x.Frames {
		if f, ok := f.(frame.Read); ok && x.Out {
			r.all[x.Node]++
			if f.Seq > 0 {
				r.marks[x.Node]++
			}
		} else if ok && x.Drop != "" {
			r.drops = append(r.drops, x.Drop)
		}
	}
}

func (r *readWatch) sent(*node, lan.Datagram)      {}
func (r *readWatch) delivered(*node, sim.Delivery) {}

// sharers is a LAN of alice and bob, who share read marks or not.
func sharers(t *testing.T, seed uint64, alice, bob bool) (*world, *readWatch, *node, *node) {
	w := newWorld(t, seed)
	watch := newReadWatch()
	w.watch = watch
	a, b := w.host("alice"), w.host("bob")
	a.reads, b.reads = alice, bob
	a.start()
	b.start()
	w.run(time.Second)
	return w, watch, a, b
}

func direct(a, b *node) protocol.RoomID {
	return protocol.OpenNetwork().DirectRoom(a.identity.ID(), b.identity.ID())
}

// reads has n read the conversation with other up to a text.
func (n *node) readsUpTo(other *node, text string) {
	n.w.t.Helper()
	for _, m := range n.history(direct(n, other)) {
		if m.Text == text {
			if err := n.core.Read(n.clock(), m.Room.ID, m.Place); err != nil {
				n.w.t.Fatal(err)
			}
			n.settle()
			return
		}
	}
	n.w.t.Fatalf("seed %d: %s has no line %q", n.w.seed, n.name, text)
}

func (n *node) history(room protocol.RoomID) (page []peer.Message) {
	n.core.History(n.clock(), room, peer.Place{}, 100, func(m []peer.Message, err error) { page = m })
	n.settle()
	n.w.run(n.disk + time.Microsecond)
	return page
}

// wasRead is the own lines of which n was told that they were read, and those of which its history says so.
func (n *node) wasRead(other *node) (told, kept string) {
	texts := map[string]string{}
	var b []string
	for _, m := range n.history(direct(n, other)) {
		texts[m.ID.String()] = m.Text
		if m.Read {
			b = append(b, m.Text)
		}
	}
	var a []string
	for _, e := range n.events {
		if e, ok := e.(peer.ReadBy); ok {
			for _, id := range e.Lines {
				a = append(a, texts[id.String()])
			}
		}
	}
	return strings.Join(a, " "), strings.Join(b, " ")
}

func (n *node) wantRead(other *node, told, kept string) {
	n.w.t.Helper()
	if a, b := n.wasRead(other); a != told || b != kept {
		n.w.t.Errorf("seed %d: %s was told of %q and keeps %q, want %q and %q", n.w.seed, n.name, a, b, told, kept)
	}
}

func TestReadMarks(t *testing.T) {
	for _, loss := range []float64{0, 0.3} {
		for seed := range uint64(20) {
			w, _, alice, bob := sharers(t, seed+1, true, true)
			w.lan.Set(sim.Link{Loss: loss})
			for _, text := range []string{"one", "two", "three"} {
				alice.say("@bob", text)
			}
			bob.say("@alice", "yes?")
			w.run(10 * time.Second)
			alice.wantRead(bob, "", "")
			bob.readsUpTo(alice, "two")
			w.run(10 * time.Second)
			alice.wantRead(bob, "one two", "one two")
			bob.readsUpTo(alice, "one") // a mark does not go back
			bob.readsUpTo(alice, "three")
			bob.readsUpTo(alice, "yes?")
			w.run(10 * time.Second)
			alice.wantRead(bob, "one two three", "one two three")
			bob.wantRead(alice, "", "")
			alice.readsUpTo(bob, "yes?")
			w.run(10 * time.Second)
			bob.wantRead(alice, "yes?", "yes?")
		}
	}
}

// What is read at the moment it comes counts as stored too, also when the word of that is lost.
func TestReadMarkOvertakesHave(t *testing.T) {
	for seed := range uint64(40) {
		w, _, alice, bob := sharers(t, seed+1, true, true)
		alice.say("@bob", "hello")
		w.run(time.Second)
		bob.readsUpTo(alice, "hello")
		w.run(time.Second)
		w.lan.Set(sim.Link{Loss: 0.3})
		alice.say("@bob", "one")
		for len(bob.lines("@alice")) < 2 {
			w.run(100 * time.Microsecond)
		}
		bob.readsUpTo(alice, "one")
		w.run(10 * time.Second)
		alice.wantRead(bob, "hello one", "hello one")
	}
}

func TestReadMarksNeedBothSides(t *testing.T) {
	for _, c := range []struct{ alice, bob bool }{{false, false}, {true, false}, {false, true}} {
		w, watch, alice, bob := sharers(t, 3, c.alice, c.bob)
		alice.say("@bob", "one")
		bob.say("@alice", "two")
		w.run(time.Second)
		bob.readsUpTo(alice, "one")
		alice.readsUpTo(bob, "two")
		w.run(time.Minute)
		alice.wantRead(bob, "", "")
		bob.wantRead(alice, "", "")
		if len(watch.marks) > 0 || !c.alice && watch.all["alice"] > 0 || !c.bob && watch.all["bob"] > 0 {
			t.Errorf("alice shares %v, bob %v: %v Reads and %v marks were sent", c.alice, c.bob, watch.all, watch.marks)
		}
	}
}

// Nobody who has no direct conversation with this node learns whether it shares read marks.
func TestReadMarksAreNoBusinessOfOthers(t *testing.T) {
	w, watch, alice, bob := sharers(t, 4, true, true)
	alice.say("#lobby", "to all")
	w.run(time.Second)
	if err := bob.core.Read(bob.clock(), protocol.OpenNetwork().PublicRoom("lobby"), peer.Place{Lamport: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	bob.settle()
	w.run(time.Minute)
	if len(watch.all) > 0 {
		t.Errorf("%v Reads were sent", watch.all)
	}
}

func TestReadMarksOutliveRestarts(t *testing.T) {
	for seed := range uint64(10) {
		w, watch, alice, bob := sharers(t, seed+1, true, true)
		alice.say("@bob", "one")
		alice.say("@bob", "two")
		w.run(time.Second)
		bob.readsUpTo(alice, "one")
		w.run(time.Second)
		alice.kill()
		w.run(10 * time.Second)
		bob.readsUpTo(alice, "two") // while alice is away
		w.run(time.Second)
		bob.kill()
		alice.start()
		w.run(time.Second)
		alice.wantRead(bob, "", "one")
		alice.say("@bob", "three")
		bob.start()
		w.run(5 * time.Second)
		alice.wantRead(bob, "two", "one two")
		bob.readsUpTo(alice, "three")
		w.run(5 * time.Second)
		alice.wantRead(bob, "two three", "one two three")
		var d peer.Detail
		page := alice.history(direct(alice, bob))
		alice.core.Detail(alice.clock(), direct(alice, bob), page[2].Place, func(x peer.Detail, err error) { d = x })
		alice.settle()
		w.run(time.Millisecond)
		if len(d.Reached) != 1 || d.Reached[0].Read.Before(d.Reached[0].At) || w.now.Sub(d.Reached[0].Read) > 10*time.Second {
			t.Errorf("seed %d: details are %+v", seed, d)
		}
		// What is known to both is told once more in each new session, and no oftener.
		was := watch.marks["bob"]
		w.run(10 * time.Minute)
		if n := watch.marks["bob"] - was; n > 2 {
			t.Errorf("seed %d: bob went on telling, %d times", seed, n)
		}
	}
}

// One side has given the other up, which was only not heard and knows everything still.
func TestReadMarksOutliveASilence(t *testing.T) {
	for seed := range uint64(10) {
		w, _, alice, bob := sharers(t, seed+1, true, true)
		bob.say("@alice", "two")
		w.run(time.Second)
		w.lan.Cut(bob.host, alice.host)
		w.run(10 * time.Second)
		w.lan.Heal()
		w.run(10 * time.Second)
		alice.readsUpTo(bob, "two")
		w.run(time.Second)
		bob.wantRead(alice, "two", "two")
	}
}

func TestReadMarksAreSwitched(t *testing.T) {
	w, watch, alice, bob := sharers(t, 5, true, false)
	set := func(n *node, on bool) { n.core.SetReadMarks(n.clock(), on); n.settle() }
	alice.say("@bob", "one")
	w.run(time.Second)
	bob.readsUpTo(alice, "one")
	w.run(time.Second)
	alice.wantRead(bob, "", "")
	set(bob, true) // what was read before is told too
	w.run(time.Second)
	alice.wantRead(bob, "one", "one")
	set(alice, false)
	alice.say("@bob", "two")
	w.run(time.Second)
	before := watch.marks["bob"]
	bob.readsUpTo(alice, "two")
	w.run(time.Second)
	if watch.marks["bob"] != before {
		t.Error("bob tells alice, who does not share any more")
	}
	bob.reads = true
	bob.kill()
	set(alice, true)
	w.run(time.Millisecond)
	alice.kill()
	alice.reads = false // what was set goes before the configuration
	alice.start()
	bob.start()
	w.run(2 * time.Second)
	alice.wantRead(bob, "two", "one two")
	if !slices.ContainsFunc(alice.core.Standing(), func(e peer.Event) bool { r, ok := e.(peer.Ready); return ok && r.Status.ReadMarks }) {
		t.Error("alice's status does not say that read marks are shared")
	}
}

// Who has stopped sharing is told no more, whoever knew that they did.
func TestReadMarksAreNotToldToAnotherSetting(t *testing.T) {
	w, watch, alice, bob := sharers(t, 9, true, true)
	alice.say("@bob", "one")
	w.run(time.Second)
	bob.readsUpTo(alice, "one")
	w.run(time.Second)
	alice.wantRead(bob, "one", "one")
	alice.kill()
	alice.reads = false
	alice.start()
	clear(watch.marks)
	clear(watch.all)
	w.run(time.Minute)
	if watch.all["alice"] > 0 || len(watch.marks) > 0 {
		t.Errorf("%v Reads and %v marks were sent", watch.all, watch.marks)
	}
}

// Of several programs of one person the one that has read furthest counts.
func TestReadMarksOfTwoInstances(t *testing.T) {
	w, _, alice, bob := sharers(t, 6, true, true)
	tablet := w.host("tablet")
	tablet.identity, tablet.reads = bob.identity, true
	tablet.start()
	alice.say("@bob", "one")
	w.run(time.Second)
	alice.say(bob.identity.ID().String(), "two")
	w.run(time.Second)
	tablet.readsUpTo(alice, "two")
	w.run(time.Second)
	bob.readsUpTo(alice, "one")
	w.run(time.Second)
	alice.wantRead(bob, "one two", "one two")
}

// A mark of a line that is not here is of no use, and does no harm.
func TestReadMarkOfALostLine(t *testing.T) {
	w, watch, alice, bob := sharers(t, 7, true, true)
	alice.say("@bob", "one")
	w.run(time.Second)
	bob.readsUpTo(alice, "one")
	w.run(time.Second)
	alice.kill()
	alice.store = copyStore(alice.store, alice.last) // an old copy of the profile, without the line
	state, _ := alice.store.State()
	if len(state.Logs) > 0 || len(state.Rooms) == 0 {
		t.Fatalf("the copy has %d logs in %d rooms", len(state.Logs), len(state.Rooms))
	}
	alice.start()
	w.run(5 * time.Second)
	if len(watch.drops) == 0 || !strings.Contains(watch.drops[0], "read mark of a line") {
		t.Errorf("dropped: %q", watch.drops)
	}
	alice.say("@bob", "two")
	w.run(time.Second)
	bob.readsUpTo(alice, "two")
	w.run(time.Second)
	alice.wantRead(bob, "two", "two")
}

// A line before which others are missing at the reader's side is not told as read: the word would stand for all of them.
func TestReadMarkWaitsForWhatIsMissing(t *testing.T) {
	w, watch, alice, bob := sharers(t, 8, true, true)
	alice.say("@bob", "one")
	w.run(time.Second)
	var first []replica.Verified
	for _, e := range entries(bob.store) {
		first = append(first, e.Verified)
	}
	alice.say("@bob", "two")
	w.run(time.Second)
	bob.kill()
	alice.kill()
	bob.store = copyStore(bob.store, first)
	alice.store = copyStore(alice.store, first) // so that nobody has it any more
	alice.start()
	bob.start()
	w.run(5 * time.Second)
	bob.readsUpTo(alice, "two")
	w.run(5 * time.Second)
	if len(watch.marks) > 0 {
		t.Errorf("marks were sent: %v", watch.marks)
	}
}
