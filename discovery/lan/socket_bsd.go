//go:build darwin || freebsd

package lan

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func setOptions(fd uintptr, shared bool) error {
	if shared {
		if err := set(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT); err != nil {
			return err
		}
	}
	if err := set(fd, unix.SOL_SOCKET, unix.SO_BROADCAST); err != nil {
		return err
	}
	// A system that refuses this only makes searches for the path's MTU find too much.
	_ = set(fd, unix.IPPROTO_IP, unix.IP_DONTFRAG)
	return set(fd, unix.IPPROTO_IP, reportArrival)
}

func set(fd uintptr, level, option int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), level, option, 1))
}

func mayBroadcast(fd uintptr) (bool, error) {
	v, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST)
	return v != 0, os.NewSyscallError("getsockopt", err)
}

func arrival(control []byte) int {
	for len(control) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0
		}
		if h.Level == unix.IPPROTO_IP && h.Type == reportArrival {
			return arrivalIndex(data)
		}
		control = rest
	}
	return 0
}

func portTaken(err error) bool { return errors.Is(err, unix.EADDRINUSE) }

func tooLong(err error) bool { return errors.Is(err, unix.EMSGSIZE) }

// aboutOneDatagram: an ICMP answer to something sent earlier.
func aboutOneDatagram(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH)
}
