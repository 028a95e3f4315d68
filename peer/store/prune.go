package store

import (
	"crypto/sha256"
	"slices"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// Delete removes a room's entries; see replica.Store. After the last step nothing of them is left in the file: what is freed
// is overwritten, the full-text index is written anew, and the write-ahead log is emptied.
func (s *Store) Delete(room protocol.RoomID, upTo replica.Place) ([]replica.LogRanges, error) {
	var gone []replica.LogRanges
	var doomed []row
	more := false
	err := s.change(func(t *transaction) error {
		err := t.rows(byPlace, []any{room[:]}, func(scan func(...any) error) (bool, error) {
			var e row
			if err := e.scan(scan); err != nil {
				return false, err
			}
			switch place, err := e.place(); {
			case err != nil:
				return false, err
			case upTo != (replica.Place{}) && place.Compare(upTo) > 0:
				return false, nil
			case len(doomed) == replica.PruneStep:
				more = true
				return false, nil
			}
			doomed = append(doomed, e)
			return true, nil
		})
		if err == nil {
			gone, err = t.remove(room, doomed)
		}
		if err == nil {
			err = t.run("DELETE FROM marks WHERE room = ?", room[:])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(gone) > 0 {
		s.check.end() // it holds the log; the next start checks again
	}
	if len(gone) > 0 && !more {
		// The room is deleted, whether or not this succeeds: a full disk delays it until the index is written anew by itself.
		_ = s.write.run("INSERT INTO words (words) VALUES ('optimize')")
		_ = s.write.run("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return gone, nil
}

// byPlace is the entries of a room, oldest first.
const byPlace = `SELECT e.id, e.lamport, g.author, g.epoch, e.seq, e.indexed, coalesce(l.owed, 0) FROM entries e
	JOIN logs g ON g.num = e.log LEFT JOIN lines l ON l.entry = e.id
	WHERE e.room = (SELECT num FROM rooms WHERE id = ?) ORDER BY e.lamport, g.author, g.epoch, e.seq`

// row is what is known of an entry that may go.
type row struct {
	id            replica.Cursor
	lamport       uint64
	author        []byte
	epoch, seq    uint64
	indexed, owed bool
}

func (r *row) scan(scan func(...any) error) error {
	return scan(&r.id, &r.lamport, &r.author, &r.epoch, &r.seq, &r.indexed, &r.owed)
}

func (r *row) place() (replica.Place, error) {
	p := replica.Place{Lamport: r.lamport, Epoch: r.epoch, Seq: r.seq}
	return p, fixed(p.Author[:], r.author)
}

// Prune applies a retention; see replica.Store.
func (s *Store) Prune(room protocol.RoomID, keep replica.Keep) ([]replica.LogRanges, error) {
	var gone []replica.LogRanges
	err := s.change(func(t *transaction) error {
		excess := uint64(0)
		if keep.Newest > 0 {
			n, err := t.count(room)
			if err != nil {
				return err
			}
			excess = max(n, keep.Newest) - keep.Newest
		}
		old := !keep.Since.IsZero()
		if !old && excess == 0 {
			return nil
		}
		from, to := replica.FirstCursor(keep.Since), replica.FirstCursor(keep.Until)
		var doomed []row
		err := t.rows(byPlace, []any{room[:]}, func(scan func(...any) error) (bool, error) {
			var e row
			if err := e.scan(scan); err != nil {
				return false, err
			}
			if old && e.id >= from && e.id < to {
				old = false
			}
			if old && e.id < from || excess > 0 && !e.owed {
				doomed = append(doomed, e)
				excess = max(excess, 1) - 1
			}
			return (old || excess > 0) && len(doomed) < replica.PruneStep, nil
		})
		if err != nil {
			return err
		}
		gone, err = t.remove(room, doomed)
		return err
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

// count is how many entries a room has: what its logs say, without counting.
func (t *transaction) count(room protocol.RoomID) (n uint64, err error) {
	err = t.rows("SELECT ranges FROM logs WHERE room = (SELECT num FROM rooms WHERE id = ?)", []any{room[:]},
		func(scan func(...any) error) (bool, error) {
			var b []byte
			if err := scan(&b); err != nil {
				return false, err
			}
			ranges, err := decodeRanges(b)
			n += ranges.Len()
			return true, err
		})
	return n, err
}

// remove takes entries of a room out and says which numbers are gone.
func (t *transaction) remove(room protocol.RoomID, doomed []row) ([]replica.LogRanges, error) {
	gone := map[replica.Log]*replica.LogRanges{}
	var out []*replica.LogRanges
	for _, e := range doomed {
		log := replica.Log{Room: room, Epoch: e.epoch}
		if err := fixed(log.Author[:], e.author); err != nil {
			return nil, err
		}
		l, err := t.log(log)
		if err != nil {
			return nil, err
		}
		if err := t.run("DELETE FROM entries WHERE id = ?", integer(e.id)); err != nil {
			return nil, err
		}
		if e.indexed {
			if err := t.run("DELETE FROM words WHERE rowid = ?", integer(e.id)); err != nil {
				return nil, err
			}
		}
		number := protocol.Range{First: e.seq, Last: e.seq}
		l.Ranges.Remove(number)
		l.Gone.Add(number)
		l.changed = true
		if gone[log] == nil {
			gone[log] = &replica.LogRanges{Log: log}
			out = append(out, gone[log])
		}
		gone[log].Ranges.Add(number)
	}
	var list []replica.LogRanges
	for _, g := range out {
		if err := t.newHead(t.logs[g.Log]); err != nil {
			return nil, err
		}
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b replica.LogRanges) int { return a.Log.Compare(b.Log) })
	return list, nil
}

// newHead is the hash of the entry that is now a log's last.
func (t *transaction) newHead(l *logRow) error {
	var raw []byte
	ok, err := t.row("SELECT raw FROM entries WHERE log = ? AND seq = ?", []any{l.num, integer(l.Ranges.Max())}, &raw)
	if err != nil {
		return err
	}
	if l.Head = [32]byte{}; ok {
		l.Head = sha256.Sum256(raw)
	}
	return nil
}
