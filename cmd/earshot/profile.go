package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/gofrs/flock"

	"earshot/peer"
	"earshot/protocol"
)

// A profile is a folder in the home folder, 0700, with these files, 0600.
const (
	keyFile     = "key"     // the identity
	nameFile    = "name"    // what its owner is called
	lockFile    = "lock"    // held while an instance runs
	controlFile = "control" // the path of that instance's control socket, and what the instance is
)

// profile is one that this process holds the lock of.
type profile struct {
	name string
	dir  string
	lock *flock.Flock
}

var (
	errInUse    = errors.New("profile in use")
	profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// lockProfile takes a profile for this process, and makes it if it does not exist.
// errInUse: another process has it.
func lockProfile(home, name string) (*profile, error) {
	if !profileName.MatchString(name) {
		return nil, fmt.Errorf("profile: %q cannot be a profile: use letters, digits, '-', '_' and '.'", name)
	}
	dir := filepath.Join(home, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := private(dir, info); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("profile %s: %w", name, errInUse)
	}
	return &profile{name, dir, lock}, nil
}

// release lets other processes have the profile.
func (p *profile) release() { _ = p.lock.Close() }

// private refuses what others could read or write: a key that was open to others is no proof of anything.
func private(path string, info fs.FileInfo) error {
	open := info.Mode().Perm() & 0o077
	if open == 0 || runtime.GOOS == "windows" { // where permissions are not in the mode
		return nil
	}
	mode, does := 0o600, "read"
	if info.IsDir() {
		mode = 0o700
	}
	if open&0o022 != 0 {
		does = "change"
	}
	return fmt.Errorf("profile: other users can %s %s (mode %04o): if nobody has, close it with: chmod %o %s",
		does, path, info.Mode().Perm(), mode, path)
}

const (
	keyHeader = "# The identity of an earshot user. Whoever has this file can speak as them: keep it secret.\n"
	keyPrefix = "earshot-key-1 "
)

// identity reads the profile's key, or draws one from random and keeps it.
func (p *profile) identity(random io.Reader) (*protocol.Identity, error) {
	path := filepath.Join(p.dir, keyFile)
	id, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	id, err = protocol.NewIdentity(random)
	if err != nil {
		return nil, err
	}
	if err := writeFile(path, keyHeader+keyPrefix+hex.EncodeToString(id.Seed())+"\n"); err != nil {
		return nil, fmt.Errorf("profile: the new key: %w", err)
	}
	return id, nil
}

func readKey(path string) (*protocol.Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := private(path, info); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		digits, ok := strings.CutPrefix(line, keyPrefix)
		if !ok {
			continue
		}
		if seed, err := hex.DecodeString(strings.TrimSpace(digits)); err == nil {
			if id, err := protocol.IdentityFromSeed(seed); err == nil {
				return id, nil
			}
		}
	}
	return nil, fmt.Errorf("profile: %s is damaged, no key can be read from it: put a copy back, or move it away to begin with a new identity", path)
}

// nick is the name that was kept, or otherwise, or the login name.
func (p *profile) nick(otherwise string) string {
	if b, err := os.ReadFile(filepath.Join(p.dir, nameFile)); err == nil {
		if name, err := peer.CleanName(string(b)); err == nil {
			return name
		}
	}
	if otherwise != "" {
		return otherwise
	}
	return loginName()
}

// keepNick makes name the one of the next start.
func (p *profile) keepNick(name string) error {
	return writeFile(filepath.Join(p.dir, nameFile), name+"\n")
}

// writeFile replaces a file as a whole: after a crash it is the old one or the new one, never half of it.
func writeFile(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // O_EXCL, 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil { // the new name has to reach the disk as well
		_ = dir.Sync() // not every system can
		_ = dir.Close()
	}
	return nil
}
