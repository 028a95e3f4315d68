package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTokenIsGoodForOneStart(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	home := t.TempDir()
	p, other := mustLock(t, home, "default"), mustLock(t, home, "2")
	p.leaveToken("7 abc")
	if got := other.takeToken(); got != "" {
		t.Errorf("another profile takes %q", got)
	}
	for _, want := range []string{"7 abc", ""} {
		if got := p.takeToken(); got != want {
			t.Errorf("taken %q, want %q", got, want)
		}
	}
	path, _, err := p.tokenFile()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("another boot\n7 abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := p.takeToken(); got != "" {
		t.Errorf("taken after a boot: %q", got)
	}
}

// A script that says a line now and then goes on with one log-epoch; an old copy of its profile, put back, does not.
func TestStartsAfterCleanEndsShareALogEpoch(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	home := t.TempDir()
	say := func(change func(o *options)) uint64 {
		t.Helper()
		o := &options{home: home, profile: "default", interfaces: []string{loopback(t)}, announcePort: uint16(unusedPort(t))}
		change(o)
		node, err := o.openDaemon(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer node.close()
		m, err := node.Say(t.Context(), "#lobby", "hello", false)
		if err != nil {
			t.Fatal(err)
		}
		return m.Place.Epoch
	}
	as := func(*options) {}
	first := say(as)
	profile, backup := filepath.Join(home, "default"), filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(backup, os.DirFS(profile)); err != nil {
		t.Fatal(err)
	}
	if got := say(func(o *options) { o.noHistory = true }); got == first {
		t.Error("a start that keeps nothing goes on with the epoch")
	}
	if got := say(as); got != first {
		t.Errorf("the next epoch is %d, not %d again", got, first)
	}
	if err := os.RemoveAll(profile); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, profile); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(profile, 0o700); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(profile, "*"))
	for _, f := range files {
		if err := os.Chmod(f, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := say(as); got == first {
		t.Error("an old copy goes on with the epoch")
	}
}
