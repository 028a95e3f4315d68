package lan

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func setOptions(fd uintptr, shared bool) error {
	if shared {
		if err := set(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR); err != nil {
			return err
		}
	}
	if err := set(fd, unix.SOL_SOCKET, unix.SO_BROADCAST); err != nil {
		return err
	}
	// Never fragment, and do not believe what routers say of the path's MTU: whoever needs it finds it out (RFC 8899).
	if err := os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)); err != nil {
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

func portTaken(err error) bool { return errors.Is(err, unix.EADDRINUSE) }

func tooLong(err error) bool { return errors.Is(err, unix.EMSGSIZE) }

// aboutOneDatagram: an ICMP answer to something sent earlier.
func aboutOneDatagram(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH)
}
