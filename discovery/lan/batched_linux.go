package lan

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a Conn of the system's that carries many datagrams in one call.
type socket struct {
	udp *net.UDPConn
	raw syscall.RawConn
	in  incoming
	out outgoing
}

// incoming is what the one reader needs.
type incoming struct {
	messages
	iovs    []unix.Iovec
	size    int // of a buffer
	got     int
	err     error
	receive func(fd uintptr) bool // made once, so that Read allocates nothing
}

// outgoing is what the writer needs who has the lock.
type outgoing struct {
	sync.Mutex
	messages
	iovs     []unix.Iovec
	counts   []int // datagrams in each message
	segments bool  // the system cuts messages into segments
	packed   int
	sent     int
	err      error
	wait     bool // for room in the send buffer
	send     func(fd uintptr) bool
}

// One call reads at most readMessages. On the private socket that is 512 KiB, as much as the loop can work through in 2 ms.
// One call writes at most writeMessages of maxSegments datagrams.
const (
	readMessages  = 8
	writeMessages = 16
)

// writeWait bounds how long one Write waits for room.
const writeWait = 10 * time.Millisecond

// errAddress is a destination that UDP over IPv4 cannot reach.
var errAddress = errors.New("not an IPv4 address")

func newSocket(udp *net.UDPConn, shared bool) (*socket, error) {
	raw, err := udp.SyscallConn()
	if err != nil {
		_ = udp.Close()
		return nil, err
	}
	s := &socket{udp: udp, raw: raw}
	s.in.messages, s.in.iovs, s.in.size = newMessages(readMessages), make([]unix.Iovec, readMessages), largestShared
	s.in.receive = s.receive
	s.out.messages, s.out.iovs, s.out.counts = newMessages(writeMessages), make([]unix.Iovec, writeMessages*maxSegments), make([]int, writeMessages)
	s.out.send = s.send
	if !shared {
		s.in.size = largest
		_ = raw.Control(func(fd uintptr) {
			s.out.segments = offload(int(fd))
		})
	}
	return s, nil
}

func (s *socket) Read(b *Batch) error {
	s.prepare(b)
	for tries := 0; ; tries++ {
		err := s.raw.Read(s.in.receive)
		if err == nil {
			err = os.NewSyscallError("recvmmsg", s.in.err)
		}
		if err == nil {
			break
		}
		// What an earlier datagram met is reported on the socket that sent it, once. It says nothing about reading.
		if tries == maxReports || !aboutOneDatagram(err) {
			return fmt.Errorf("lan: %w", err)
		}
	}
	s.take(b)
	return nil
}

// Poll implements Poller.
func (s *socket) Poll(b *Batch) error {
	s.prepare(b)
	err := s.raw.Control(func(fd uintptr) { s.receive(fd) })
	switch {
	case err != nil:
		return fmt.Errorf("lan: %w", err)
	case s.in.err == nil:
		s.take(b)
	case s.in.err != unix.EAGAIN && !aboutOneDatagram(s.in.err):
		return fmt.Errorf("lan: %w", os.NewSyscallError("recvmmsg", s.in.err))
	}
	return nil
}

// Wake implements Poller.
func (s *socket) Wake() { _ = s.udp.SetReadDeadline(time.Unix(1, 0)) }

// Sleep implements Poller.
func (s *socket) Sleep() { _ = s.udp.SetReadDeadline(time.Time{}) }

// prepare readies the messages for a call that reads into a batch.
func (s *socket) prepare(b *Batch) {
	in := &s.in
	b.Datagrams = b.Datagrams[:0]
	for i, buf := range b.buffers(readMessages, in.size) {
		in.iovs[i].Base = &buf[0]
		in.iovs[i].SetLen(in.size)
		in.vector(i, in.iovs[i:i+1])
		in.headers[i].Namelen = unix.SizeofSockaddrInet4
		in.headers[i].SetControllen(8 * controlWords)
	}
}

// take gives a batch what was read.
func (s *socket) take(b *Batch) {
	for i := range s.in.got {
		ifindex, segment := s.in.arrival(i)
		b.cut(b.memory[i][:s.in.headers[i].size], segment, Datagram{Addr: s.in.source(i), Interface: ifindex})
	}
}

func (s *socket) receive(fd uintptr) bool {
	s.in.got, s.in.err = s.in.call(unix.SYS_RECVMMSG, fd, readMessages)
	return s.in.err != unix.EAGAIN
}

func (s *socket) Write(ds []Datagram) (n int, err error) {
	s.out.Lock()
	defer s.out.Unlock()
	for n < len(ds) {
		sent, err := s.write(ds[n:], s.out.segments)
		n += sent
		if err == nil {
			continue
		}
		if s.out.packed > 0 && s.out.counts[0] > 1 && !errors.Is(err, ErrFull) {
			// Was it the segments, or one of the datagrams? The first by itself will tell.
			refused := err
			if _, err = s.write(ds[n:n+1], false); err == nil {
				s.out.segments = s.out.segments && !noOffload(refused)
				n++
				continue
			}
		}
		if tooLong(err) {
			err = ErrTooLong
		}
		return n, fmt.Errorf("lan: %w", err)
	}
	return n, nil
}

// write sends as much as one call takes and tells how many datagrams went out. An error is about the first one after them.
func (s *socket) write(ds []Datagram, segments bool) (n int, err error) {
	out := &s.out
	if out.pack(ds, segments); out.packed == 0 {
		return 0, errAddress
	}
	out.wait = false
	if err := s.raw.Write(out.send); err != nil {
		return 0, err
	}
	if out.err == unix.EAGAIN {
		out.wait = true
		_ = s.udp.SetWriteDeadline(time.Now().Add(writeWait))
		err := s.raw.Write(out.send)
		_ = s.udp.SetWriteDeadline(time.Time{})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = ErrFull
		}
		if err != nil {
			return 0, err
		}
	}
	for _, c := range out.counts[:out.sent] {
		n += c
	}
	if out.err != nil {
		return 0, os.NewSyscallError("sendmmsg", out.err)
	}
	return n, nil
}

func (s *socket) send(fd uintptr) bool {
	s.out.sent, s.out.err = s.out.call(unix.SYS_SENDMMSG, fd, s.out.packed)
	return s.out.err != unix.EAGAIN || !s.out.wait
}

// pack makes messages of the first datagrams: of runs that can be segments of one, or of single ones.
func (o *outgoing) pack(ds []Datagram, segments bool) {
	iovs := o.iovs
	o.packed = 0
	for len(ds) > 0 && o.packed < writeMessages && ds[0].Addr.Addr().Unmap().Is4() {
		count, segment := 1, 0
		if segments {
			if count = run(ds); count > 1 {
				segment = len(ds[0].Data)
			}
		}
		i := o.packed
		for j, d := range ds[:count] {
			iovs[j].Base = base(d.Data)
			iovs[j].SetLen(len(d.Data))
		}
		o.vector(i, iovs[:count])
		o.setDestination(i, ds[0].Addr)
		o.setDeparture(i, ds[0].Interface, segment)
		o.counts[i] = count
		o.packed++
		ds, iovs = ds[count:], iovs[count:]
	}
}
