package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"earshot/peer"
)

// repeat is a source of one byte, over and over.
type repeat byte

func (r repeat) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r)
	}
	return len(b), nil
}

func mustLock(t *testing.T, home, name string) *profile {
	t.Helper()
	p, err := lockProfile(home, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.release)
	return p
}

func TestAProfileIsMadeForItsOwnerOnly(t *testing.T) {
	home := filepath.Join(t.TempDir(), "a", "home")
	p := mustLock(t, home, "default")
	id, err := p.identity(repeat(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.keepNick("alice"); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		for name, want := range map[string]os.FileMode{".": 0o700, keyFile: 0o600, nameFile: 0o600, lockFile: 0o600} {
			info, err := os.Stat(filepath.Join(p.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != want {
				t.Errorf("%s has mode %o, want %o", name, got, want)
			}
		}
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("%v, %v: want key, lock and name and nothing temporary", entries, err)
	}
	again, err := p.identity(repeat(2))
	if err != nil {
		t.Fatal(err)
	}
	if again.ID() != id.ID() {
		t.Error("the second start has another identity")
	}
	if got := p.nick(""); got != "alice" {
		t.Errorf("the name kept is %q", got)
	}
}

func TestWhatOthersCanReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // its modes tell nothing
	}
	home := t.TempDir()
	p := mustLock(t, home, "default")
	if _, err := p.identity(repeat(1)); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(p.dir, keyFile)
	for mode, want := range map[os.FileMode]string{0o640: "read", 0o604: "read", 0o620: "change"} {
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		_, err := p.identity(repeat(2))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "chmod 600 "+key) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.identity(repeat(2)); err != nil {
		t.Errorf("after chmod: %v", err)
	}
	p.release()
	if err := os.Chmod(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := lockProfile(home, "default"); err == nil || !strings.Contains(err.Error(), "chmod 700 "+p.dir) {
		t.Errorf("a folder open to others: %v", err)
	}
}

func TestADamagedKeyIsKept(t *testing.T) {
	p := mustLock(t, t.TempDir(), "default")
	if _, err := p.identity(repeat(1)); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(p.dir, keyFile)
	whole, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{
		{},
		whole[:len(whole)-3], whole[:len(keyHeader)], append(whole[:len(whole)-1:len(whole)-1], "00\n"...),
		bytes.ReplaceAll(whole, []byte("01"), []byte("0x")), bytes.Repeat([]byte{0}, 200),
	} {
		if err := os.WriteFile(key, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := p.identity(repeat(2)); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%q: %v", damaged, err)
		}
		if now, err := os.ReadFile(key); err != nil || !bytes.Equal(now, damaged) {
			t.Errorf("%q was replaced by %q, %v", damaged, now, err)
		}
	}
}

func TestProfileNames(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../x", "a/b", ".hidden", "a b", "-x", strings.Repeat("x", 65)} {
		if p, err := lockProfile(t.TempDir(), name); err == nil {
			p.release()
			t.Errorf("%q is a profile", name)
		}
	}
	for _, c := range []struct {
		base string
		n    int
		want string
	}{{"default", 2, "2"}, {"2", 3, "3"}, {"work", 2, "work-2"}} {
		if got := nextProfile(c.base, c.n); got != c.want {
			t.Errorf("after %s comes %s, want %s", c.base, got, c.want)
		}
	}
}

func TestANameThatCannotBeIsForgotten(t *testing.T) {
	p := mustLock(t, t.TempDir(), "default")
	if err := os.WriteFile(filepath.Join(p.dir, nameFile), []byte("#not a name\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := p.nick(""); got != loginName() {
		t.Errorf("called %q, want the login name %q", got, loginName())
	}
}

// Eight processes start at once with a profile that does not exist yet: one gets it, with one key.
func TestProcessesRaceForAProfile(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	const n = 8
	said := make(chan string, n)
	var holding []io.Closer
	var running []*exec.Cmd
	for range n {
		cmd := exec.Command("hold", home, "default")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		holding, running = append(holding, in), append(running, cmd)
		go func() {
			line, _ := bufio.NewReader(out).ReadString('\n')
			said <- strings.TrimSpace(line)
		}()
	}
	var key string
	for range n {
		switch line := <-said; {
		case line == "in use":
		case len(line) == 52 && key == "":
			key = line
		default:
			t.Errorf("a process said %q beside key %q", line, key)
		}
	}
	if _, err := lockProfile(home, "default"); !errors.Is(err, errInUse) {
		t.Errorf("while a process has it: %v", err)
	}
	for i := range running {
		_ = holding[i].Close()
		_ = running[i].Wait()
	}
	id, err := mustLock(t, home, "default").identity(repeat(1))
	if err != nil {
		t.Fatal(err)
	}
	if id.ID().String() != key {
		t.Errorf("the key is %s, the process said %s", id.ID(), key)
	}
}

func TestTheControlSocketIsShortAndReplaced(t *testing.T) {
	run := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", run)
	home := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	p := mustLock(t, home, "default")
	for range 2 { // the second time there is a socket that a crash has left
		l, err := p.listenControl(roleChat)
		if err != nil {
			t.Fatal(err)
		}
		path := l.Addr().String()
		if len(path) > socketLimit || !strings.HasPrefix(path, os.TempDir()) {
			t.Errorf("socket %s", path)
		}
		if err := os.Rename(path, path+".kept"); err != nil { // so that Close does not remove it
			t.Fatal(err)
		}
		_ = l.Close()
		if err := os.Rename(path+".kept", path); err != nil {
			t.Fatal(err)
		}
		if _, err := dialControl(home, "default"); err == nil {
			t.Error("dialled a socket without a listener")
		}
	}
}

func TestTheRuntimeFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // its modes tell nothing
	}
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	own := filepath.Join(dir, "earshot")
	if got, err := runtimeDir(); err != nil || got != own {
		t.Errorf("%s, %v, want %s", got, err, own)
	}
	t.Setenv("TMPDIR", dir)
	// A folder that others can enter, a link, and a path that is too long are passed over.
	if err := os.Chmod(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := runtimeDir(); err != nil || got == own {
		t.Errorf("took %s, open to others (%v)", got, err)
	}
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), own); err != nil {
		t.Fatal(err)
	}
	if got, err := runtimeDir(); err != nil || got == own {
		t.Errorf("took %s, a link (%v)", got, err)
	}
	long := filepath.Join(dir, strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", long)
	if got, err := runtimeDir(); err != nil || strings.HasPrefix(got, long) {
		t.Errorf("took %s, too long for a socket (%v)", got, err)
	}
}

