package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"earshot/peer"
	"earshot/ui"
)

func listenCommand(o *options) *cobra.Command {
	l := listener{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Print what arrives, a line each",
		Long: `listen prints what is said, and who comes and goes, until it is interrupted
or has printed --count messages.

What was said before listen came is history: --backlog N prints up to N messages of it first.
With --room it prints that room only, and enters it for the time; --room bob is the
conversation with bob. If nobody is there yet, it says so on standard error, and waits.

--json prints one object a line, with these fields:
  {"type":"message","id","room","from","peer","text","time"}   room is "@bob" in a conversation with bob;
                                                  "action":true was said with /me
  {"type":"joined","peer","name","address"}
  {"type":"left","peer","name","address","reason"}
  {"type":"delivered","id","peer"}                peer has stored the own message id`,
		Example: `  earshot listen
  earshot listen --json | jq -r 'select(.type == "message") | .from + ": " + .text'
  earshot listen --room '#builds' --count 1 && make deploy`,
		Args: noArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			switch {
			case cmd.Flags().Changed("count") && l.count < 1:
				return usagef("--count %d: at least 1", l.count)
			case l.backlog < 0:
				return usagef("--backlog %d: less than nothing", l.backlog)
			}
			if err := checkRoom("--room ", l.room); err != nil {
				return err
			}
			l.show = printText
			if asJSON {
				l.show = printJSON
			}
			l.out, l.complain = cmd.OutOrStdout(), cmd.ErrOrStderr()
			for {
				node, err := o.open(cmd)
				if errors.Is(err, context.Canceled) {
					return nil
				}
				if err != nil {
					return err
				}
				err = l.run(cmd.Context(), node, node.own)
				node.close()
				switch {
				case err == nil || cmd.Context().Err() != nil:
					return nil
				case errors.Is(err, peer.ErrClosed) && !node.own:
					l.backlog = 0 // go on without the instance that has ended
				default:
					return err
				}
			}
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	cmd.Flags().StringVar(&l.room, "room", "", "this `ROOM` only: #name, or a person")
	cmd.Flags().IntVar(&l.count, "count", 0, "end after `N` messages")
	cmd.Flags().IntVar(&l.backlog, "backlog", 0, "print up to `N` older messages first")
	_ = cmd.RegisterFlagCompletionFunc("room", o.completePeople(true))
	return cmd
}

// How long --backlog waits for history from others: until nothing has come for backlogQuiet,
// at least backlogLeast and at most backlogMost.
const (
	backlogQuiet = 500 * time.Millisecond
	backlogLeast = time.Second
	backlogMost  = 5 * time.Second
)

// listener is the whole command but for its flags.
type listener struct {
	room           string
	count, backlog int
	out            io.Writer
	show           func(io.Writer, peer.Event) error
	complain       io.Writer

	chat    peer.Chat
	present present
	only    peer.Room // if room is set, once it is known
	printed int       // messages
	seen    map[uuid.UUID]bool
}

// errEnough ends a listener that has printed what it was to.
var errEnough = errors.New("enough")

func (l *listener) run(ctx context.Context, chat peer.Chat, own bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.chat, l.seen = chat, map[uuid.UUID]bool{}
	feed, err := follow(ctx, chat)
	if err != nil {
		return err
	}
	first, ok := <-feed
	if !ok {
		return ctx.Err()
	}
	// The rest of the first batch is printed below, when the room is known.
	if err := l.apply(ctx, first.events[:min(1, len(first.events))]); err != nil || first.err != nil {
		return errors.Join(err, first.err)
	}
	if strings.HasPrefix(l.room, "#") {
		entered, err := chat.Join(ctx, l.room)
		if err != nil {
			return err
		}
		l.only = entered
		if !own && !l.present.joined(entered.Name) { // a node of our own leaves as a whole
			defer func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
				defer cancel()
				_ = chat.Part(ctx, entered.Name)
			}()
		}
	}
	err = l.listen(ctx, feed, first.events[min(1, len(first.events)):], own)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (l *listener) listen(ctx context.Context, feed <-chan batch, events []peer.Event, own bool) error {
	if l.backlog > 0 {
		later, err := l.gather(ctx, feed, own)
		events = append(events, later...)
		if err != nil {
			return err
		}
		if err := l.printBacklog(ctx); err != nil {
			return err
		}
	}
	unheard := time.NewTimer(settleTime) // until those who are here have been met
	defer unheard.Stop()
	if l.room == "" {
		unheard.Stop()
	}
	for {
		for _, e := range events {
			if err := l.event(ctx, e); err != nil {
				return err
			}
		}
		select {
		case <-unheard.C:
			events = nil
			if err := l.alone(ctx); err != nil {
				return err
			}
		case b, ok := <-feed:
			if !ok {
				return ctx.Err()
			}
			if b.err != nil {
				return b.err
			}
			events = b.events
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// alone says so if nobody is there who could be heard, since a name may be misspelt, and what else there is.
func (l *listener) alone(ctx context.Context) error {
	var others []string
	what := "nobody else is in " + l.only.Name
	if strings.HasPrefix(l.room, "#") {
		if n, _ := l.present.in(l.only.Name); n > 0 {
			return nil
		}
		rooms, err := l.chat.PublicRooms(ctx)
		if err != nil {
			return err
		}
		for _, r := range rooms {
			if n, _ := l.present.in(r.Name); n > 0 {
				others = append(others, fmt.Sprintf("%s (%d)", r.Name, n))
			}
		}
	} else {
		if l.wanted(ctx, peer.Room{}) {
			return nil
		}
		what = "nobody is called " + l.room
		for _, p := range l.present.people {
			others = append(others, label(p.Name, p.ID))
		}
		slices.Sort(others)
	}
	if len(others) == 0 {
		others = []string{"nobody"}
	}
	_, err := fmt.Fprintf(l.complain, "earshot: %s yet, waiting; here are: %s\n", ui.Safe(what), ui.Safe(strings.Join(others, ", ")))
	return err
}

// gather waits for history to come in and returns the events of that time, which are still to be printed.
func (l *listener) gather(ctx context.Context, feed <-chan batch, own bool) (later []peer.Event, err error) {
	if !own { // the running instance has what there is
		return nil, nil
	}
	start := time.Now()
	quiet := start
	for {
		until := quiet.Add(backlogQuiet)
		if least := start.Add(backlogLeast); until.Before(least) {
			until = least
		}
		if most := start.Add(backlogMost); until.After(most) {
			until = most
		}
		select {
		case b := <-feed:
			quiet = time.Now()
			later = append(later, b.events...)
			if err := l.apply(ctx, b.events); err != nil || b.err != nil {
				return later, errors.Join(err, b.err)
			}
		case <-time.After(time.Until(until)):
			return later, nil
		case <-ctx.Done():
			return later, ctx.Err()
		}
	}
}

// printBacklog prints the newest messages of the rooms that are listened to. Those of one room are in its order.
func (l *listener) printBacklog(ctx context.Context) error {
	rooms := l.present.rooms
	if l.room != "" {
		if !l.wanted(ctx, peer.Room{}) { // the person is not known yet
			return nil
		}
		rooms = []peer.Room{l.only}
	}
	var all []peer.Message
	for _, r := range rooms {
		page, err := l.chat.History(ctx, r.ID, peer.Place{}, l.backlog)
		if err != nil {
			return err
		}
		all = append(all, page...)
	}
	if len(rooms) > 1 {
		slices.SortStableFunc(all, func(a, b peer.Message) int { return a.Time.Compare(b.Time) })
	}
	for _, m := range all[max(0, len(all)-l.backlog):] {
		if err := l.message(m); err != nil {
			return err
		}
	}
	return nil
}

// apply keeps up who is here and in which rooms we are.
func (l *listener) apply(ctx context.Context, events []peer.Event) error {
	for _, e := range events {
		if err := l.present.apply(ctx, l.chat, e); err != nil {
			return err
		}
		if ready, ok := e.(peer.Ready); ok && l.room == "" {
			for _, p := range ready.People {
				if p.Online {
					if err := l.show(l.out, peer.Joined{Person: p}); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// event prints one event, if it is wanted.
func (l *listener) event(ctx context.Context, e peer.Event) error {
	if left, ok := e.(peer.Left); ok && !left.Person.Addr.IsValid() { // say where they were
		left.Person.Addr = l.present.people[left.Person.ID].Addr
		e = left
	}
	if err := l.present.apply(ctx, l.chat, e); err != nil {
		return err
	}
	switch e := e.(type) {
	case peer.Message:
		if !e.Old && !e.Missed && l.wanted(ctx, e.Room) {
			return l.message(e)
		}
	case peer.Delivered:
		if l.wanted(ctx, e.Room) {
			return l.show(l.out, e)
		}
	case peer.Joined, peer.Left:
		if l.room == "" {
			return l.show(l.out, e)
		}
	case peer.Note:
		complain(l.complain, e)
	case peer.Resync:
		fmt.Fprintf(l.complain, "earshot: %d events are not shown, the output was too slow\n", e.Dropped)
	}
	return nil
}

// wanted tells whether a room is listened to. A person's conversation is known once the person is.
func (l *listener) wanted(ctx context.Context, r peer.Room) bool {
	if l.room == "" {
		return true
	}
	if l.only.Name == "" {
		if room, err := l.chat.Query(ctx, l.room); err == nil {
			l.only = room
		}
	}
	return l.only.Name != "" && (r == peer.Room{} || r.ID == l.only.ID)
}

// message prints a message once and counts it.
func (l *listener) message(m peer.Message) error {
	if l.seen[m.ID] {
		return nil
	}
	if l.backlog > 0 { // else nothing comes twice
		l.seen[m.ID] = true
	}
	if err := l.show(l.out, m); err != nil {
		return err
	}
	if l.printed++; l.printed == l.count {
		return errEnough
	}
	return nil
}
