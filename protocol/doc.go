// Package protocol is what earshot peers say to each other, and the rules of saying it. SPEC.md in this folder is
// normative; this page is a guide through the code.
//
// A datagram arrives as bytes. ParseKind lets it pass or names the reason to drop it: first its size, then Scan, the
// strict msgpack gate that every byte from outside goes through before any decoder sees it, then version and kind. An
// Announcement says that somebody is there, a Cast carries signed room entries to everybody; both can be sent by
// anybody, so nothing follows from them that a key has not proven. All other kinds belong to sessions between two
// peers.
//
// The folders below take it from there, in the order in which a packet passes through them:
//
//	session    the Noise handshake, sealing and opening of packets, replay protection
//	recovery   acknowledgements, round-trip times, loss, congestion
//	frame      what is in a packet
//	replica    rooms: signed logs of their authors, and how peers bring each other up to date
//	trace      what is told about every datagram, for people and tests
//
// Everything here is pure: bytes and the present time go in, bytes and deadlines come out. There is no clock, no
// socket, no goroutine and no lock, and randomness is a parameter, so that a test can play any story on one goroutine
// and get the same bytes each time.
//
// Who somebody is, is an Identity, whose public half is the PeerID; which conversation a datagram belongs to, is a
// Network and a RoomID; one run of one program is an Instance. Encoder and Decoder are the only way to and from
// msgpack, and all numbers are in limits.go.
package protocol
