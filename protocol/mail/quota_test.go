package mail

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// sized is an entry of exactly so many bytes.
func (a *author) sized(room protocol.RoomID, size int) replica.Verified {
	probe := *a
	probe.seqs = maps.Clone(a.seqs)
	n := size / 2
	n += size - len(probe.in(room, n).Raw())
	v := a.in(room, n)
	if len(v.Raw()) != size {
		panic(fmt.Sprintf("%d bytes, wanted %d", len(v.Raw()), size))
	}
	return v
}

func TestQuotaOfEntries(t *testing.T) {
	offer := func(c *Carrier, a *author, v replica.Verified) error { return c.Offer(noon, v, a.id.ID()) }
	refused := func(t *testing.T, err error, of string) {
		t.Helper()
		if !errors.Is(err, ErrQuota) || !strings.HasSuffix(err.Error(), of) {
			t.Errorf("one beyond: %v, want a quota %s", err, of)
		}
	}
	room := func(n int) protocol.RoomID { return lan.PublicRoom(fmt.Sprint(n)) } // rooms can be invented

	t.Run("of an author in a room", func(t *testing.T) {
		alice, carol := writes("alice"), carries("carol")
		for range protocol.MailPerLog {
			alice.gives(t, carol, alice.in(room(0), 0))
		}
		refused(t, offer(carol, alice, alice.in(room(0), 0)), "in one room")
		body, _ := replica.EncodeSealed(KeyID{}, make([]byte, 100))
		refused(t, offer(carol, alice, alice.entry(room(0), 77, replica.KindSealed, body)), "in one room")
		alice.gives(t, carol, alice.in(room(1), 0))
		bob := writes("bob")
		bob.gives(t, carol, bob.in(room(0), 0))
		// What was delivered makes place.
		log := replica.Log{Room: room(0), Author: alice.id.ID(), Epoch: 1}
		if refs := carol.Done(alice.id.ID(), log, []protocol.Range{{First: 1, Last: 1}}); len(refs) != 1 {
			t.Errorf("dropped %v", refs)
		}
		alice.gives(t, carol, alice.in(room(0), 0))
	})
	t.Run("of a room", func(t *testing.T) {
		carol := carries("carol")
		for i := range protocol.MailPerRoom / protocol.MailPerLog {
			a := writes(fmt.Sprint("author", i))
			for range protocol.MailPerLog {
				a.gives(t, carol, a.in(room(0), 0))
			}
		}
		alice := writes("alice")
		refused(t, offer(carol, alice, alice.in(room(0), 0)), "of one room")
		alice.gives(t, carol, alice.in(room(1), 0))
	})
	t.Run("of an author", func(t *testing.T) {
		carol, mallory := carries("carol"), writes("mallory")
		for i := range protocol.MailPerAuthor {
			mallory.gives(t, carol, mallory.in(room(i), 0))
		}
		refused(t, offer(carol, mallory, mallory.in(room(999), 0)), "of "+mallory.id.ID().Short())
		alice := writes("alice")
		alice.gives(t, carol, alice.in(room(999), 0))
	})
	t.Run("in all", func(t *testing.T) {
		carol := carries("carol")
		for i := range protocol.MailTotal / protocol.MailPerAuthor {
			a := writes(fmt.Sprint("author", i))
			for j := range protocol.MailPerAuthor {
				a.gives(t, carol, a.in(room(1000*i+j), 0))
			}
		}
		alice := writes("alice")
		refused(t, offer(carol, alice, alice.in(room(-1), 0)), "in all")
	})
}

func TestQuotaOfBytes(t *testing.T) {
	const size = 16 << 10 // of an entry, to a byte
	room := func(n int) protocol.RoomID { return lan.PublicRoom(fmt.Sprint(n)) }
	fill := func(t *testing.T, c *Carrier, bytes int, next func(i int) (*author, protocol.RoomID)) {
		t.Helper()
		for i := range bytes / size {
			a, r := next(i)
			a.gives(t, c, a.sized(r, size))
		}
	}
	// last offers the shortest of entries where nothing is left.
	last := func(t *testing.T, c *Carrier, a *author, r protocol.RoomID, of string) {
		t.Helper()
		if err := c.Offer(noon, a.in(r, 0), a.id.ID()); !errors.Is(err, ErrQuota) || !strings.HasSuffix(err.Error(), of) {
			t.Errorf("beyond: %v, want a quota %s", err, of)
		}
	}
	crowd := make([]*author, 100)
	for i := range crowd {
		crowd[i] = writes(fmt.Sprint("author", i))
	}
	alice, mallory := writes("alice"), writes("mallory")

	t.Run("of an author in a room", func(t *testing.T) {
		carol := carries("carol")
		fill(t, carol, protocol.MailLogBytes, func(int) (*author, protocol.RoomID) { return alice, room(0) })
		last(t, carol, alice, room(0), "in one room")
		alice.gives(t, carol, alice.in(room(1), 0))
	})
	t.Run("of a room", func(t *testing.T) {
		carol := carries("carol")
		fill(t, carol, protocol.MailRoomBytes, func(i int) (*author, protocol.RoomID) { return crowd[i/5], room(0) })
		last(t, carol, alice, room(0), "of one room")
		alice.gives(t, carol, alice.in(room(1), 0))
	})
	t.Run("of an author", func(t *testing.T) {
		carol := carries("carol")
		fill(t, carol, protocol.MailAuthorBytes, func(i int) (*author, protocol.RoomID) { return mallory, room(i) })
		last(t, carol, mallory, room(-1), "of "+mallory.id.ID().Short())
		alice.gives(t, carol, alice.in(room(-1), 0))
	})
	t.Run("in all", func(t *testing.T) {
		carol := carries("carol")
		fill(t, carol, protocol.MailTotalBytes, func(i int) (*author, protocol.RoomID) { return crowd[i/50], room(i) })
		last(t, carol, alice, room(-1), "in all")
	})
	t.Run("one byte", func(t *testing.T) {
		carol := carries("carol")
		fill(t, carol, protocol.MailLogBytes-size, func(int) (*author, protocol.RoomID) { return alice, room(0) })
		if err := carol.Offer(noon, alice.sized(room(0), size+1), alice.id.ID()); !errors.Is(err, ErrQuota) {
			t.Errorf("a byte too many: %v", err)
		}
		alice.gives(t, carol, alice.sized(room(0), size))
	})
}
