package lan

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// exactAlarm is one of the kernel's high resolution timers, nil if there is none to be had.
func exactAlarm(rung func()) *Alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	// As a file it waits in the runtime's poller, so that Close ends a Read.
	f := os.NewFile(uintptr(fd), "timer")
	raw, err := f.SyscallConn()
	if err != nil {
		_ = f.Close()
		return nil
	}
	c, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		var expirations [8]byte
		for {
			if _, err := f.Read(expirations[:]); err != nil {
				return
			}
			ring(c)
			rung()
		}
	}()
	var spec unix.ItimerSpec
	settime := func(fd uintptr) { _ = unix.TimerfdSettime(int(fd), 0, &spec, nil) }
	return &Alarm{
		C: c,
		set: func(d time.Duration) {
			spec.Value = unix.NsecToTimespec(int64(max(d, 1))) // 0 would disarm it
			_ = raw.Control(settime)
		},
		stop: func() {
			_ = f.Close()
			<-ended
		},
	}
}
