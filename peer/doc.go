// Package peer is one node: what meets others on the LAN, keeps what is said, and tells a view about it.
//
// A Core is the node as a machine. Datagrams, commands, finished batches of the store and the time go in; datagrams,
// batches and events come out. It holds all state, has no clock and no goroutine, and is therefore the same in the
// simulated LAN as behind real sockets. A Node is the shell around it: two sockets, a store, a loop.
//
// The life of a line that is said here, the file in which each step stands in brackets:
//
//	Say          signed, numbered, handed to the store with whatever else waits     (room.go, logs.go)
//	Stored       the disk has it: it is shown, and sent                             (logs.go, order.go, outbox.go)
//	push         up to two members online: as an Entry through each session;
//	             more: one cast for everybody                                       (outbox.go)
//	flush, seal  items become packets: numbered, sealed, within window and pace     (send.go)
//	Receive      an acknowledgement: the packet is done; a loss: its items are owed
//	             again, in a packet with a new number                               (receive.go, send.go)
//	receiveHave  somebody has stored it: Delivered. Who has not in time is sent it
//	             again, or finds it missing by comparing vectors                    (have.go, outbox.go, repair.go)
//
// And of one that comes from somebody else:
//
//	Receive      header, session, numbers, frames; each datagram leaves a trace     (receive.go)
//	merge        is it new, does it belong here, is it signed                       (logs.go)
//	Stored       the disk has it: now its author is owed a Have                     (logs.go, have.go)
//	show         the view gets it, after what its author said before                (order.go)
package peer
