package lan

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// message is struct mmsghdr (recvmmsg(2)): one or more datagrams of one size from or to one address.
type message struct {
	unix.Msghdr
	size uint32 // received or sent, bytes
}

// messages is what one call of recvmmsg or sendmmsg takes, and the memory that its headers point to.
type messages struct {
	headers  []message
	names    []unix.RawSockaddrInet4
	controls [][controlWords]uint64 // of words, for their alignment
}

// controlWords holds an IP_PKTINFO, and a UDP_SEGMENT or UDP_GRO.
const controlWords = 8

func newMessages(n int) messages {
	m := messages{make([]message, n), make([]unix.RawSockaddrInet4, n), make([][controlWords]uint64, n)}
	for i := range m.headers {
		m.headers[i].Name = (*byte)(unsafe.Pointer(&m.names[i]))
		m.headers[i].Namelen = unix.SizeofSockaddrInet4
		m.headers[i].Control = (*byte)(unsafe.Pointer(&m.controls[i]))
	}
	return m
}

// call receives or sends the first n messages and tells how many it did: at least one, unless there is an error.
func (m *messages) call(trap, fd uintptr, n int) (int, error) {
	for {
		done, _, errno := unix.Syscall6(trap, fd, uintptr(unsafe.Pointer(&m.headers[0])), uintptr(n), 0, 0, 0)
		switch errno {
		case 0:
			return int(done), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// source is where message i came from.
func (m *messages) source(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(m.names[i].Addr), swap(m.names[i].Port))
}

func (m *messages) setDestination(i int, to netip.AddrPort) {
	m.names[i] = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swap(to.Port()), Addr: to.Addr().Unmap().As4()}
}

// swap is a port in the byte order of the network, or back.
func swap(port uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], port)
	return binary.NativeEndian.Uint16(b[:])
}

// arrival reads the control message of message i: the interface that it came by (ip(7), IP_PKTINFO), and the size of the
// segments that it was joined from, 0 if it was not (udp(7), UDP_GRO).
func (m *messages) arrival(i int) (ifindex, segment int) {
	control := unsafe.Slice(m.headers[i].Control, m.headers[i].Controllen)
	for len(control) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		data := control[unix.CmsgLen(0):]
		if h.Len < unix.SizeofCmsghdr || int(h.Len) > len(control) {
			break
		}
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			ifindex = int((*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Ifindex)
		case h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO && len(data) >= 4:
			segment = int(*(*int32)(unsafe.Pointer(&data[0])))
		}
		control = control[min(len(control), unix.CmsgSpace(int(h.Len)-unix.CmsgLen(0))):]
	}
	return ifindex, segment
}

// setDeparture writes the control message of message i: the interface to leave by, unless it is 0, and the size of the
// segments to cut it into, unless that is 0 (udp(7), UDP_SEGMENT).
func (m *messages) setDeparture(i, ifindex, segment int) {
	control, n := unsafe.Pointer(&m.controls[i]), 0
	if ifindex > 0 {
		*(*unix.Inet4Pktinfo)(putControl(control, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)) = unix.Inet4Pktinfo{Ifindex: int32(ifindex)}
		n = unix.CmsgSpace(unix.SizeofInet4Pktinfo)
	}
	if segment > 0 {
		*(*uint16)(putControl(unsafe.Add(control, n), unix.SOL_UDP, unix.UDP_SEGMENT, 2)) = uint16(segment)
		n += unix.CmsgSpace(2)
	}
	m.headers[i].SetControllen(n)
}

// putControl writes the header of a control message and tells where its data go.
func putControl(at unsafe.Pointer, level, kind int32, size int) unsafe.Pointer {
	h := (*unix.Cmsghdr)(at)
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(size))
	return unsafe.Add(at, unix.CmsgLen(0))
}

// vector points a header to its data.
func (m *messages) vector(i int, iovs []unix.Iovec) {
	m.headers[i].Iov = unsafe.SliceData(iovs)
	m.headers[i].SetIovlen(len(iovs))
}

// base is the address of the first byte, nil if there is none.
func base(b []byte) *byte { return unsafe.SliceData(b) }
