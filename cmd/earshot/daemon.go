package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"earshot/peer"
	"earshot/ui"
)

func daemonCommand(o *options) *cobra.Command {
	var unit bool
	cmd := &cobra.Command{
		Use:   "daemon",
		Short: "Stay without a screen, keep what is said and pass it on",
		Long: `daemon takes part without a screen until it is interrupted (SIGINT, SIGTERM). It keeps what is said, for you and
for those who are away, and passes it on to who comes back.

The commands of the same profile use it, and so does the chat: 'earshot' opens its screen on the daemon, which goes on
when you leave; should it end, the screen waits for the next one. What is wrong is told on standard error.

--print-unit prints a systemd user unit with this executable and the flags that stand beside it.`,
		Example: `  earshot daemon &
  earshot daemon --interface eth0 --print-unit > ~/.config/systemd/user/earshot.service
  systemctl --user daemon-reload && systemctl --user enable --now earshot
  loginctl enable-linger     # so that it also runs while you are not logged in`,
		Args: noArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if unit {
				return o.printUnit(cmd)
			}
			node, err := o.openDaemon(cmd.Context())
			if err != nil {
				return err
			}
			defer node.close()
			for _, note := range node.notes {
				fmt.Fprintf(cmd.ErrOrStderr(), "earshot: %s\n", note)
			}
			return attend(cmd.Context(), node, cmd.OutOrStdout(), cmd.ErrOrStderr())
		}),
	}
	cmd.Flags().BoolVar(&unit, "print-unit", false, "print a systemd user unit and do nothing else")
	return cmd
}

// openDaemon starts a node for everybody of the profile. A command that has the profile for a moment is waited for.
func (o *options) openDaemon(ctx context.Context) (*opened, error) {
	for patience := time.After(openPatience); ; {
		p, err := lockProfile(o.home, o.profile)
		if err == nil {
			return o.start(ctx, p, roleDaemon, 0)
		}
		if !errors.Is(err, errInUse) {
			return nil, err
		}
		what := "another earshot"
		switch r, role := o.present(); {
		case r != nil && role != roleCommand:
			_ = r.Close()
			what = "a " + role
		default:
			if r != nil {
				_ = r.Close()
			}
			select {
			case <-time.After(20 * time.Millisecond):
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-patience:
			}
		}
		return nil, fmt.Errorf("profile %s is open in %s already: end that one first, or take another --profile", o.profile, what)
	}
}

// attend tells what is wrong until ctx ends, which is how a daemon ends well.
func attend(ctx context.Context, node *opened, out, complaints io.Writer) error {
	feed, err := follow(ctx, node)
	if err != nil {
		return err
	}
	for b := range feed {
		for _, e := range b.events {
			switch e := e.(type) {
			case peer.Ready:
				if _, err := fmt.Fprintf(out, "earshot: here as %s, profile %s, port %d\n", label(e.Self.Name, e.Self.ID), node.profile, e.Status.Port); err != nil {
					return err
				}
			case peer.Note:
				if e.Trouble {
					fmt.Fprintf(complaints, "earshot: %s\n", ui.Safe(e.Text))
				}
			}
		}
		if b.err != nil && ctx.Err() == nil {
			return b.err
		}
	}
	return nil
}

// present is the instance that has the profile and what it is. The control file alone may be of one that has crashed.
func (o *options) present() (*peer.Remote, string) {
	path, role, err := readControl(o.home, o.profile)
	if err != nil {
		return nil, ""
	}
	r, err := peer.Dial(path)
	if err != nil {
		return nil, ""
	}
	return r, role
}
