package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot/peer"
)

// Beside a daemon the chat is a screen on it: the same person, and the daemon goes on.
func TestAChatUsesTheDaemonOfItsProfile(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	o := &options{home: t.TempDir(), profile: "default", interfaces: []string{loopback(t)}, announcePort: uint16(unusedPort(t))}
	daemon, err := o.openDaemon(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.close()
	cmd := rootCommand()
	cmd.SetContext(t.Context())
	if err := cmd.ParseFlags([]string{"--name", "zoe"}); err != nil {
		t.Fatal(err)
	}
	chat, err := o.openChat(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if chat.own || chat.profile != "default" {
		t.Errorf("opened profile %s, a node of its own: %v", chat.profile, chat.own)
	}
	notes := strings.Join(chat.notes, "\n")
	if !strings.Contains(notes, "the daemon of profile default") || !strings.Contains(notes, "--name has no effect") {
		t.Errorf("notes %q", chat.notes)
	}
	if err := chat.Rename(t.Context(), "carol"); err != nil {
		t.Fatal(err)
	}
	defer chat.close()
	if name := selfName(t, &opened{Chat: daemon.Chat}); name != "carol" {
		t.Errorf("the daemon is called %q, want carol", name)
	}
	if _, err := o.openDaemon(t.Context()); err == nil || !strings.Contains(err.Error(), "in a daemon already") {
		t.Errorf("a second daemon: %v", err)
	}
	if err := chat.again(t.Context()); err != nil { // while it runs
		t.Error(err)
	}
	daemon.close()
	if _, err := chat.People(t.Context()); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("the screen asks a daemon that has ended: %v", err)
	}
	if err := chat.again(t.Context()); err == nil || !strings.Contains(err.Error(), "the daemon has ended") {
		t.Errorf("the screen tries again: %v", err)
	}
	daemon, err = o.openDaemon(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.close()
	if name := selfName(t, daemon); name != "carol" {
		t.Errorf("the next daemon is called %q, want carol", name)
	}
	if err := chat.again(t.Context()); err != nil {
		t.Error(err)
	}
	if name := selfName(t, &opened{Chat: chat.Chat}); name != "carol" {
		t.Errorf("the screen reaches %q through the next daemon", name)
	}
}

// A feed of an instance that keeps nothing says so after Ready, once, to everybody who opens one.
func TestEveryFeedBeginsWithTheTrouble(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	o := &options{home: t.TempDir(), profile: "default", interfaces: []string{loopback(t)}, announcePort: uint16(unusedPort(t))}
	p := mustLock(t, o.home, o.profile)
	path := filepath.Join(p.dir, historyFile)
	p.release()
	if err := os.WriteFile(path, []byte("Dear diary"), 0o600); err != nil {
		t.Fatal(err)
	}
	node, err := o.openDaemon(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer node.close()
	remote, err := dialControl(o.home, o.profile)
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	for who, chat := range map[string]peer.Chat{"the first": node, "another": node.Chat, "a command": remote} {
		feed, err := chat.Feed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		events, err := feed.Next(t.Context())
		feed.Close()
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, e := range events {
			if n, ok := e.(peer.Note); ok && n.Trouble && strings.Contains(n.Text, "is not an earshot database: move it away") {
				told++
			}
		}
		if _, ready := events[0].(peer.Ready); !ready || told != 1 {
			t.Errorf("%s feed: begins with %T, told %d times", who, events[0], told)
		}
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "Dear diary" {
		t.Errorf("the file is now %q, %v", b, err)
	}
}
