package mail

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// author writes sealed entries. What is in them does not matter to who carries them.
type author struct {
	id      *protocol.Identity
	lamport uint64
	seqs    map[replica.Log]uint64
}

func writes(name string) *author {
	return &author{id: who(name), seqs: map[replica.Log]uint64{}}
}

func (a *author) entry(room protocol.RoomID, epoch uint64, kind replica.EntryKind, body []byte) replica.Verified {
	log := replica.Log{Room: room, Author: a.id.ID(), Epoch: epoch}
	a.lamport++
	a.seqs[log]++
	e := replica.Entry{Log: log, Seq: a.seqs[log], Lamport: a.lamport, Wall: noon, Kind: kind, Body: body}
	if e.Seq > 1 {
		e.Previous = [32]byte{1}
	}
	return replica.Sign(a.id, e)
}

// to is a sealed entry of about the size for somebody.
func (a *author) to(name string, size int) replica.Verified {
	return a.in(lan.DirectRoom(a.id.ID(), who(name).ID()), size)
}

func (a *author) in(room protocol.RoomID, size int) replica.Verified {
	body, err := replica.EncodeSealed(KeyID{1}, make([]byte, max(size, protocol.MinSealed)))
	if err != nil {
		panic(err)
	}
	return a.entry(room, 1, replica.KindSealed, body)
}

func carries(name string) *Carrier { return NewCarrier(who(name).ID(), lan) }

func (a *author) gives(t testing.TB, c *Carrier, v replica.Verified) {
	t.Helper()
	if err := c.Offer(noon, v, a.id.ID()); err != nil {
		t.Fatal(err)
	}
}

func numbers[T any](items []T, seq func(T) uint64) string {
	var out []string
	for _, it := range items {
		out = append(out, fmt.Sprint(seq(it)))
	}
	return strings.Join(out, " ")
}

func held(items []Item) string {
	return numbers(items, func(it Item) uint64 { return it.Entry.Entry().Lamport })
}

func dropped(refs []Ref) string { return numbers(refs, func(r Ref) uint64 { return r.Seq }) }

// Alice writes to bob and leaves. Carol carries it, sees dave and gives him nothing, sees bob and gives it to him, and
// forgets it when he says that he has it.
func TestCarolCarriesAlicesMailToBob(t *testing.T) {
	alice, carol := writes("alice"), carries("carol")
	bob, dave := who("bob").ID(), who("dave").ID()
	lines := []replica.Verified{alice.to("bob", 100), alice.to("bob", 100), alice.to("erin", 100), alice.to("bob", 100)}
	for _, i := range []int{3, 0, 2, 1} { // as the network brought them
		alice.gives(t, carol, lines[i])
	}
	if got := carol.To(dave); len(got) != 0 {
		t.Errorf("dave is given %s", held(got))
	}
	if got := held(carol.To(bob)); got != "1 2 4" {
		t.Errorf("bob is given %s", got)
	}
	room := lan.DirectRoom(alice.id.ID(), bob)
	if got := carol.For(room); held(got) != "1 2 4" || !bytes.Equal(got[0].Entry.Raw(), lines[0].Raw()) {
		t.Errorf("for the room there is %s", held(got))
	}
	log := lines[0].Entry().Log
	if refs := carol.Done(dave, log, []protocol.Range{{First: 1, Last: 9}}); refs != nil {
		t.Errorf("dave made carol forget %v", refs)
	}
	if refs := carol.Done(bob, log, []protocol.Range{{First: 1, Last: 1}, {First: 3, Last: 7}}); dropped(refs) != "1 3" {
		t.Errorf("forgotten: %s", dropped(refs))
	}
	if got := held(carol.To(bob)); got != "2" {
		t.Errorf("left for bob: %s", got)
	}
	if refs := carol.Done(alice.id.ID(), log, []protocol.Range{{First: 2, Last: 2}}); dropped(refs) != "2" {
		t.Errorf("forgotten when alice delivered it herself: %s", dropped(refs))
	}
	if got := held(carol.Items()); got != "3" {
		t.Errorf("left: %s", got)
	}
}

