// Package stream carries bytes in order over packets that come in any order or not at all, after RFC 9000 sections 2 to 4
// (SPEC section 6.16). A Set holds the streams that one node shares with one instance of a peer, whatever sessions follow one another:
// an Outgoing is filled by Write and emptied by Next, an Incoming is filled by Receive and emptied by Read.
//
// What a lost packet carried is owed again by offset (Lost), what arrived is forgotten (Acked). Credit bounds what a sender may
// have under way and what a receiver must keep: per stream it begins small and is doubled while the reader keeps up,
// so that a fast path is filled and an idle stream costs little.
//
// Like all machines of the protocol it has neither clock nor lock. On the way of bulk data nothing is allocated.
package stream
