package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// bootFile names this run of a Linux kernel. Other systems have no token: each start begins a log-epoch.
const bootFile = "/proc/sys/kernel/random/boot_id"

// tokenFile is where an instance that ends leaves word that its state is the newest, for the next one: in memory, where no
// backup and no image of a disk finds it. Whoever puts an old copy of a profile back finds no token that fits, since there is
// only one, and a start uses it up.
func (p *profile) tokenFile() (path, boot string, err error) {
	dir := filepath.Join("/dev/shm", fmt.Sprintf("earshot-%d", os.Getuid())) // where there is no session, as for cron
	if run := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		dir = filepath.Join(run, "earshot")
	}
	b, err := os.ReadFile(bootFile)
	return filepath.Join(dir, strings.TrimSuffix(socketName(p.dir), ".sock")+".token"), strings.TrimSpace(string(b)), err
}

// takeToken uses the token up. It is empty if there is none, or if it cannot be removed.
func (p *profile) takeToken() (resume string) {
	path, boot, err := p.tokenFile()
	if err != nil || ownFolder(filepath.Dir(path)) != nil {
		return ""
	}
	b, err := os.ReadFile(path)
	if errors.Join(err, os.Remove(path)) != nil {
		return ""
	}
	written, resume, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	if written != boot {
		return ""
	}
	return resume
}

// leaveToken keeps what the next start needs to go on. If that fails, it begins anew.
func (p *profile) leaveToken(resume string) {
	path, boot, err := p.tokenFile()
	if err == nil && resume != "" && makeOwnFolder(filepath.Dir(path)) == nil {
		_ = writeFile(path, boot+"\n"+resume+"\n")
	}
}
