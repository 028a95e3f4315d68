package lan

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

var controlSpace = unix.CmsgSpace(unix.SizeofInet4Pktinfo)

func setOptions(fd uintptr, shared bool) error {
	if shared {
		if err := set(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR); err != nil {
			return err
		}
	}
	if err := set(fd, unix.SOL_SOCKET, unix.SO_BROADCAST); err != nil {
		return err
	}
	return set(fd, unix.IPPROTO_IP, unix.IP_PKTINFO)
}

func set(fd uintptr, level, option int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), level, option, 1))
}

func mayBroadcast(fd uintptr) (bool, error) {
	v, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST)
	return v != 0, os.NewSyscallError("getsockopt", err)
}

// arrival reads the interface out of a control message (ip(7), IP_PKTINFO).
func arrival(control []byte) int {
	for len(control) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0
		}
		if h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo {
			return int((*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Ifindex)
		}
		control = rest
	}
	return 0
}

func departure(ifindex int) []byte {
	return unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: int32(ifindex)})
}

func portTaken(err error) bool { return errors.Is(err, unix.EADDRINUSE) }

func tooLong(err error) bool { return errors.Is(err, unix.EMSGSIZE) }

// aboutOneDatagram: an ICMP answer to something sent earlier.
func aboutOneDatagram(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH)
}
