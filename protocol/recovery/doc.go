// Package recovery makes a channel reliable: it knows which packets have arrived, which were lost,
// how long to wait before asking, and how much may be on its way at once. SPEC section 6 states its
// rules; RFC 9002 is where most of them come from.
//
// A packet is never sent twice. Its number is its nonce, so what a lost packet carried is owed again and
// leaves in a packet with a new number. That is why the package never sees bytes: whoever sends a packet hands
// over what it carried, as a value of a type of their own, and gets the value back exactly once, as acknowledged or as lost.
//
// The two ends of one direction are two machines, and each node runs both:
//
//	Sender     Sent, Skipped   what left, in order
//	           Receive         the other's Ack came: what it acknowledges, and what that proves lost
//	           Advance         time passed: lost by time, or a probe timeout
//	           Deadline        when to call Advance
//	           Allow, NextSend whether the window and the pacer let one more packet go, or when
//	Receiver   Receive         a packet came
//	           Due, Deadline   an Ack should leave now, or then
//	           Ack             that Ack
//
// # The parts of a Sender
//
// Each is one small state in a file of its own, and the order in which to read them is the order in which a packet passes:
// history.go remembers what is in flight; rtt.go measures round trips; loss.go tells lost from late;
// probe.go decides when silence has lasted too long; strategy.go what is owed again; life.go tells a sleeping peer from a dead one.
//
// How much may be in flight, and how fast it leaves, is asked of a controller (window.go): pilot.go is the one, and cycle.go what it is
// trying to find out at the moment. It puts together how fast packets arrive (rate.go), how long an empty path takes (filter.go), and
// which losses are its own fault (losses.go). pacer.go spreads over time what it allows.
//
// # What a probe is for
//
// Loss is only ever concluded from an acknowledgement of something newer. The last packet of a burst has nothing newer, so if
// it is lost no acknowledgement comes, ever. After a probe timeout the Sender therefore asks for one or two packets more than
// the window allows, which should carry what has waited longest (Oldest): their acknowledgement shows what happened to the rest.
// Chat is made of such last packets. On a LAN a probe timeout is a few milliseconds, and while few packets are in flight the
// first six do not double, so a line that is lost three times is still on the other screen before a finger leaves its key.
//
// # What the caller owes
//
// Advance at Deadline. Send the probes a Result asks for, at once. Send nothing else that elicits an Ack while Allow is false.
// An item whose packet was lost may meanwhile have arrived through a probe: look before owing it again.
package recovery
