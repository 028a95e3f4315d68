//go:build linux || darwin || freebsd

package lan

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tell gives a hint for every change that the kernel announces, until stop. Without such a socket there are none.
func tell() (told <-chan struct{}, stop func()) {
	fd, err := routeSocket()
	if err != nil {
		return nil, func() {}
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, func() {}
	}
	// As a file it waits in the runtime's poller, so that Close ends a Read.
	f := os.NewFile(uintptr(fd), "route")
	return hints(f.Read), func() { _ = f.Close() }
}

// lostMessages: the kernel had more to say than fits its buffer. That is a hint too.
func lostMessages(err error) bool { return errors.Is(err, unix.ENOBUFS) }

// hints turns every message that read gets into a hint, until read fails.
func hints(read func([]byte) (int, error)) <-chan struct{} {
	told := make(chan struct{}, 1)
	go func() {
		b := make([]byte, 1<<16)
		for {
			if _, err := read(b); err != nil && !lostMessages(err) {
				return
			}
			select {
			case told <- struct{}{}:
			default:
			}
		}
	}()
	return told
}
