package lan

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// reportArrival makes reads say the interface (ip(4), IP_RECVPKTINFO).
const reportArrival = unix.IP_RECVPKTINFO

var controlSpace = unix.CmsgSpace(unix.SizeofInet4Pktinfo)

func arrivalIndex(data []byte) int {
	if len(data) < unix.SizeofInet4Pktinfo {
		return 0
	}
	return int((*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Ifindex)
}

func departure(ifindex int) []byte {
	b := make([]byte, controlSpace)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	h.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	(*unix.Inet4Pktinfo)(unsafe.Pointer(&b[unix.CmsgLen(0)])).Ifindex = uint32(ifindex)
	return b
}
