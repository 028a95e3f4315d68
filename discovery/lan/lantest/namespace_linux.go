package lantest

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// newNamespace makes a network namespace that lives as long as the file, a process or a socket in it.
func newNamespace() (*os.File, error) {
	var made *os.File
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		f, err := currentNamespace()
		made = f
		return err
	})
	return made, err
}

// within calls do on a thread that is in that namespace. It is the caller's goroutine, so do may end the test.
func within(ns *os.File, do func()) error {
	return onThread(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("setns", err)
		}
		do()
		return nil
	})
}

// onThread calls do, which may change the thread's namespace, and changes it back.
func onThread(do func() error) error {
	runtime.LockOSThread()
	home, err := currentNamespace()
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		// A thread that cannot go home stays locked, so that it dies with its goroutine.
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		_ = home.Close()
	}()
	return do()
}

func currentNamespace() (*os.File, error) { return os.Open("/proc/thread-self/ns/net") }
