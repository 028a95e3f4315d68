// Command compare measures what carries messages and bytes across a LAN, each contender in the same way.
//
//	compare serve PROTO ADDR          answer until the end of the process
//	compare run PROTO ADDR... FLAGS   measure, and print the result as a line of JSON
//	compare all FLAGS                 make a LAN of network namespaces, measure all contenders there, print tables
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// contender carries messages and bytes between two processes. A method that it does not have says errors.ErrUnsupported.
type contender interface {
	// serve answers at addr until an error ends it, and calls ready when it can be reached.
	serve(addr string, ready func()) error
	// link is a way for messages of that size, to one or to many at once.
	link(to []string, size int) (link, error)
	// bulk sends as many bytes as go in that time.
	bulk(to string, duration time.Duration) (result, error)
}

// link carries numbered messages, and brings them back as the other application acknowledges them.
type link interface {
	send(number uint64, body []byte) error // body: what follows the number
	acked() (number uint64, err error)     // waits for the next
	Close() error                          // ends a waiting acked
}

// contenders by name. earshot itself is another program: earshot.go.
var contenders = map[string]contender{
	"arq":       arq{},
	"udp":       rawUDP{},
	"quic":      streams{quicListen, quicDial},
	"kcp":       streams{kcpListen, kcpDial},
	"tcp-bbr":   tcp("bbr", false),
	"tcp-cubic": tcp("cubic", false),
	"tls-bbr":   tcp("bbr", true),
	"tls-cubic": tcp("cubic", true),
}

// timeToConnect bounds every handshake.
const timeToConnect = 15 * time.Second

func main() {
	if err := command(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	if len(args) > 0 && args[0] == "all" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
		return all(ctx, args[1:])
	}
	if len(args) < 3 || contenders[args[1]] == nil {
		return errors.New("usage: compare serve PROTO ADDR | run PROTO ADDR... FLAGS | all FLAGS")
	}
	switch c := contenders[args[1]]; args[0] {
	case "serve":
		return c.serve(args[2], func() { fmt.Println("ready") })
	case "run":
		var to []string
		for args = args[2:]; len(args) > 0 && args[0][0] != '-'; args = args[1:] {
			to = append(to, args[0])
		}
		var s spec
		if err := s.parse(args); err != nil {
			return err
		}
		r, err := measure(c, to, s)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	return fmt.Errorf("no such role: %s", args[0])
}

// spec is what is measured: messages, or the bytes of a stream.
type spec struct {
	size     int           // of a message, with its number. Bytes; 0: a stream
	rate     float64       // of messages a second; 0: each after the acknowledgement of the one before; flood
	duration time.Duration // of sending
}

// flood is the rate of as many as go.
const flood = -1

func (s *spec) parse(args []string) error {
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.IntVar(&s.size, "size", 0, "of a message, 8 to 1200 bytes; 0: a stream of bytes")
	f.Float64Var(&s.rate, "rate", 0, "messages a second; 0: one at a time, -1: as many as go")
	f.DurationVar(&s.duration, "duration", time.Second, "of the sending")
	if err := f.Parse(args); err != nil {
		return err
	}
	if s.size != 0 && (s.size < 8 || s.size > 1200) || s.duration <= 0 || f.NArg() > 0 {
		return errors.New("bad size or duration, or an argument after the flags")
	}
	return nil
}

// args is the opposite of parse.
func (s spec) args() []string {
	return []string{"--size", fmt.Sprint(s.size), "--rate", fmt.Sprint(s.rate), "--duration", s.duration.String()}
}

// result is what was measured. Times in seconds.
type result struct {
	Messages int     `json:"messages,omitempty"` // acknowledged
	P50      float64 `json:"p50,omitempty"`
	P99      float64 `json:"p99,omitempty"`
	Bytes    uint64  `json:"bytes,omitempty"` // delivered
	Elapsed  float64 `json:"elapsed"`
	CPU      float64 `json:"cpu"` // of both ends; of messages: of this one
}

// measure does what s says.
func measure(c contender, to []string, s spec) (result, error) {
	if s.size == 0 {
		return c.bulk(to[0], s.duration)
	}
	l, err := c.link(to, s.size)
	if err != nil {
		return result{}, err
	}
	defer l.Close()
	return messages(l, s)
}

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // no other cause than a wrong argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
