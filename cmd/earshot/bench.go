package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"earshot/peer"
	"earshot/ui"
)

func benchCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the channel to somebody who serves benches",
		Long: `bench measures what the secured channel to somebody carries, like iperf for a LAN:
how long messages take, or how fast a stream goes. Nothing of it is kept.

One side serves: earshot bench serve. The other runs: earshot bench run --to NAME.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(benchServeCommand(o), benchRunCommand(o))
	return cmd
}

func benchServeCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Answer the benches of others until interrupted",
		Long: `bench serve answers 'earshot bench run' of everybody on the network, until it is
interrupted. Without it nobody can use this machine for a measurement.`,
		Args: noArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			node, err := o.open(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			feed, err := node.Feed(ctx)
			if err != nil {
				return err
			}
			defer feed.Close()
			go func() {
				for {
					events, err := feed.Next(ctx)
					if err != nil {
						return
					}
					for _, e := range events {
						if r, ok := e.(peer.Ready); ok {
							fmt.Fprintf(cmd.ErrOrStderr(), "earshot: serving benches as %s; Ctrl+C ends it\n", label(r.Self.Name, r.Self.ID))
						}
					}
				}
			}()
			return node.ServeBench(ctx)
		}),
	}
}

// bencher is one run as the command line asks for it.
type bencher struct {
	to       string
	messages int
	size     int
	sized    bool // by whoever asks
	rate     string
	bytes    string
	duration time.Duration
	timeout  time.Duration
	asJSON   bool
}

func benchRunCommand(o *options) *cobra.Command {
	b := bencher{}
	cmd := &cobra.Command{
		Use:   "run --to NAME",
		Short: "Measure the channel to NAME",
		Long: `bench run measures the channel to somebody who has 'earshot bench serve' running:
with --messages, how long each takes until the other side's program has answered it;
otherwise how fast a stream of bytes goes.

Messages go one at a time, each after the answer to the one before, or --rate a second,
or with --rate max as many as the channel takes. Without any bound a stream goes for 10 s.

--to all measures messages to everybody who serves: each is broadcast once, unsigned, and
answered when the last of them has answered. It begins when nobody new has come for a second.

Processor time is that of both programs. A gigabyte is 10^9 bytes.

