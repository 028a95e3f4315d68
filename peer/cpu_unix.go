//go:build unix

package peer

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is what this process has spent in all its threads, user and system.
func processorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
