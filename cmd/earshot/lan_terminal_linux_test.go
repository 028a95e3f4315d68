package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// terminal is a pseudoterminal of 80 by 24 with a program on it.
type terminal struct {
	t     *testing.T
	cmd   *exec.Cmd
	file  *os.File
	ended chan struct{}

	mu    sync.Mutex
	shown screen
}

// openTerminal starts a program on a terminal of its own.
func openTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("terminal: %v", err)
		}
	}
	file, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	must(err)
	raw, err := file.SyscallConn()
	must(err)
	var number int
	must(raw.Control(func(fd uintptr) {
		must(unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0))
		must(unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}))
		number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		must(err)
	}))
	other, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	must(err)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = other, other, other
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true
	must(cmd.Start())
	_ = other.Close()
	x := &terminal{t: t, cmd: cmd, file: file, ended: make(chan struct{})}
	go x.read()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-x.ended
		_ = file.Close()
	})
	return x
}

func (x *terminal) read() {
	defer close(x.ended)
	b, rest := make([]byte, 4096), 0
	for {
		n, err := x.file.Read(b[rest:])
		x.mu.Lock()
		left := x.shown.write(b[:rest+n])
		x.mu.Unlock()
		rest = copy(b, left)
		if err != nil { // EIO once the program has gone
			_ = x.cmd.Wait()
			return
		}
	}
}

// screen is what a terminal shows: as much of one as the program makes use of, with cells of one width.
type screen struct {
	cells    [24][80]rune
	row, col int
}

// sequence is what a terminal obeys instead of showing it.
var sequence = regexp.MustCompile(`^\x1b(\[([0-9;?<>=]*)[ !]?([@-~])|[\]P][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>78M])`)

// write takes what the program wrote, but for an unfinished rune or sequence at its end.
func (s *screen) write(b []byte) (rest []byte) {
	for len(b) > 0 {
		if b[0] == '\x1b' {
			m := sequence.FindSubmatch(b)
			if m == nil {
				if len(b) < 128 {
					return b
				}
				m = [][]byte{b[:1], nil, nil, nil} // unknown
			}
			s.obey(string(m[2]), string(m[3]))
			b = b[len(m[0]):]
			continue
		}
		if !utf8.FullRune(b) {
			return b
		}
		r, n := utf8.DecodeRune(b)
		b = b[n:]
		switch {
		case r == '\r':
			s.col = 0
		case r == '\n':
			s.row++
		case r == '\b':
			s.col--
		case r >= ' ':
			if s.row >= 0 && s.row < 24 && s.col >= 0 && s.col < 80 {
				s.cells[s.row][s.col] = r
			}
			s.col++
		}
	}
	return nil
}

func (s *screen) obey(arguments, final string) {
	switch final {
	case "H":
		s.row, s.col = 0, 0
		if _, err := fmt.Sscanf(arguments, "%d;%d", &s.row, &s.col); err == nil {
			s.row, s.col = s.row-1, s.col-1
		}
	case "J":
		s.cells = [24][80]rune{}
	case "K":
		if s.row >= 0 && s.row < 24 {
			clear(s.cells[s.row][min(max(s.col, 0), 80):])
		}
	}
}

func (s *screen) String() string {
	var out strings.Builder
	for _, row := range s.cells {
		for _, r := range row {
			out.WriteRune(max(r, ' '))
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// shows waits until words stand on the screen, in one row.
func (x *terminal) shows(words string) {
	x.t.Helper()
	for end := time.Now().Add(patience); ; {
		x.mu.Lock()
		all := x.shown.String()
		x.mu.Unlock()
		if strings.Contains(all, words) {
			return
		}
		select {
		case <-x.ended:
			x.t.Fatalf("it ended before it showed %q:\n%s", words, all)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			x.t.Fatalf("it never showed %q:\n%s", words, all)
		}
	}
}

func (x *terminal) types(keys string) {
	x.t.Helper()
	if _, err := x.file.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// Two people, or one who is curious, with nothing but one computer: no flags, no network.
func TestTwoTerminalsOfOneHostChat(t *testing.T) {
	t.Parallel()
	h := newHosts(t, 1)
	h.RemoveInterface(1, "eth0")
	one := openTerminal(t, h.command(1))
	one.shows("Listening on lo")
	two := openTerminal(t, h.command(1))
	two.shows("this is profile 2")
	one.shows("1 other")
	two.shows("1 other")
	one.types("hello from the first terminal\r")
	two.shows("hello from the first terminal")
	one.shows("✓✓")
	two.types("and back from the second\r")
	one.shows("and back from the second")
	if got := h.must(1, "peers", "--json"); strings.Count(got, `"state":"online"`) != 1 || !strings.Contains(got, `"address":"127.0.0.1:`) {
		t.Errorf("peers: %s", got)
	}
	// A command speaks as the first of them.
	h.must(1, "send", "by a command")
	two.shows("by a command")
	two.types("/quit\r")
	<-two.ended
	if code := two.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("/quit ends with %d", code)
	}
	one.shows("nobody else")
	one.types("\x03\x03")
	<-one.ended
	if code := one.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("Ctrl+C twice ends with %d", code)
	}
}

// Who agrees on it sees that a direct line was read; so it stays after a restart.
func TestTwoTerminalsShareReadMarks(t *testing.T) {
	t.Parallel()
	h := newHosts(t, 2)
	one := openTerminal(t, h.command(1, "--name", "alice"))
	two := openTerminal(t, h.command(2, "--name", "bob"))
	one.shows("1 other")
	two.shows("1 other")
	for _, x := range []*terminal{one, two} {
		x.types("/readmarks on\r")
		x.shows("read marks are on")
	}
	one.types("/query bob\r")
	one.shows("between you two")
	one.types("have you seen this?\r")
	two.shows("● alice     1") // in the sidebar: not read yet
	one.shows("✓✓")
	two.types("/query alice\r")
	two.shows("have you seen this?")
	one.shows("✓✓ read")
	one.types("/quit\r")
	<-one.ended
	one = openTerminal(t, h.command(1, "--name", "alice"))
	one.shows("1 other")
	one.types("/query bob\r")
	one.shows("✓✓ read")
	one.types("and this?\r") // it is being looked at, and the setting has stayed
	two.shows("and this?")
	one.types("/details\r")
	one.shows("bob read it")
}
