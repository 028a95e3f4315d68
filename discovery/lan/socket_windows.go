package lan

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// SO_EXCLUSIVEADDRUSE (winsock2.h) keeps programs with SO_REUSEADDR off a private port, which they could take otherwise.
const exclusiveAddrUse = ^windows.SO_REUSEADDR

// dontFragment is IP_DONTFRAGMENT (ws2ipdef.h).
const dontFragment = 14

// Layout of WSACMSGHDR and IN_PKTINFO (ws2def.h, ws2ipdef.h). All parts are aligned to a pointer's size.
type cmsgHeader struct {
	Len         uintptr
	Level, Type int32
}

type pktinfo struct {
	Addr    [4]byte
	Ifindex uint32
}

const (
	word         = unsafe.Sizeof(uintptr(0))
	headerSize   = (unsafe.Sizeof(cmsgHeader{}) + word - 1) / word * word
	infoSize     = unsafe.Sizeof(pktinfo{})
	controlSpace = int(headerSize + (infoSize+word-1)/word*word)
)

func setOptions(fd uintptr, shared bool) error {
	option := exclusiveAddrUse
	if shared {
		option = windows.SO_REUSEADDR
	}
	if err := set(fd, windows.SOL_SOCKET, option); err != nil {
		return err
	}
	if err := set(fd, windows.SOL_SOCKET, windows.SO_BROADCAST); err != nil {
		return err
	}
	if err := set(fd, windows.IPPROTO_IP, dontFragment); err != nil {
		return err
	}
	return set(fd, windows.IPPROTO_IP, windows.IP_PKTINFO)
}

func set(fd uintptr, level, option int) error {
	return os.NewSyscallError("setsockopt", windows.SetsockoptInt(windows.Handle(fd), level, option, 1))
}

func mayBroadcast(fd uintptr) (bool, error) {
	v, err := windows.GetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_BROADCAST)
	return v != 0, os.NewSyscallError("getsockopt", err)
}

// arrival reads the interface out of the one control message that was asked for.
func arrival(control []byte) int {
	if uintptr(len(control)) < headerSize+infoSize {
		return 0
	}
	h := (*cmsgHeader)(unsafe.Pointer(&control[0]))
	if h.Level != windows.IPPROTO_IP || h.Type != windows.IP_PKTINFO {
		return 0
	}
	return int((*pktinfo)(unsafe.Pointer(&control[headerSize])).Ifindex)
}

func departure(ifindex int) []byte {
	b := make([]byte, controlSpace)
	*(*cmsgHeader)(unsafe.Pointer(&b[0])) = cmsgHeader{Len: headerSize + infoSize, Level: windows.IPPROTO_IP, Type: windows.IP_PKTINFO}
	(*pktinfo)(unsafe.Pointer(&b[headerSize])).Ifindex = uint32(ifindex)
	return b
}

// portTaken: a port held exclusively is refused with WSAEACCES rather than WSAEADDRINUSE.
func portTaken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}

func tooLong(err error) bool { return errors.Is(err, windows.WSAEMSGSIZE) }

// aboutOneDatagram: a datagram longer than the buffer is an error here, and lost; the others are ICMP answers
// to something sent earlier.
func aboutOneDatagram(err error) bool {
	return errors.Is(err, windows.WSAEMSGSIZE) || errors.Is(err, windows.WSAECONNRESET) || errors.Is(err, windows.WSAENETRESET) ||
		errors.Is(err, windows.WSAEHOSTUNREACH) || errors.Is(err, windows.WSAENETUNREACH)
}
