package lan

import "golang.org/x/sys/unix"

// WithoutOffload makes each message of a socket one datagram.
func WithoutOffload(c Conn) {
	s := c.(*socket)
	s.out.segments = false
	_ = s.raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 0) })
}

// RefuseOffload makes every interface refuse to cut this socket's messages: none can without checksums (udp(7)).
func RefuseOffload(c Conn) {
	_ = c.(*socket).raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1) })
}

// Offloads tells whether messages are still given to the system to be cut.
func Offloads(c Conn) bool { return c.(*socket).out.segments }

// Written is how many messages the last Write's last call took.
func Written(c Conn) int { return c.(*socket).out.sent }

// SmallBuffer lets little wait in a socket to be sent.
func SmallBuffer(c Conn) { _ = c.(*socket).udp.SetWriteBuffer(1 << 16) }
