package peer

import (
	"time"

	"golang.org/x/sys/windows"
)

// processorTime is what this process has spent in all its threads, user and system.
func processorTime() time.Duration {
	var created, ended, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(windows.CurrentProcess(), &created, &ended, &kernel, &user); err != nil {
		return 0
	}
	spent := func(f windows.Filetime) time.Duration {
		return time.Duration(uint64(f.HighDateTime)<<32|uint64(f.LowDateTime)) * 100
	}
	return spent(kernel) + spent(user)
}
