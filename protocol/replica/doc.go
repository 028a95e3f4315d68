// Package replica is what the peers of a room hold in common, and how they come to hold the same.
//
// Everybody in a room writes a log of their own: signed entries, numbered from 1, each naming the hash of the one
// before it. A log belongs to one room, one author and one log-epoch, and a program that starts draws a new epoch, so
// that an old copy of a profile never uses a number twice. A room is the union of the logs written in it. It is read in
// the order of Place: Lamport clock, author, epoch, number; so everybody reads the same order, whatever came when.
//
// The way of an entry through the package:
//
//	Peek     room, author, epoch and number, unchecked: enough to drop what is here already
//	Verify   the only way to a Verified entry from outside; Sign is the one from inside
//	Index    Accept says whether it is new, Stored that the disk has it: these numbers may be served and reported
//	Clock    the room's Lamport clock moves on
//	Store    keeps it with all else a node must remember (Batch, State); finds it again by number (Load), by place
//	         (Page, PageAfter) and by its words (Search); forgets it (Delete, Prune)
//
// Who lacks something asks for it. Two peers compare a room by Vectors: Index.DigestPages says what one holds as one
// digest per author; Index.Answer replies with the numbers held of those authors where the digests differ;
// Index.Missing finds in such a reply what is lacking; Fetcher decides whom to ask for it, how much and how often.
// Index.Covered reads a Vector as the receipt it also is.
//
// Everything here is a value or a machine without clock, goroutine or socket; nothing depends on the order of a map.
// The rules are SPEC sections 7 and 8, and every number stands in protocol/limits.go.
package replica
