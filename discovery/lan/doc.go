// Package lan is the seam between earshot and the network: UDP over IPv4, and what has to be known about
// interfaces to reach everybody on them. It carries bytes and knows no protocol.
//
// A node has two sockets. ListenShared opens the announcement port, which every instance on the host shares:
// a broadcast reaches all of them, a unicast only one, so nothing but broadcasts is expected there.
// Listen opens a private port, from which everything is sent and to which everything else is addressed.
//
// 255.255.255.255 leaves a host by one interface only, so a node sends to the directed broadcast address of every
// address of every interface:
//
//	interfaces, err := lan.Interfaces(nil)
//	var ds []lan.Datagram
//	for _, i := range interfaces {
//		for _, dst := range i.Broadcasts() {
//			ds = append(ds, lan.Datagram{Data: announcement, Addr: netip.AddrPortFrom(dst, port), Interface: i.Index})
//		}
//	}
//	conn.Write(ds)
//
// Two interfaces in one subnet share that address, which is why every read reports the interface that a datagram
// came in by and every write takes the one to leave by. Interface.OnLink says whether a source may be believed to be
// on that interface's link.
//
// A datagram costs a system call and a walk through the network stack, 2 to 3 µs on each side, which is ten times what it
// takes to seal it. So Conn reads and writes in batches, and where the system can, several datagrams make that walk as one
// message: those of a Write that follow one another to one destination, all of one size and the last perhaps shorter, are
// handed over together and cut as late as possible, by the interface itself if it can (UDP_SEGMENT); datagrams of one flow
// that arrive together come up together (UDP_GRO), and Read cuts them. Neither shows, on the wire or to the caller, but in time.
// Whether the system can is found out: by asking when the socket is opened, and because interfaces differ, by the first
// message that is refused, after which all go out one by one.
//
// No datagram is fragmented: one that is longer than its interface takes is refused with ErrTooLong, and one that is too
// long for the rest of the path is dropped there. What routers say of that is ignored (anybody could say it), so whoever
// sends more than 1,200 bytes finds out what arrives (RFC 8899).
//
// Interfaces come and go, lose their cables and change their addresses. Watch says when to ask Interfaces again.
//
// What the systems can do:
//
//	               shared port    interface of a read   interface of a write   loopback broadcast   Watch            a batch
//	Linux          SO_REUSEADDR   IP_PKTINFO            IP_PKTINFO             127.255.255.255      netlink          recvmmsg, sendmmsg
//	macOS          SO_REUSEPORT   IP_RECVPKTINFO        IP_PKTINFO             none                 routing socket   one datagram
//	FreeBSD        SO_REUSEPORT   IP_RECVIF             chosen by the route    none                 routing socket   one datagram
//	Windows        SO_REUSEADDR   IP_PKTINFO            IP_PKTINFO             none                 every 5 s        one datagram
//
// The rules are SPEC section 3.6.
package lan
