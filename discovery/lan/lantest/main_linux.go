package lantest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// First arguments by which the test binary, started again, knows its part.
const (
	argProbe = "lantest-probe" // say whether namespaces can be made here
	argEnter = "lantest-enter" // NAMESPACE NAME ARGS…: become that program in that namespace
	argRun   = "lantest-run"   // NAME ARGS…: be the command of that name
)

// inside is in the environment of a test binary that is root of its own user namespace.
const inside = "LANTEST_INSIDE"

var (
	ready    bool              // Setup has run
	refusal  error             // why there can be no LAN
	commands map[string]func() // by name, from Setup
)

// Main is what TestMain calls: Setup, the tests, os.Exit.
//
// A command given here can be started by its name with LAN.Command. It finds its arguments in os.Args and may call os.Exit.
func Main(m interface{ Run() int }, commands map[string]func()) {
	Setup(commands)
	os.Exit(m.Run())
}

// Setup is for a TestMain that has something else to run the tests. It must come first, and may not return:
// it is here that the test binary, started again, becomes something else.
func Setup(named map[string]func()) {
	commands = named
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case argProbe:
			probe()
		case argEnter:
			enter(os.Args[2], os.Args[3:])
		case argRun:
			os.Args = os.Args[2:]
			commands[os.Args[0]]()
			os.Exit(0)
		}
	}
	ready = true
	if os.Getenv(inside) != "" {
		// A new network namespace has its loopback down.
		if refusal = loopbackUp(); refusal != nil {
			return
		}
	}
	ns, err := newNamespace()
	if err == nil {
		_ = ns.Close()
		return
	}
	refusal = err
	if os.Getenv(inside) == "" {
		if refusal = startInside(argProbe); refusal == nil {
			again()
		}
	}
}

// probe tells by its exit code and on standard error whether a user namespace is worth anything here.
func probe() {
	err := loopbackUp()
	if err == nil {
		_, err = newNamespace()
	}
	if err != nil {
		fmt.Fprint(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// startInside runs the test binary as root of a new user namespace for its answer to the probe.
func startInside(args ...string) error {
	var said strings.Builder
	cmd, err := insideCommand(args)
	if err != nil {
		return err
	}
	cmd.Stderr = &said
	err = cmd.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return fmt.Errorf("in a new user namespace: %s", said.String())
	}
	if err != nil {
		return fmt.Errorf("a new user namespace: %w", err)
	}
	return nil
}

func insideCommand(args []string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	return cmd, nil
}

// again runs all the tests inside and ends as they do.
func again() {
	// The death signal comes when the thread dies that started the process, so keep it.
	runtime.LockOSThread()
	cmd, err := insideCommand(os.Args[1:])
	if err == nil {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		err = cmd.Start()
	}
	if err != nil {
		refusal = err
		return
	}
	asked := make(chan os.Signal, 4)
	signal.Notify(asked, syscall.SIGQUIT, syscall.SIGTERM)
	signal.Ignore(syscall.SIGINT) // the terminal sends it to both
	go func() {
		for s := range asked {
			_ = cmd.Process.Signal(s)
		}
	}()
	_ = cmd.Wait()
	code := cmd.ProcessState.ExitCode()
	if code < 0 {
		code = 2
	}
	os.Exit(code)
}

// enter becomes a program in a namespace. A namespace belongs to a thread, and the thread that executes a program is all that is left of a process.
func enter(namespace string, command []string) {
	runtime.LockOSThread()
	name := command[0]
	fail := func(err error) {
		fmt.Fprintf(os.Stderr, "lantest: %s: %v\n", name, err)
		os.Exit(127)
	}
	fd, err := unix.Open(namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fail(err)
	}
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		fail(err)
	}
	var program string
	if commands[command[0]] != nil {
		program, err = os.Executable()
		command = append([]string{os.Args[0], argRun}, command...)
	} else {
		program, err = exec.LookPath(command[0])
	}
	if err != nil {
		fail(err)
	}
	fail(unix.Exec(program, command, os.Environ()))
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}
