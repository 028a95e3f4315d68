package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// program is how a contender is started on a host, and how its result is read.
type program struct {
	serve    func(host int, addr string) []string
	ready    string                                                    // what serve prints when it can be reached
	run      func(host int, to []int, addrs []string, s spec) []string // nil: it cannot
	result   func(output []byte) (result, error)
	resident func(host int) []string // the process of all that runs on a host then; nil: each has its own
	settled  string                  // what it prints when it is there
}

// lab starts contenders on a bed.
type lab struct {
	*bed
	programs map[string]program
	port     int // the last used
}

// process is one that was started on a host.
type process struct {
	*exec.Cmd
	cancel context.CancelFunc
	output output
	ended  chan struct{}
	err    error // how, once ended
}

// output keeps what a process prints, and tells when a word comes.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	word  string
	found chan struct{}
}

const outputKept = 64 << 10

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() < outputKept {
		o.text.Write(b)
	}
	if o.word != "" && strings.Contains(o.text.String(), o.word) {
		close(o.found)
		o.word = ""
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs argv on a host until it ends or is stopped, at most for limit. With a word it waits until the process prints that.
func (l *lab) start(ctx context.Context, limit time.Duration, host int, argv []string, word string) (*process, error) {
	p := &process{output: output{word: word, found: make(chan struct{})}, ended: make(chan struct{})}
	ctx, p.cancel = context.WithTimeout(ctx, limit)
	p.Cmd = exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", l.host(host)}, argv...)...)
	p.Stdout, p.Stderr = &p.output, &p.output
	p.Cmd.Cancel = func() error { return p.Process.Signal(syscall.SIGTERM) }
	p.WaitDelay = 3 * time.Second
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // main keeps its thread
	if err := p.Start(); err != nil {
		p.cancel()
		return nil, err
	}
	go func() {
		p.err = p.Wait()
		p.cancel()
		close(p.ended)
	}()
	if word == "" {
		return p, nil
	}
	select {
	case <-p.output.found:
		return p, nil
	case <-time.After(timeToConnect):
	case <-p.ended: // at the latest when ctx is done
	}
	p.stop()
	return nil, fmt.Errorf("%s is not ready: %s", strings.Join(argv, " "), p.output.String())
}

// stop ends the process, and waits for that.
func (p *process) stop() {
	p.cancel()
	<-p.ended
}

// finish waits for the end of the process, and reads the result.
func (p *process) finish(read func([]byte) (result, error)) (result, error) {
	<-p.ended
	text := strings.TrimSpace(p.output.String())
	if p.err != nil {
		return result{}, fmt.Errorf("%w: %s", p.err, text)
	}
	return read([]byte(text[strings.LastIndexByte(text, '\n')+1:]))
}

// flow is a contender at work.
type flow struct {
	program
	servers []*process
	client  *process
}

// begin starts the servers of a contender and its client.
func (l *lab) begin(ctx context.Context, name string, from int, to []int, s spec) (started *flow, err error) {
	f := &flow{program: l.programs[name]}
	defer func() {
		if err != nil {
			f.end()
		}
	}()
	limit := 2*timeToConnect + s.duration + 2*patience
	l.port = 7000 + (l.port-7000+1)%1000
	var addrs []string
	for _, host := range to {
		addrs = append(addrs, fmt.Sprintf("%s:%d", l.addr(host), l.port))
		server, err := l.start(ctx, 2*limit, host, f.serve(host, addrs[len(addrs)-1]), f.ready)
		if err != nil {
			return nil, err
		}
		f.servers = append(f.servers, server)
	}
	argv := f.run(from, to, addrs, s)
	if argv == nil {
		return nil, errors.ErrUnsupported
	}
	f.client, err = l.start(ctx, limit, from, argv, "")
	return f, err
}

func (f *flow) result() (result, error) {
	r, err := f.client.finish(f.program.result)
	for _, server := range f.servers {
		if text := strings.TrimSpace(server.output.String()); err != nil && text != f.ready {
			err = fmt.Errorf("%w; served by: %s", err, text)
		}
	}
	return r, err
}

func (f *flow) end() {
	if f.client != nil {
		f.client.stop()
	}
	for _, p := range f.servers {
		p.stop()
	}
}

// measure runs a contender from host 1.
func (l *lab) measure(ctx context.Context, name string, to []int, s spec) (result, error) {
	f, err := l.begin(ctx, name, 1, to, s)
	if err != nil {
		return result{}, err
	}
	defer f.end()
	return f.result()
}
