// Command earshot is a chat for everybody on one LAN, without a server.
//
// One file holds one subcommand; open.go holds all wiring. A subcommand asks open.go for a peer.Chat and does not
// know whether the node behind it runs in this process or in another one that has the profile.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run())
}

func run() int {
	// A reader of our output that goes away is an error of the write, so that we still leave properly.
	signal.Ignore(syscall.SIGPIPE)
	leave := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		leave = append(leave, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), leave...)
	defer stop()
	context.AfterFunc(ctx, stop) // whoever asks twice does not wait for the Close frames
	return execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitLate    = 3 // stored but not delivered in time; no answer
)

// failure is an error that came while a command ran, with its exit code. Every other error is one of usage.
type failure struct {
	code int
	err  error // nil: everything has been said already
}

func (f *failure) Error() string {
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// usage is an error in what the command was asked, found while it ran.
type usage struct{ error }

func usagef(format string, args ...any) error { return usage{fmt.Errorf(format, args...)} }

// action makes a function cobra's, with its errors told apart from cobra's own, which are all of usage.
func action(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		switch {
		case err == nil || errors.As(err, new(*failure)) || errors.As(err, new(usage)):
			return err
		case errors.Is(err, syscall.EPIPE):
			return &failure{exitFailure, nil}
		case errors.Is(err, context.Canceled) && cmd.Context().Err() != nil:
			return &failure{exitFailure, errors.New("interrupted")}
		}
		return &failure{exitFailure, err}
	}
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var f *failure
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &f):
		if f.err != nil {
			fmt.Fprintf(stderr, "earshot: %v\n", f.err)
		}
		return f.code
	}
	fmt.Fprintf(stderr, "earshot: %v\nsee '%s --help'\n", err, cmd.CommandPath())
	return exitUsage
}

func rootCommand() *cobra.Command {
	o := defaults()
	root := &cobra.Command{
		Use:   "earshot",
		Short: "A chat for everybody on this LAN, without a server",
		Long: `earshot opens a chat with everybody on this LAN who has it open too.
There is no server and no account, and nothing to set up.

A running earshot has its profile for itself: the commands use it, and a second
earshot takes the next free profile (2, 3 …) by itself. Beside 'earshot daemon',
which stays without a screen, it opens the daemon's.

Files: a folder for each profile in --home. Its key is who you are, keep it secret;
history.db is what was said, for 90 days: see 'earshot history', export and forget.
How long, and other settings: see 'earshot config'.
Exit codes: 0 done, 1 failure, 2 wrong usage, 3 nobody answered in time.`,
		Example: `  earshot                            open the chat
  earshot --name alice               under another name, this time
  earshot --interface eth0           on one interface only
  earshot --peer 192.168.7.20        with somebody beyond this LAN's broadcasts
  earshot send 'the coffee is ready'
  earshot history printer --from bob
  earshot listen --json | jq .text`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          action(func(cmd *cobra.Command, _ []string) error { return chat(cmd, o) }),
	}
	root.SetFlagErrorFunc(flagError)
	o.register(root)
	root.AddCommand(
		sendCommand(o), listenCommand(o), peersCommand(o), pingCommand(o),
		historyCommand(o), exportCommand(o), importCommand(o), forgetCommand(o), daemonCommand(o),
		configCommand(o), benchCommand(o),
	)
	return root
}
