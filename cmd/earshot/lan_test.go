package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"earshot/discovery/lan/lantest"
)

// The tests in lan_*_test.go run the real program, a process for each host, on LANs of network namespaces.
// They log what they measure. What is promised in seconds fails only when it takes slack times as long,
// what is promised at all when it has not come after patience.
const patience = 60 * time.Second

// slack is EARSHOT_SLACK, for machines that are slow, or slowed down by the race detector.
var slack = func() time.Duration {
	if n, err := strconv.Atoi(os.Getenv("EARSHOT_SLACK")); err == nil && n > 0 {
		return time.Duration(n)
	}
	return 10
}()

// nightly tells whether the long runs are wanted: EARSHOT_NIGHTLY=1.
var nightly = os.Getenv("EARSHOT_NIGHTLY") != ""

// hosts is a LAN whose hosts have a home folder each. Host 2 is called n2.
type hosts struct {
	*lantest.LAN
	t   *testing.T
	dir string
}

func newHosts(t *testing.T, n int) *hosts {
	t.Helper()
	l := lantest.New(t, n)
	dir, err := os.MkdirTemp("", "earshot") // shorter than t.TempDir, for the control sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &hosts{l, t, dir}
}

func (h *hosts) home(host int) string { return filepath.Join(h.dir, strconv.Itoa(host)) }

// command is earshot with a host's home.
func (h *hosts) command(host int, args ...string) *exec.Cmd {
	h.t.Helper()
	return h.settle(host, h.Command(host, "earshot", args...))
}

// settle gives a program the environment of a host.
func (h *hosts) settle(host int, cmd *exec.Cmd) *exec.Cmd {
	h.t.Helper()
	run := filepath.Join(h.home(host), "run")
	if err := os.MkdirAll(run, 0o700); err != nil {
		h.t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "EARSHOT_HOME="+h.home(host), "EARSHOT_PROFILE=default", "XDG_RUNTIME_DIR="+run, "TERM=xterm-256color")
	return cmd
}

// result is what a command that has ended said.
type result struct {
	out, err string
	code     int
}

func finished(cmd *exec.Cmd) result { return begun(cmd)() }

// begun starts a command. end waits until it has ended. Who kills it meanwhile gets the code -1.
func begun(cmd *exec.Cmd) (end func() result) {
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Start(); err != nil {
		return func() result { return result{err: err.Error(), code: -1} }
	}
	return func() result {
		stop := time.AfterFunc(2*patience, func() { _ = cmd.Process.Kill() })
		defer stop.Stop()
		err := cmd.Wait()
		r := result{out: out.String(), err: complaint.String(), code: -1}
		if exit, failed := errors.AsType[*exec.ExitError](err); err == nil || failed {
			r.code = 0
			if failed {
				r.code = exit.ExitCode()
			}
		}
		return r
	}
}

// run runs earshot on a host to its end, beside whatever runs there already.
func (h *hosts) run(host int, args ...string) result {
	h.t.Helper()
	return finished(h.command(host, args...))
}

// must is run for a command that has to succeed.
func (h *hosts) must(host int, args ...string) string {
	h.t.Helper()
	r := h.run(host, args...)
	if r.code != 0 {
		h.t.Fatalf("earshot %q on host %d: exit code %d\n%s%s", args, host, r.code, r.out, r.err)
	}
	return r.out
}

// event is one line of listen --json.
type event struct {
	Type, ID, Room, From, Peer, Text, Name, Address, Reason string

	Time time.Time
	at   time.Time // when it was read
}

// ear is a running `earshot listen --json`.
type ear struct {
	t       *testing.T
	name    string
	cmd     *exec.Cmd
	started time.Time
	ended   chan struct{}
	stderr  bytes.Buffer // to be read when it has ended

	mu     sync.Mutex
	events []event
	news   chan struct{} // closed by the next event
}

// listen starts a host's long-running instance.
func (h *hosts) listen(host int, flags ...string) *ear {
	h.t.Helper()
	return h.live(host, append([]string{"listen", "--json"}, flags...)...)
}

// live starts a command that stays.
func (h *hosts) live(host int, args ...string) *ear {
	h.t.Helper()
	name := "n" + strconv.Itoa(host)
	e := &ear{t: h.t, name: name, ended: make(chan struct{}), news: make(chan struct{})}
	e.cmd = h.command(host, append(args, "--name", name)...)
	e.cmd.Stderr = &e.stderr
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	e.started = time.Now()
	if err := e.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go e.read(out)
	h.t.Cleanup(e.kill)
	return e
}

func (h *hosts) listenAll(n int) []*ear {
	h.t.Helper()
	var ears []*ear
	for i := range n {
		ears = append(ears, h.listen(i+1))
	}
	return ears
}

