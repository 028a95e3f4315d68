// Package mail is how a line reaches somebody who is away when it is said: sealed, and carried by others.
//
// While two people are both there, what they say to each other goes through their session, whose keys are forgotten
// soon (SPEC section 4). That stays the normal way. For somebody who is away there is no session, so everybody has a
// mail key besides: an X25519 key pair that a Ring draws, replaces after a month of running, and forgets some weeks
// later. The public half is told in Self, as a statement signed by the owner's identity:
//
//	Statement       makes it; ParseStatement is the only way from outside to a PublicKey
//	Seal            makes the body of an entry of replica.KindSealed for the owner of a PublicKey
//	Open            opens it with a Ring; it fits the one Place it was sealed for, and no other
//
// The entry around the body is signed and stored like any other, and the log goes on through it. Its text is for the
// recipient alone: not even its author can open it again, so both store the plain text beside it.
//
// An author who cannot deliver an entry gives it to a few peers who are there. A Carrier is what such a peer holds for
// others, within quotas and for a week. It recognises the recipient when it meets somebody whose direct conversation
// with the author is the entry's room, so it learns who was written to from nobody but those it knows, and what was
// written never.
//
// Sealing is HPKE (RFC 9180) by crypto/hpke, which draws the ephemeral key itself: here alone randomness is no
// argument, and a body differs from run to run in its bytes, never in its length. Everything else is a value or a
// machine without clock, goroutine or socket. The rules are SPEC sections 7.7 and 8.5, the numbers are in
// protocol/limits.go.
package mail