func TestWhatDoneDoesNotConcern(t *testing.T) {
	alice, carol := writes("alice"), carries("carol")
	alice.gives(t, carol, alice.to("bob", 100))
	bob, log := who("bob").ID(), carol.Items()[0].Entry.Entry().Log
	for name, other := range map[string]replica.Log{
		"another epoch":  {Room: log.Room, Author: log.Author, Epoch: 2},
		"another author": {Room: log.Room, Author: bob, Epoch: log.Epoch},
		"another room":   {Room: lan.DirectRoom(log.Author, who("erin").ID()), Author: log.Author, Epoch: log.Epoch},
	} {
		if refs := carol.Done(bob, other, []protocol.Range{{First: 1, Last: 9}}); refs != nil {
			t.Errorf("%s: %v", name, refs)
		}
	}
	if refs := carol.Done(bob, log, nil); refs != nil {
		t.Errorf("no numbers: %v", refs)
	}
	if refs := carol.Done(bob, log, []protocol.Range{{First: 2, Last: 9}}); refs != nil {
		t.Errorf("other numbers: %v", refs)
	}
}

// The numbers of a log begin anew with each epoch: what was said first is given first all the same.
func TestOrderIsThatOfTheRoom(t *testing.T) {
	alice, carol := writes("alice"), carries("carol")
	room := lan.DirectRoom(alice.id.ID(), who("bob").ID())
	body, err := replica.EncodeSealed(KeyID{}, make([]byte, 100))
	if err != nil {
		t.Fatal(err)
	}
	for _, epoch := range []uint64{900, 5, 400, 5} {
		alice.gives(t, carol, alice.entry(room, epoch, replica.KindSealed, body))
	}
	if got := held(carol.To(who("bob").ID())); got != "1 2 3 4" {
		t.Errorf("given as %s", got)
	}
}

func TestMailIsKeptForAWeek(t *testing.T) {
	alice, carol := writes("alice"), carries("carol")
	if !carol.Deadline().IsZero() {
		t.Error("a deadline for nothing")
	}
	for i := range 3 {
		if err := carol.Offer(noon.Add(time.Duration(i)*day), alice.to("bob", 100), alice.id.ID()); err != nil {
			t.Fatal(err)
		}
	}
	end := noon.Add(protocol.MailAge)
	if at := carol.Deadline(); !at.Equal(end) {
		t.Errorf("deadline %s, want %s", at, end)
	}
	if refs := carol.Advance(end.Add(-1)); refs != nil {
		t.Errorf("a moment too early: %v", refs)
	}
	if refs := carol.Advance(end); dropped(refs) != "1" {
		t.Errorf("after a week: %v", refs)
	}
	if at := carol.Deadline(); !at.Equal(end.Add(day)) {
		t.Errorf("next deadline %s", at)
	}
	if refs := carol.Advance(end.Add(9 * day)); dropped(refs) != "2 3" || !carol.Deadline().IsZero() {
		t.Errorf("long after: %v", refs)
	}
}

// A laptop that sleeps for a night has carried for a night: the monotonic clock of some systems does not say so.
func TestWeekIsOfTheWallClock(t *testing.T) {
	alice, carol, now := writes("alice"), carries("carol"), time.Now()
	if err := carol.Offer(now, alice.to("bob", 100), alice.id.ID()); err != nil {
		t.Fatal(err)
	}
	if at := carol.Items()[0].Accepted; at != now.Round(0) || at == now {
		t.Errorf("taken at %v", at)
	}
}

func TestWhatIsNotCarried(t *testing.T) {
	alice, carol := writes("alice"), carries("carol")
	room := lan.DirectRoom(alice.id.ID(), who("bob").ID())
	text, err := replica.EncodeBody("alice", "hello")
	if err != nil {
		t.Fatal(err)
	}
	good := alice.to("bob", 100)
	for name, c := range map[string]struct {
		v    replica.Verified
		from string
	}{
		"a text in the clear":    {alice.entry(room, 1, replica.KindText, text), "alice"},
		"an unknown kind":        {alice.entry(room, 1, 9, text), "alice"},
		"somebody else's":        {good, "mallory"},
		"from the recipient":     {good, "bob"},
		"for the carrier itself": {alice.to("carol", 100), "alice"},
		"the carrier's own":      {writes("carol").to("bob", 100), "carol"},
	} {
		if err := carol.Offer(noon, c.v, who(c.from).ID()); !errors.Is(err, ErrNotMail) {
			t.Errorf("%s: %v", name, err)
		}
	}
	alice.gives(t, carol, good)
	if err := carol.Offer(noon, good, alice.id.ID()); !errors.Is(err, ErrCarried) {
		t.Errorf("twice: %v", err)
	}
	e := good.Entry()
	e.Lamport++
	if err := carol.Offer(noon, replica.Sign(alice.id, e), alice.id.ID()); !errors.Is(err, ErrNotMail) {
		t.Errorf("another under its number: %v", err)
	}
	if got := carol.Items(); len(got) != 1 || got[0].Entry.Hash() != good.Hash() {
		t.Errorf("carried: %s", held(got))
	}
}