Exit codes: 0 measured, 1 failure, 2 wrong usage, 3 NAME is not here or serves no benches.`,
		Example: `  earshot bench run --to bob
  earshot bench run --to bob --bytes 64MiB
  earshot bench run --to bob --messages 1000
  earshot bench run --to bob --messages 2000 --rate 200 --json
  earshot bench run --to all --messages 100000 --rate max`,
		Args: noArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			b.sized = cmd.Flags().Changed("size")
			spec, err := b.spec()
			if err != nil {
				return err
			}
			node, err := o.open(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			return b.run(cmd.Context(), node, spec, cmd.OutOrStdout(), cmd.ErrOrStderr())
		}),
	}
	f := cmd.Flags()
	f.StringVar(&b.to, "to", "", "`NAME` of who serves, or all")
	f.IntVar(&b.messages, "messages", 0, "`N` messages")
	f.IntVar(&b.size, "size", 100, "`BYTES` of each message")
	f.StringVar(&b.rate, "rate", "", "`R` messages a second, or max")
	f.StringVar(&b.bytes, "bytes", "", "`SIZE` of the stream, such as 64MiB")
	f.DurationVar(&b.duration, "duration", 0, "end after this time")
	f.DurationVar(&b.timeout, "timeout", 5*time.Second, "how long to wait for NAME to be there")
	f.BoolVar(&b.asJSON, "json", false, "print one JSON object")
	return cmd
}

// spec checks what was asked for.
func (b *bencher) spec() (s peer.BenchSpec, err error) {
	s = peer.BenchSpec{Mark: rand.Uint64(), All: b.to == "all", Messages: b.messages, Size: b.size, Duration: b.duration}
	switch {
	case b.to == "":
		return s, usagef("--to NAME says to whom: 'earshot peers' shows who is here")
	case b.messages < 0 || b.size < 0 || b.size > peer.MaxBenchMessage:
		return s, usagef("--messages cannot be negative, and --size goes from 0 to %d", peer.MaxBenchMessage)
	case s.All && b.messages == 0:
		return s, usagef("--to all is for messages: say how many with --messages")
	case b.messages > 0 && b.bytes != "":
		return s, usagef("--messages or --bytes, not both")
	case b.messages == 0 && b.sized:
		return s, usagef("--size is of messages: say how many with --messages")
	case b.messages == 0 && b.rate != "":
		return s, usagef("--rate is of messages: say how many with --messages")
	case b.duration < 0 || b.timeout <= 0:
		return s, usagef("--duration cannot be negative, nor --timeout 0")
	}
	switch rate, err := strconv.ParseFloat(b.rate, 64); {
	case b.rate == "":
	case b.rate == "max":
		s.Rate = peer.BenchFlood
	case err != nil || !(rate >= peer.MinBenchRate && rate <= peer.MaxBenchRate):
		return s, usagef("--rate %s: %v to %.0f messages a second, or max", ui.Safe(b.rate), peer.MinBenchRate, peer.MaxBenchRate)
	default:
		s.Rate = rate
	}
	if b.bytes != "" {
		n, err := humanize.ParseBytes(b.bytes)
		if err != nil || n == 0 || n > math.MaxInt64 {
			return s, usagef("--bytes %s: a size such as 500kB or 64MiB", ui.Safe(b.bytes))
		}
		s.Bytes = int64(n)
	}
	if s.Messages == 0 && s.Bytes == 0 && s.Duration == 0 {
		s.Duration = 10 * time.Second
	}
	return s, nil
}

func (b *bencher) run(ctx context.Context, chat peer.Chat, spec peer.BenchSpec, out, messages io.Writer) error {
	name := "all"
	var err error
	if spec.All {
		err = b.gather(ctx, chat)
	} else {
		name, err = pinger{timeout: b.timeout}.find(ctx, chat, b.to)
	}
	if err != nil {
		return err
	}
	var watching chan struct{}
	over, stop := context.WithCancel(ctx)
	if f, ok := messages.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !b.asJSON {
		watching = make(chan struct{})
		go func() {
			defer close(watching)
			watchBench(over, chat, spec, name, f)
		}()
	}
	report, err := chat.Bench(ctx, b.to, spec)
	if err == nil && report.Elapsed == 0 {
		err = ctx.Err() // it was ended before it began
	}
	stop()
	if watching != nil {
		<-watching
	}
	switch {
	case errors.Is(err, peer.ErrNoBench) && spec.All:
		return &failure{exitLate, errors.New("nobody serves benches: run 'earshot bench serve' elsewhere")}
	case errors.Is(err, peer.ErrNoBench):
		return &failure{exitLate, fmt.Errorf("%s serves no benches: run 'earshot bench serve' there", name)}
	case errors.Is(err, peer.ErrNoAnswer):
		return &failure{exitLate, fmt.Errorf("%s has gone", name)}
	case err != nil:
		return err
	}
	r := newBenchResult(name, spec, report)
	if b.asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	return r.print(out)
}

// gather waits until somebody is there, and nobody new has come for a second.
func (b *bencher) gather(ctx context.Context, chat peer.Chat) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	feed, err := follow(ctx, chat)
	if err != nil {
		return err
	}
	var here present
	late := time.After(b.timeout)
	quiet := time.NewTimer(time.Second)
	for known := 0; ; {
		if n := len(here.people); n != known {
			known = n
			quiet.Reset(time.Second)
		}
		select {
		case got := <-feed:
			for _, e := range got.events {
				if err := here.apply(ctx, chat, e); err != nil {
					return err
				}
			}
			if got.err != nil {
				return got.err
			}
		case <-quiet.C:
			if known > 0 {
				return nil
			}
		case <-late:
			if known > 0 {
				return nil
			}
			return &failure{exitLate, fmt.Errorf("nobody is here, after %v: 'earshot peers' shows who is", b.timeout)}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watchBench draws how far a run has come.
func watchBench(ctx context.Context, chat peer.Chat, spec peer.BenchSpec, name string, out io.Writer) {
	most, options := int64(spec.Duration), []progressbar.Option{
		progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("to " + name), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(true), progressbar.OptionFullWidth(),
	}
	done := func(r peer.BenchReport) int64 { return int64(r.Elapsed) }
	switch {
	case spec.Messages > 0:
		most, done = int64(spec.Messages), func(r peer.BenchReport) int64 { return r.Messages }
	case spec.Bytes > 0:
		most, done = spec.Bytes, func(r peer.BenchReport) int64 { return r.Bytes }
		options = append(options, progressbar.OptionShowBytes(true))
	}
	bar := progressbar.NewOptions64(most, options...)
	defer func() { _ = bar.Finish() }()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		reports, err := chat.BenchProgress(ctx)
		if err != nil {
			continue
		}
		for _, r := range reports {
			if r.Mark == spec.Mark { // a profile's node may have others
				_ = bar.Set64(min(done(r), most))
			}
		}
	}
}
