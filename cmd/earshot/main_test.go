package main

import (
	crand "crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"earshot/discovery/lan/lantest"
)

func TestMain(m *testing.M) {
	commands := map[string]func(){"earshot": main, "hold": hold}
	if commands[strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")] == nil { // else it is a script's program
		lantest.Setup(commands)
	}
	testscript.Main(m, commands)
}

// hold is a process that takes a profile, says whose key is in it, and keeps it until its input ends.
func hold() {
	p, err := lockProfile(os.Args[1], os.Args[2])
	if errors.Is(err, errInUse) {
		fmt.Println("in use")
		return
	}
	if err == nil {
		defer p.release()
		id, err2 := p.identity(crand.Reader)
		if err = err2; err == nil {
			fmt.Println(id.ID())
			_, _ = io.Copy(io.Discard, os.Stdin)
			return
		}
	}
	fmt.Println(err)
}

// TestScripts runs testdata/*.txtar. Their hosts are home folders; each script has loopback and a port of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			run := filepath.Join(e.WorkDir, "run")
			e.Setenv("XDG_RUNTIME_DIR", run)
			e.Setenv("EARSHOT_HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("LO", loopback(t))
			e.Setenv("NL", "\n")
			e.Setenv("PORT", strconv.Itoa(unusedPort(t)))
			return os.Mkdir(run, 0o700)
		},
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return os.Getuid() == 0, nil // whom no file mode holds back
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "await": await, "appears": appears, "forge": forge, "patch": patch, "damage": damage,
		},
	})
}

// exits CODE PROGRAM ARGS… runs a program and compares its exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// await PATTERN PROGRAM ARGS… runs a program until its output matches, for 20 s at most.
func await(ts *testscript.TestScript, _ bool, args []string) {
	pattern, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	for deadline := time.Now().Add(20 * time.Second); ; {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("it never came, last error %v", err)
		}
	}
}

// appears FILE waits until a file is there, for 20 s at most.
func appears(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not appear", args[0])
		}
	}
}

// forge ARCHIVE FILE makes a file of an archive's first line, in which some lines are right (6 and 7) and all others wrong.
func forge(ts *testscript.TestScript, _ bool, args []string) {
	line, _, _ := strings.Cut(ts.ReadFile(args[0]), "\n")
	changed := func(change func(x map[string]any)) string {
		x := map[string]any{}
		ts.Check(json.Unmarshal([]byte(line), &x))
		change(x)
		b, err := json.Marshal(x)
		ts.Check(err)
		return string(b)
	}
	lines := []string{
		"Dear diary,",
		`{"type":"message","text":"I was here"}`,
		changed(func(x map[string]any) {
			raw, err := base64.StdEncoding.DecodeString(x["raw"].(string))
			ts.Check(err)
			raw[len(raw)-70] ^= 1 // the last letter of the text
			x["raw"] = raw
		}),
		changed(func(x map[string]any) { x["room"] = "#other" }),
		changed(func(x map[string]any) { x["room"], x["with"] = "@alice", x["peer"] }),
		line,
		changed(func(x map[string]any) { x["text"] = "what is not signed does not count" }),
		changed(func(x map[string]any) { x["text"] = strings.Repeat("long", 1<<18) }),
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(lines, "\n")), 0o600))
}

// patch FILE OFFSET HEX overwrites bytes of a file.
func patch(ts *testscript.TestScript, _ bool, args []string) {
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	with, err := hex.DecodeString(args[2])
	ts.Check(err)
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	copy(b[offset:], with)
	ts.Check(os.WriteFile(name, b, 0o600))
}

// damage FILE spoils all of a database but its first pages.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	for i := 8192; i < len(b); i++ {
		b[i] = 'Z'
	}
	ts.Check(os.WriteFile(name, b, 0o600))
}

func loopback(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 {
			return i.Name
		}
	}
	t.Fatal("no loopback interface is up")
	return ""
}

// unusedPort is an announce port that nobody else is likely to have: below those that systems give out.
func unusedPort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		if c, err := net.ListenPacket("udp4", fmt.Sprintf(":%d", port)); err == nil {
			_ = c.Close()
			return port
		}
	}
	t.Fatal("no unused port found")
	return 0
}