func TestCarrierComesBackFromTheStore(t *testing.T) {
	alice, erin, carol := writes("alice"), writes("erin"), carries("carol")
	for i := range 3 {
		if err := carol.Offer(noon.Add(time.Duration(i)*time.Hour), alice.to("bob", 100), alice.id.ID()); err != nil {
			t.Fatal(err)
		}
		erin.gives(t, carol, erin.to("dave", 100))
	}
	stored := carol.Items()
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(stored), func(i, j int) { stored[i], stored[j] = stored[j], stored[i] })
	again := carries("carol")
	for _, it := range stored {
		if err := again.Restore(noon.Add(day), it); err != nil {
			t.Fatal(err)
		}
	}
	same := func(a, b Item) bool { return a.Entry.Hash() == b.Entry.Hash() && a.Accepted.Equal(b.Accepted) }
	if !slices.EqualFunc(again.Items(), carol.Items(), same) {
		t.Errorf("came back as %s, was %s", held(again.Items()), held(carol.Items()))
	}
	if err := again.Restore(noon, stored[0]); !errors.Is(err, ErrCarried) {
		t.Errorf("twice: %v", err)
	}
	if err := carries("bob").Restore(noon, carol.For(lan.DirectRoom(alice.id.ID(), who("bob").ID()))[0]); !errors.Is(err, ErrNotMail) {
		t.Errorf("in the profile of another: %v", err)
	}
	// The clock was set back by a year: the week counts from now on.
	past, early := carries("carol"), noon.Add(-365*day)
	if err := past.Restore(early, stored[0]); err != nil || !past.Deadline().Equal(early.Add(protocol.MailAge)) {
		t.Errorf("deadline %s, %v", past.Deadline(), err)
	}
}

// Whatever is offered, done and waited for in whatever order: the quotas hold, the order is that of the rooms, and what
// is dropped is what was held.
func TestCarrierInvariants(t *testing.T) {
	names := []string{"alice", "bob", "dave", "erin"}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		carol, now := carries("carol"), noon
		authors := map[string]*author{}
		for _, n := range names {
			authors[n] = writes(n)
		}
		given := 0
		for range 200 {
			a := authors[names[r.IntN(len(names))]]
			to := names[r.IntN(len(names))]
			switch r.IntN(6) {
			case 0:
				now = now.Add(time.Duration(r.IntN(30)) * time.Hour)
				given -= len(carol.Advance(now))
			case 1:
				room := lan.DirectRoom(a.id.ID(), who(to).ID())
				given -= len(carol.Done(who(to).ID(), replica.Log{Room: room, Author: a.id.ID(), Epoch: 1},
					[]protocol.Range{{First: r.Uint64N(30), Last: 30}}))
			default:
				if carol.Offer(now, a.to(to, r.IntN(16000)), a.id.ID()) == nil {
					given++
				}
			}
			given -= len(carol.Advance(now))
			items := carol.Items()
			if len(items) != given || !slices.IsSortedFunc(items, Item.compare) {
				t.Fatalf("seed %d: %d held, %d given: %s", seed, len(items), given, held(items))
			}
			if next := carol.Deadline(); next.IsZero() != (given == 0) || given > 0 && !next.After(now) {
				t.Fatalf("seed %d: a deadline at %s, now is %s", seed, next, now)
			}
			entries, bytes := map[replica.Log]int{}, map[replica.Log]int{}
			for _, it := range items {
				log := it.Entry.Entry().Log
				entries[log]++
				bytes[log] += len(it.Entry.Raw())
				if entries[log] > protocol.MailPerLog || bytes[log] > protocol.MailLogBytes {
					t.Fatalf("seed %d: %d entries, %d bytes of one log", seed, entries[log], bytes[log])
				}
			}
		}
	}
}
