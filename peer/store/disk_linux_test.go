package store

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"earshot/protocol/replica"
	"earshot/protocol/replica/storetest"
)

// The test binary becomes the root of a namespace of its own, where it may mount a small disk, if it is called like this.
const smallDisk = "store-small-disk"

func init() { roles[smallDisk] = func(args []string) error { return onSmallDisk(args[0]) } }

// A disk that is full, and one that cannot be written, as the kernel has them: in memory, in a namespace.
func TestRealDisks(t *testing.T) {
	cmd := exec.Command(os.Args[0], smallDisk, t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && (!errors.As(err, &ended) || ended.ExitCode() == exitRefused) {
		t.Skipf("disk test skipped: the kernel refuses namespaces (%v) %s", err, out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

const exitRefused = 3

func onSmallDisk(dir string) error {
	const size = "size=2m"
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, size); err != nil {
		fmt.Println(err)
		os.Exit(exitRefused)
	}
	path := filepath.Join(dir, "history.db")
	s, err := Open(path)
	if err != nil {
		return err
	}
	w := storetest.Writes("alice", 1)
	batch := replica.Batch{Entries: w.Says(10)}
	stored := uint64(0)
	for s.Commit(batch) == nil {
		stored = w.Last.Entry().Seq
		if stored > 100_000 {
			return errors.New("the disk is never full")
		}
		batch = replica.Batch{Entries: w.Says(10)}
	}
	if err := s.Commit(batch); !errors.Is(err, replica.ErrFull) {
		return fmt.Errorf("full: %w", err)
	}
	has := func(when string, want uint64) error {
		raws, err := s.Load(w.Log, 1, 1<<53, 1<<20)
		if err == nil && uint64(len(raws)) != want {
			err = fmt.Errorf("%d of %d entries", len(raws), want)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", when, err)
		}
		return nil
	}
	if err := has("on the full disk", stored); err != nil {
		return err
	}
	leave(s) // a crash, and a start on the full disk: it may be refused as full, but nothing else
	if s, err = Open(path); err != nil && !errors.Is(err, replica.ErrFull) {
		return fmt.Errorf("opened on the full disk: %w", err)
	}
	if err == nil {
		if err := has("opened on the full disk", stored); err != nil {
			return err
		}
		leave(s)
	}

	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=20m"); err != nil {
		return err
	}
	if s, err = Open(path); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	if err := s.Commit(batch); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	stored = w.Last.Entry().Seq
	if err := s.Close(); err != nil {
		return err
	}

	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "size=20m"); err != nil {
		return err
	}
	if _, err = Open(path); !errors.Is(err, replica.ErrReadOnly) {
		return fmt.Errorf("opened on a disk that cannot be written: %w", err)
	}
	if _, err = Open(path + "2"); !errors.Is(err, replica.ErrReadOnly) {
		return fmt.Errorf("made on a disk that cannot be written: %w", err)
	}
	if s, err = OpenReadOnly(path); err != nil {
		return fmt.Errorf("only read: %w", err)
	}
	if err := has("only read", stored); err != nil {
		return err
	}
	return s.Close()
}
