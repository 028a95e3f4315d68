package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"earshot/peer"
)

// socketLimit is the longest path of a socket: macOS has room for 104 bytes, the last of them zero.
const socketLimit = 100

// runtimeDir is where this user's control sockets are: a folder that nobody else can enter,
// and short, unlike a profile folder.
func runtimeDir() (string, error) {
	own := fmt.Sprintf("earshot-%d", os.Getuid())
	candidates := []string{filepath.Join(os.TempDir(), own), filepath.Join("/tmp", own)}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		candidates = append([]string{filepath.Join(dir, "earshot")}, candidates...)
	}
	var all error
	for _, dir := range candidates {
		err := makeOwnFolder(dir)
		if err == nil && len(filepath.Join(dir, socketName(""))) > socketLimit {
			err = fmt.Errorf("%s: too long for a socket", dir)
		}
		if err == nil {
			return dir, nil
		}
		all = errors.Join(all, err)
	}
	return "", fmt.Errorf("control: no folder for the control socket: %w", all)
}

func makeOwnFolder(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return ownFolder(dir)
}

// ownFolder refuses a folder that somebody else put there, a link to one, or one that others can enter.
func ownFolder(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	case !ownedByUs(info):
		return fmt.Errorf("%s belongs to somebody else", dir)
	}
	return private(dir, info)
}

// socketName is the same for each start of a profile, and 21 bytes long.
func socketName(profileDir string) string {
	if abs, err := filepath.Abs(profileDir); err == nil {
		profileDir = abs
	}
	sum := sha256.Sum256([]byte(profileDir))
	return hex.EncodeToString(sum[:8]) + ".sock"
}

// What the instance is that has a profile, in the second line of its control file.
const (
	roleChat    = "chat"
	roleCommand = "command"
	roleDaemon  = "daemon" // everybody of the profile uses it, a screen too
)

// listenControl opens the profile's control socket and writes its path and the instance's role into the profile,
// so that a command finds it under any environment. A socket left by a crash is replaced: the lock is ours.
func (p *profile) listenControl(role string) (net.Listener, error) {
	dir, err := runtimeDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, socketName(p.dir))
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	if err := writeFile(filepath.Join(p.dir, controlFile), path+"\n"+role+"\n"); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("control: %w", err)
	}
	return l, nil
}

// readControl reads the control file: where the instance that has the profile answers, and what it is.
// After a crash it says what was.
func readControl(home, name string) (path, role string, err error) {
	b, err := os.ReadFile(filepath.Join(home, name, controlFile))
	if err != nil {
		return "", "", fmt.Errorf("control: %w", err)
	}
	path, role, _ = strings.Cut(strings.TrimSpace(string(b)), "\n")
	return strings.TrimSpace(path), strings.TrimSpace(role), nil
}

// dialControl reaches the instance that has the profile.
func dialControl(home, name string) (*peer.Remote, error) {
	path, _, err := readControl(home, name)
	if err != nil {
		return nil, err
	}
	return peer.Dial(path)
}

// portFile tells other instances of this user, of whatever profile, the private port of this one.
func (p *profile) portFile() (string, error) {
	dir, err := runtimeDir()
	return filepath.Join(dir, strings.TrimSuffix(socketName(p.dir), ".sock")+".port"), err
}

// keepPort writes the port file; forget removes it.
func (p *profile) keepPort(port uint16) (forget func(), err error) {
	path, err := p.portFile()
	if err == nil {
		err = writeFile(path, strconv.Itoa(int(port))+"\n")
	}
	if err != nil {
		return func() {}, fmt.Errorf("control: %w", err)
	}
	return func() { _ = os.Remove(path) }, nil
}

// localPorts is the private ports of this user's other instances, where a loopback interface
// without broadcast leaves no other way to be found. A port of an instance that crashed does no harm.
func (p *profile) localPorts() []uint16 {
	own, err := p.portFile()
	if err != nil {
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(own), "*.port"))
	var ports []uint16
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || f == own {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 16); err == nil && n > 0 {
			ports = append(ports, uint16(n))
		}
	}
	return ports
}
