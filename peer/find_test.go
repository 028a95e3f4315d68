package peer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
)

// page is what History gives, which is at most n messages.
func (n *node) page(room protocol.RoomID, before peer.Place, count int) (page []peer.Message, err error) {
	n.w.t.Helper()
	answers := 0
	n.core.History(n.clock(), room, before, count, func(got []peer.Message, e error) {
		page, err = got, e
		answers++
	})
	n.settle()
	n.w.run(time.Second)
	if answers != 1 || len(page) > count {
		n.w.t.Fatalf("%d answers, the last with %d of %d messages", answers, len(page), count)
	}
	return page, err
}

// TestHistoryIsFullUntilItsBeginning: who gets fewer messages than were asked for may take it that there are no more.
func TestHistoryIsFullUntilItsBeginning(t *testing.T) {
	w := newWorld(t, 62)
	w.quiet = true
	alice := w.host("alice")
	alice.start()
	lobby := protocol.OpenNetwork().PublicRoom(peer.Lobby)
	topic := func(times int) {
		for i := range times {
			alice.core.SetTopic(alice.clock(), "#lobby", fmt.Sprint("topic ", i), func(err error) {
				if err != nil {
					t.Error(err)
				}
			})
			alice.settle()
			w.run(time.Second)
		}
	}
	topic(1)
	for i := range 20 {
		if i%5 == 3 {
			topic(i)
		}
		alice.say("#lobby", fmt.Sprint("line ", i))
		w.run(time.Second)
	}
	topic(12)
	for _, n := range []int{1, 3, 4, 7, 20, 21} {
		var got []string
		before := peer.Place{}
		for len(got) < 20 {
			page, err := alice.page(lobby, before, n)
			if err != nil || len(page) != min(n, 20-len(got)) {
				t.Fatalf("%d after %d: %d messages, %v", n, len(got), len(page), err)
			}
			before = page[0].Place
			var texts []string
			for _, m := range page {
				texts = append(texts, m.Text)
			}
			got = append(texts, got...)
		}
		for i, text := range got {
			if text != fmt.Sprint("line ", i) {
				t.Errorf("%d at a time: line %d is %q", n, i, text)
			}
		}
	}
	if page, err := alice.page(lobby, peer.Place{}, 0); len(page) != 0 || err != nil {
		t.Errorf("none were asked for: %v, %v", page, err)
	}
}

// scratched is a disk on which some lines can no longer be read.
type scratched struct {
	*replica.MemStore
	bad func(text string) bool
}

func (s scratched) damaged(e replica.Stored) bool {
	_, text, _ := e.Text()
	return s.bad(text)
}

func (s scratched) Page(room protocol.RoomID, before replica.Place, n int) (page []replica.Stored, err error) {
	all, _ := s.MemStore.Page(room, before, n)
	for _, e := range all {
		if s.damaged(e) {
			err = replica.ErrCorrupt
		} else {
			page = append(page, e)
		}
	}
	return page, err
}

func (s scratched) Search(q replica.Query) (hits []replica.Hit, older replica.Cursor, err error) {
	all, older, _ := s.MemStore.Search(q)
	for _, h := range all {
		if s.damaged(h.Stored) {
			err = replica.ErrCorrupt
		} else {
			hits = append(hits, h)
		}
	}
	return hits, older, err
}

// TestDamageHidesWhatIsDamagedOnly: what lies behind it is still read, and the trouble told.
func TestDamageHidesWhatIsDamagedOnly(t *testing.T) {
	w := newWorld(t, 63)
	w.quiet = true
	alice := w.host("alice")
	alice.start()
	for i := range 20 {
		alice.say("#lobby", fmt.Sprint("line ", i))
		w.run(time.Second)
	}
	alice.wrap = scratched{alice.store, func(text string) bool { return text == "line 17" || text == "line 3" || text == "line 2" }}
	page, err := alice.page(protocol.OpenNetwork().PublicRoom(peer.Lobby), peer.Place{}, 18)
	if !errorIsCorrupt(err) || len(page) != 17 {
		t.Errorf("history is %d messages, %v", len(page), err)
	}
	count, troubles := 0, 0
	for older := uint64(0); ; {
		var found peer.Found
		alice.core.Search(alice.clock(), "line", older, 5, func(f peer.Found, err error) {
			if found = f; errorIsCorrupt(err) {
				troubles++
			} else if err != nil {
				t.Error(err)
			}
		})
		alice.settle()
		w.run(time.Second)
		count += len(found.Messages)
		if older = found.Older; older == 0 {
			break
		}
	}
	if count != 17 || troubles != 2 {
		t.Errorf("%d hits, %d times trouble", count, troubles)
	}
}

func errorIsCorrupt(err error) bool { return errors.Is(err, replica.ErrCorrupt) }
