package replica

import "earshot/protocol"

// Store keeps entries. It is used by one goroutine at a time. Numbers once stored stay what they are: of two entries
// under one number the first is kept. Whoever loads an entry verifies it again, since disks and files are outside too.
type Store interface {
	// Append stores a batch, all of it or (with an error) nothing. What is stored already is passed over.
	Append(batch []Verified) error
	// Load is the entries first to last of a log that are stored, ascending, as they were signed: at most limit of them.
	Load(log Log, first, last uint64, limit int) ([][]byte, error)
	// Page is the n entries of a room that come right before a place (the zero Place: the newest), ascending.
	Page(room protocol.RoomID, before Place, n int) ([]Verified, error)
	// Logs is what is known of every log, ascending, for Index and Clock at the start.
	Logs() ([]LogState, error)
	// Close ends the use of the store.
	Close() error
}

// LogState is what a store knows of a log.
type LogState struct {
	Log
	Ranges  protocol.RangeSet // numbers stored
	Gone    protocol.RangeSet // numbers refused or deleted: neither served nor asked for again
	Lamport uint64            // the greatest clock of its entries
	Head    [32]byte          // hash of the entry with the greatest number stored; zero: unknown
}
