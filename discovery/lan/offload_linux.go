package lan

import (
	"errors"

	"golang.org/x/sys/unix"
)

// maxSegments is how many datagrams one message may be cut into (UDP_MAX_SEGMENTS of Linux before 6.9; later ones take more).
const maxSegments = 64

// minSegments is how many datagrams are worth a message: fewer save little, and what is said several times because much is lost
// must not be lost as one, where something on the way drops messages before they are cut.
const minSegments = 8

// maxMessage is how long a message may be before it is cut: what one UDP datagram over IPv4 holds. Bytes.
const maxMessage = 65507

// offload asks the kernel to join datagrams of one flow that have come together into one message (UDP_GRO, Linux 5.0), and
// tells whether it cuts messages into datagrams (UDP_SEGMENT, Linux 4.18). Without either, each message is one datagram.
func offload(fd int) (segments bool) {
	_ = unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1)
	_, err := unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	return err == nil
}

// noOffload tells whether the error of a message that was to be cut may mean that this cannot be done here: EIO is given by
// an interface that computes no checksums, or encrypts.
func noOffload(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOPROTOOPT) || errors.Is(err, unix.EOPNOTSUPP)
}

// run is how many of the first datagrams are to be segments of one message: all to one destination and of one size,
// only the last of them may be shorter. An empty one cannot be a segment.
func run(ds []Datagram) int {
	if n := alike(ds); n >= minSegments {
		return n
	}
	return 1
}

func alike(ds []Datagram) int {
	first := &ds[0]
	size := len(first.Data)
	most := min(len(ds), maxSegments)
	if size == 0 || size > maxMessage/2 {
		return 1
	}
	most = min(most, maxMessage/size)
	for n := 1; n < most; n++ {
		d := &ds[n]
		switch {
		case len(d.Data) > size || len(d.Data) == 0 || d.Interface != first.Interface || d.Addr != first.Addr:
			return n
		case len(d.Data) < size:
			return n + 1
		}
	}
	return most
}

// cut adds the datagrams that data was joined from, all of the size of a segment, only the last may be shorter; segment 0: it
// is one datagram. d says what they have in common.
func (b *Batch) cut(data []byte, segment int, d Datagram) {
	for segment > 0 && len(data) > segment {
		d.Data = data[:segment:segment]
		b.Datagrams = append(b.Datagrams, d)
		data = data[segment:]
	}
	d.Data = data
	b.Datagrams = append(b.Datagrams, d)
}
