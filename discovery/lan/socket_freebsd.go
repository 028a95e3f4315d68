package lan

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// reportArrival makes reads say the interface (ip(4), IP_RECVIF).
const reportArrival = unix.IP_RECVIF

var controlSpace = unix.CmsgSpace(unix.SizeofSockaddrDatalink)

// arrivalIndex reads sdl_index of a sockaddr_dl: a length, a family, the index in host order.
func arrivalIndex(data []byte) int {
	if len(data) < 4 {
		return 0
	}
	return int(binary.NativeEndian.Uint16(data[2:]))
}

// departure has no control message to give: FreeBSD chooses the interface by the route. Two interfaces in one subnet
// are one there.
func departure(int) []byte { return nil }
