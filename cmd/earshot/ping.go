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

func pingCommand(o *options) *cobra.Command {
	p := pinger{}
	cmd := &cobra.Command{
		Use:   "ping NAME",
		Short: "Measure round trips over the secured channel",
		Long: `ping measures round trips to somebody over the secured channel, datagram and
acknowledgement, not the network's own echo. A ping that is lost is not sent again.

Exit codes: 0 at least one answer, 1 failure, 2 wrong usage, 3 no answer.`,
		Example: `  earshot ping bob
  earshot ping --count 100 --interval 20ms bob·7k3q`,
		Args:              oneArg("NAME", "ping one at a time"),
		ValidArgsFunction: o.completePeople(false),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if p.count < 1 || p.interval < 0 || p.timeout <= 0 {
				return usagef("--count, --interval and --timeout cannot be negative, nor --count and --timeout 0")
			}
			node, err := o.open(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			return p.run(cmd.Context(), node, args[0], cmd.OutOrStdout())
		}),
	}
	cmd.Flags().IntVar(&p.count, "count", 4, "`N` pings")
	cmd.Flags().DurationVar(&p.interval, "interval", 250*time.Millisecond, "pause between them")
	cmd.Flags().DurationVar(&p.timeout, "timeout", 5*time.Second, "how long to wait for NAME to be there, and for each answer")
	return cmd
}

type pinger struct {
	count             int
	interval, timeout time.Duration
}

func (p pinger) run(ctx context.Context, chat peer.Chat, who string, out io.Writer) error {
	name, err := p.find(ctx, chat, who)
	if err != nil {
		return err
	}
	var sent, answered int
	var least, sum, most time.Duration
	for sent < p.count && ctx.Err() == nil {
		if sent > 0 {
			select {
			case <-time.After(p.interval):
			case <-ctx.Done():
				continue
			}
		}
		sent++
		one, cancel := context.WithTimeout(ctx, p.timeout)
		rtt, err := chat.Ping(one, who)
		cancel()
		switch {
		case err == nil:
			fmt.Fprintf(out, "%s: %s\n", name, inMillis(rtt))
			if answered++; answered == 1 || rtt < least {
				least = rtt
			}
			sum, most = sum+rtt, max(most, rtt)
		case ctx.Err() != nil:
			sent-- // nobody had the time to answer that one
		case errors.Is(err, peer.ErrNoAnswer):
			fmt.Fprintf(out, "%s: no answer\n", name)
		default:
			return err
		}
	}
	if sent == 0 {
		return ctx.Err()
	}
	fmt.Fprintf(out, "%d sent, %d answered, %d %% lost\n", sent, answered, (sent-answered)*100/sent)
	if answered == 0 {
		return &failure{exitLate, nil}
	}
	fmt.Fprintf(out, "round trip: least %s, mean %s, most %s\n", inMillis(least), inMillis(sum/time.Duration(answered)), inMillis(most))
	return nil
}

// find waits until somebody of that name is there.
func (p pinger) find(ctx context.Context, chat peer.Chat, who string) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	feed, err := follow(ctx, chat)
	if err != nil {
		return "", err
	}
	var here present
	late := time.After(p.timeout)
	for {
		room, err := chat.Query(ctx, who)
		if err != nil && !errors.Is(err, peer.ErrUnknown) {
			return "", err
		}
		if one, online := here.people[room.With]; err == nil && online {
			return label(one.Name, one.ID), nil
		}
		select {
		case b := <-feed:
			for _, e := range b.events {
				if err := here.apply(ctx, chat, e); err != nil {
					return "", err
				}
			}
			if b.err != nil {
				return "", b.err
			}
		case <-late:
			return "", &failure{exitLate, fmt.Errorf("%s is not here, after %v: 'earshot peers' shows who is", ui.Safe(who), p.timeout)}
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
