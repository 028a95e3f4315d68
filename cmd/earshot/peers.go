package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"earshot/peer"
	"earshot/protocol"
	"earshot/ui"
)

func peersCommand(o *options) *cobra.Command {
	var asJSON bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "Show who is here",
		Long: `peers shows who is here, with address, round trip and loss of datagrams.

It listens for --for; a running earshot knows already, so with one it answers at once
unless --for is given. Those who were here within the last day are shown as offline.`,
		Example: `  earshot peers
  earshot peers --for 1s
  earshot peers --json | jq -r 'select(.state == "online") | .name'`,
		Args: noArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			if wait < 0 {
				return usagef("--for %v: less than nothing", wait)
			}
			node, err := o.open(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			if node.own || cmd.Flags().Changed("for") {
				select {
				case <-time.After(wait):
				case <-cmd.Context().Done(): // show what there is
				}
			}
			ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), openPatience)
			defer cancel()
			people, err := node.People(ctx)
			if err != nil {
				return err
			}
			people = lately(people, time.Now())
			if !someOnline(people) {
				if err := standing(ctx, node, cmd.ErrOrStderr()); err != nil {
					return err
				}
			}
			if asJSON {
				return peersJSON(cmd.OutOrStdout(), people)
			}
			return peersTable(cmd.OutOrStdout(), people)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	cmd.Flags().DurationVar(&wait, "for", 3*time.Second, "how long to listen")
	return cmd
}

// peerJSON is a person as `peers --json` tells it. The names of its fields are stable.
type peerJSON struct {
	Name  string          `json:"name"`
	Peer  protocol.PeerID `json:"peer"`
	Addr  netip.AddrPort  `json:"address"`
	RTT   float64         `json:"rtt_ms"`
	State string          `json:"state"` // online, away or offline
}

// lately leaves out who has not been here for a day: a profile remembers everybody it ever met.
func lately(people []peer.Person, now time.Time) []peer.Person {
	return slices.DeleteFunc(people, func(p peer.Person) bool { return !p.Online && now.Sub(p.Since) > 24*time.Hour })
}

func someOnline(people []peer.Person) bool {
	return slices.ContainsFunc(people, func(p peer.Person) bool { return p.Online })
}

func state(p peer.Person) string {
	switch {
	case !p.Online:
		return "offline"
	case p.Away != "":
		return "away"
	}
	return "online"
}

func peersJSON(w io.Writer, people []peer.Person) error {
	for _, p := range people {
		if err := writeJSON(w, peerJSON{p.Name, p.ID, p.Addr, millis(p.RTT), state(p)}); err != nil {
			return err
		}
	}
	return nil
}

func peersTable(w io.Writer, people []peer.Person) error {
	if !someOnline(people) {
		_, err := fmt.Fprintln(w, "nobody else is here")
		if err != nil || len(people) == 0 {
			return err
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSTATE\tADDRESS\tROUND TRIP\tLOSS")
	for _, p := range people {
		addr, rtt, loss := "-", "-", "-"
		if p.Online {
			addr, loss = p.Addr.String(), fmt.Sprintf("%.0f %%", p.Loss*100)
			if p.Interface != "" {
				addr += " " + ui.Safe(p.Interface)
			}
			if p.RTT > 0 {
				rtt = inMillis(p.RTT)
			}
		}
		st := state(p)
		if p.Online && p.Away != "" {
			st += " (" + ui.Safe(p.Away) + ")"
		}
		if p.Forked {
			st += ", key in use twice?"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", label(p.Name, p.ID), st, addr, rtt, loss)
	}
	return t.Flush()
}

// standing says what is wrong at present, which may be why nobody is here.
func standing(ctx context.Context, chat peer.Chat, complaints io.Writer) error {
	feed, err := chat.Feed(ctx)
	if err != nil {
		return err
	}
	defer feed.Close()
	events, err := feed.Next(ctx)
	for _, e := range events {
		if note, ok := e.(peer.Note); ok {
			complain(complaints, note)
		}
	}
	return err
}
