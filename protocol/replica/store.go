package replica

import (
	"errors"
	"iter"
	"time"

	"earshot/protocol"
)

// Store keeps what a node must not forget. Whatever writes (Commit, Delete, Prune, Close) is called by one goroutine at
// a time; the rest may be called by others meanwhile if the implementation says so. Numbers once stored stay what they
// are: of two entries under one number the first is kept.
//
// What comes back was verified again, since disks and files are outside too; only Load gives the bytes as they are,
// for a peer who verifies them.
type Store interface {
	// State is everything known but for the entries: for the start.
	State() (State, error)
	// Commit writes a batch, all of it or (with an error) nothing. It is durable when Commit returns.
	Commit(b Batch) error
	// Load is the entries first to last of a log that are stored, ascending, as they were signed: at most limit of them.
	Load(log Log, first, last uint64, limit int) ([][]byte, error)
	// Page is the n entries of a room that come right before a place (the zero Place: the newest), ascending.
	// With ErrCorrupt it is what of them can still be read.
	Page(room protocol.RoomID, before Place, n int) ([]Stored, error)
	// PageAfter is the n entries of a room that come right after a place (the zero Place: the oldest), ascending.
	// With ErrCorrupt it is what of them can still be read.
	PageAfter(room protocol.RoomID, after Place, n int) ([]Stored, error)
	// Search is the lines that fit a query, newest first by their own wall time. older is where to go on (Query.Older), 0
	// if all has been seen: a search may return before it has q.Limit hits, with none even, so that a long one keeps
	// nobody waiting. Errors: ErrQuery, and those of Page.
	Search(q Query) (hits []Hit, older Cursor, err error)
	// Delete removes a room's entries up to a place (the zero Place: all) with what stands beside them, its receipts and
	// its mark. What is known of the room itself stays. It removes at most PruneStep entries a call, the oldest first, so
	// that others are not kept waiting, and is called again until nothing more is gone. The numbers it returns are gone.
	Delete(room protocol.RoomID, upTo Place) (gone []LogRanges, err error)
	// Prune removes what a room need not keep, in the same way.
	Prune(room protocol.RoomID, keep Keep) (gone []LogRanges, err error)
	// Close ends the use of the store.
	Close() error
}

// PruneStep is how many entries one call of Delete or Prune removes at most.
const PruneStep = 1000

// Keep says what retention leaves of a room. The zero value keeps everything.
//
// Beyond Newest entries the oldest go, by place; but lines that are still owed are spared. Besides goes what was said
// before Since, if everything that comes before it in the room is as old: one author's wrong clock does not decide what
// of the others is kept. Wall times after Until are wrong clocks too and do not hold anything back.
type Keep struct {
	Newest       uint64    // how many entries; 0: any number
	Since, Until time.Time // zero Since: any age. Until is now, with room for skew.
}

// Errors that any method of a Store may wrap. The text says what to do about it.
var (
	// ErrFull is a disk without room: nothing of the batch is stored, and the next one may succeed.
	ErrFull = errors.New("the disk is full: make room, what is said now is not kept")
	// ErrReadOnly is a disk or file that cannot be written.
	ErrReadOnly = errors.New("cannot be written: nothing new is kept until its disk and its permissions allow it")
	// ErrCorrupt is a damaged file. Nothing in it was changed.
	ErrCorrupt = errors.New("damaged: put a copy back, or move it away and begin anew: what others still have comes back from them")
)

// exportPage is how many entries All reads at once.
const exportPage = 200

// All is the entries of a room in their order, for an export. An error comes last, except that of ErrCorrupt,
// after which what can still be read goes on.
func All(s Store, room protocol.RoomID) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		var after Place
		for {
			page, err := s.PageAfter(room, after, exportPage)
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
				after = e.Entry().Place()
			}
			if err != nil && (!yield(Stored{}, err) || !errors.Is(err, ErrCorrupt)) || len(page) == 0 {
				return
			}
		}
	}
}
