// Package sim is a LAN in memory: hosts, their interfaces, sockets and cables, and everything that goes wrong between them.
//
// The [LAN] is a machine without clock and goroutine. A test sends datagrams in at a time of its choice, and takes
// deliveries out one by one, in order; the time of the next one is the test's clock:
//
//	lan := sim.New(seed)
//	alice := lan.AddHost("alice", netip.MustParsePrefix("10.0.0.1/24"))
//	bob := lan.AddHost("bob", netip.MustParsePrefix("10.0.0.2/24"))
//	a, _ := alice.Open(0)
//	bob.OpenShared(24816)
//	lan.Set(sim.Link{Loss: 0.3})
//	a.Send(now, netip.MustParseAddrPort("10.0.0.255:24816"), 0, data)
//	for at, ok := lan.Next(); ok; at, ok = lan.Next() {
//		if d := lan.Deliver(); d.To != nil {
//			…
//		}
//	}
//
// It is reproducible: one seed and the same calls give the same deliveries, byte for byte, at every GOMAXPROCS. Deliveries
// come ordered by (time, from, to, n), and each flow, which is a sending socket's link to one receiving interface, has a
// random stream of its own, drawn from the seed and the flow's name. So sockets do not disturb one another's luck, and
// two goroutines that send at the same instant need not agree who is first.
//
// Datagrams go where real ones go. A broadcast must name the directed broadcast address of the sending interface (or
// 255.255.255.255); it reaches the shared port of every host on the same wire whose own address has that broadcast
// address, the sender's own host included, and each of the sockets on that port. A unicast reaches one socket: of several
// on a shared port, the one opened last. Every host has a loopback interface, number 1, whose broadcast
// address is 127.255.255.255; what stays within a host is neither lost nor damaged.
//
// An interface has an MTU. A datagram that is longer with its headers is refused by the one that it would leave by, with
// [lan.ErrTooLong], and vanishes at another one: nothing is fragmented, and no router tells.
//
// A [Switch] carries the datagrams of a LAN over time, as [lan.Conn] sockets with a blocking Read, for a test inside a
// testing/synctest bubble.
package sim