func TestLocalPorts(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	home := t.TempDir()
	first, second := mustLock(t, home, "default"), mustLock(t, home, "2")
	forget, err := first.keepPort(4001)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.keepPort(4002); err != nil {
		t.Fatal(err)
	}
	if got := second.localPorts(); len(got) != 1 || got[0] != 4001 {
		t.Errorf("the second sees %v, want 4001", got)
	}
	forget()
	if got := second.localPorts(); len(got) != 0 {
		t.Errorf("the second sees %v after the first has gone", got)
	}
}

// A second chat takes the next free profile and says so; a renamed one is called so at its next start.
func TestASecondChatTakesTheNextProfile(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	o := &options{home: t.TempDir(), profile: "default", interfaces: []string{loopback(t)}, announcePort: uint16(unusedPort(t))}
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	open := func(want string) *opened {
		t.Helper()
		node, err := o.openChat(cmd)
		if err != nil {
			t.Fatal(err)
		}
		if node.profile != want {
			t.Errorf("opened profile %s, want %s", node.profile, want)
		}
		if said := len(node.notes) > 0; said != (want != "default") {
			t.Errorf("profile %s opened with the notes %q", want, node.notes)
		}
		return node
	}
	first := open("default")
	second := open("2")
	third := open("3")
	if err := second.Rename(t.Context(), "carol"); err != nil {
		t.Fatal(err)
	}
	second.close()
	second = open("2")
	if name := selfName(t, second); name != "carol" {
		t.Errorf("renamed to carol, now called %q", name)
	}
	for _, n := range []*opened{first, second, third} {
		n.close()
	}
	open("default").close()
}

func selfName(t *testing.T, node *opened) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	feed, err := follow(ctx, node)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range (<-feed).events {
		if ready, ok := e.(peer.Ready); ok {
			return ready.Self.Name
		}
	}
	t.Fatal("a feed that does not begin with Ready")
	return ""
}