func (e *ear) read(out io.Reader) {
	defer close(e.ended)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		one := event{at: time.Now()}
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			one.Type, one.Text = "not JSON", lines.Text()
		}
		e.mu.Lock()
		e.events = append(e.events, one)
		close(e.news)
		e.news = make(chan struct{})
		e.mu.Unlock()
	}
	_ = e.cmd.Wait()
}

// kill ends it at once, as kill -9 does.
func (e *ear) kill() {
	_ = e.cmd.Process.Kill()
	<-e.ended
}

// stop has it end as it ends properly.
func (e *ear) stop() {
	e.t.Helper()
	_ = e.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-e.ended:
		if code := e.cmd.ProcessState.ExitCode(); code != 0 {
			e.t.Errorf("%s ended with exit code %d\n%s", e.name, code, e.stderr.String())
		}
	case <-time.After(patience):
		e.t.Fatalf("%s does not end", e.name)
	}
}

func (e *ear) heard() []event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.events)
}

// await waits until the events so far are as wanted, and returns them.
func (e *ear) await(what string, wanted func([]event) bool) []event {
	e.t.Helper()
	late := time.After(patience)
	for {
		e.mu.Lock()
		events, news := slices.Clone(e.events), e.news
		e.mu.Unlock()
		if wanted(events) {
			return events
		}
		select {
		case <-news:
		case <-e.ended:
			e.t.Fatalf("%s ended before this: %s\n%s", e.name, what, e.stderr.String())
		case <-late:
			e.t.Fatalf("%s: not after %v: %s\n%s", e.name, patience, what, transcript(events))
		}
	}
}

// transcript is the last events, in short.
func transcript(events []event) string {
	var b strings.Builder
	for _, e := range events[max(0, len(events)-30):] {
		fmt.Fprintf(&b, "\t%s %s %s%s %s %.60s %s\n", e.at.Format("05.000"), e.Type, e.From, e.Name, e.Room, e.Text, e.Reason)
	}
	return b.String()
}

// saw waits for the first event of a type and name after the first skip events, and returns it.
func (e *ear) saw(skip int, kind, name string) event {
	e.t.Helper()
	found := func(x event) bool { return x.Type == kind && x.Name == name }
	events := e.await(kind+" "+name, func(all []event) bool { return slices.ContainsFunc(all[min(skip, len(all)):], found) })[skip:]
	return events[slices.IndexFunc(events, found)]
}

// said waits for a text in a room and returns it.
func (e *ear) said(room, text string) event {
	e.t.Helper()
	found := func(x event) bool { return x.Type == "message" && x.Room == room && x.Text == text }
	events := e.await(fmt.Sprintf("%q in %s", text, room), func(all []event) bool { return slices.ContainsFunc(all, found) })
	return events[slices.IndexFunc(events, found)]
}

// mark is how many events there have been.
func (e *ear) mark() int { return len(e.heard()) }

// meet waits until all see all, and returns when the last one saw the last.
func meet(ears ...*ear) (last time.Time) {
	for _, a := range ears {
		a.t.Helper()
		for _, b := range ears {
			if a == b {
				continue
			}
			if at := a.saw(0, "joined", b.name).at; at.After(last) {
				last = at
			}
		}
	}
	return last
}

// lastStart is when the last of them was started.
func lastStart(ears []*ear) (last time.Time) {
	for _, e := range ears {
		if e.started.After(last) {
			last = e.started
		}
	}
	return last
}

// promised logs how long something took, and fails if that was far longer than promised.
func promised(t *testing.T, what string, took, promise time.Duration) {
	t.Helper()
	t.Logf("%s: %v (promised: %v)", what, took.Round(100*time.Microsecond), promise)
	if took > slack*promise {
		t.Errorf("%s took %v, more than %d times the %v promised", what, took, slack, promise)
	}
}

// texts is what an ear heard of one author in a room, in the order in which it was printed.
func (e *ear) texts(room, author string) []string {
	var out []string
	for _, x := range e.heard() {
		if x.Type == "message" && x.Room == room && x.From == author {
			out = append(out, x.Text)
		}
	}
	return out
}

// once fails the test if an ear printed a message twice, or something that is no event.
func (e *ear) once() {
	e.t.Helper()
	ids := map[string]bool{}
	for _, x := range e.heard() {
		switch {
		case x.Type == "not JSON":
			e.t.Errorf("%s printed %q", e.name, x.Text)
		case x.Type == "message" && ids[x.ID]:
			e.t.Errorf("%s: %q by %s came twice", e.name, x.Text, x.From)
		}
		ids[x.ID] = x.Type == "message" || ids[x.ID]
	}
}
