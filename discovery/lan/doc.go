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
// Interfaces come and go, lose their cables and change their addresses. Watch says when to ask Interfaces again.
//
// What the systems can do:
//
//	               shared port    interface of a read   interface of a write   loopback broadcast   Watch
//	Linux          SO_REUSEADDR   IP_PKTINFO            IP_PKTINFO             127.255.255.255      netlink
//	macOS          SO_REUSEPORT   IP_RECVPKTINFO        IP_PKTINFO             none                 routing socket
//	FreeBSD        SO_REUSEPORT   IP_RECVIF             chosen by the route    none                 routing socket
//	Windows        SO_REUSEADDR   IP_PKTINFO            IP_PKTINFO             none                 every 5 s
//
// The rules are SPEC section 3.6.
package lan
