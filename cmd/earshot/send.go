package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"earshot/peer"
	"earshot/protocol"
)

// sendWindow is how many lines of standard input may be on their way at once.
const sendWindow = 256

func sendCommand(o *options) *cobra.Command {
	var to, wait string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "send [--to NAME|#room] TEXT|-",
		Short: "Say something and report who has it",
		Long: `send says TEXT, or with - each line of standard input, and reports who has stored it.

It speaks as soon as the addressee is there; in a room as soon as N people are there
(--wait N), or when nobody new has come for 300 ms (--wait all). Who is away gets it once they are
back and this profile runs again, or from others; that is not waited for, and 1 of 2 says so.
A bare name waits those 300 ms too, in case two people share it: name·key does not.

Exit codes: 0 delivered as asked, 1 failure, 2 wrong usage, 3 stored but not delivered in time.`,
		Example: `  earshot send 'the coffee is ready'
  earshot send --to bob 'did you mean me?'
  earshot send --to '#go' --wait all --timeout 2s 'release at four'
  make 2>&1 | earshot send --to '#builds' -`,
		Args: oneArg("TEXT", "put quotes around the whole text"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			s := &sender{to: to, need: 1, timeout: timeout, out: cmd.OutOrStdout(), complain: cmd.ErrOrStderr()}
			if s.to == "" || s.to == "#" || s.to == "@" {
				return usagef("--to needs a name or a #room")
			}
			if err := checkRoom("--to ", s.to); err != nil {
				return err
			}
			if wait == "all" {
				s.need = everybody
			} else if n, err := strconv.Atoi(wait); err == nil && n > 0 {
				s.need = n
			} else {
				return usagef("--wait %s: a number from 1, or all", wait)
			}
			if !s.toRoom() && s.need > 1 {
				return usagef("--wait %s: only one can have a direct message", wait)
			}
			if timeout <= 0 {
				return usagef("--timeout %v: more than nothing is needed", timeout)
			}
			var input io.Reader = strings.NewReader(args[0])
			whole := args[0] != "-"
			if !whole {
				input = os.Stdin
			} else if strings.TrimSpace(args[0]) == "" {
				return usagef("there is nothing to say")
			} else if len(args[0]) > protocol.MaxText {
				return fmt.Errorf("the text has %d bytes, %d are possible", len(args[0]), protocol.MaxText)
			}
			node, err := o.open(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			s.unkept = node.own && (o.noHistory || len(node.trouble) > 0)
			return s.run(cmd.Context(), node, node.own, readTexts(cmd.Context(), input, whole))
		}),
	}
	cmd.Flags().StringVar(&to, "to", "#"+peer.Lobby, "`NAME` of a person, or #room")
	cmd.Flags().StringVar(&wait, "wait", "1", "be content when `N` people, or all, have it")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long to wait for that")
	_ = cmd.RegisterFlagCompletionFunc("to", o.completePeople(true))
	_ = cmd.RegisterFlagCompletionFunc("wait", cobra.FixedCompletions([]string{"1", "all"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// everybody is the need of --wait all: all of the audience that are there.
const everybody = -1

// sender says texts and follows them to those who store them.
type sender struct {
	to            string
	need          int
	unkept        bool // the node has its lines in memory, and ends with this command
	timeout       time.Duration
	out, complain io.Writer

	chat    peer.Chat
	present present
	open    bool // there was somebody to speak to, or no time left to wait for one
	pending []*saying
	late    bool // something was not delivered in time
}

// saying is a line on its way.
type saying struct {
	id       uuid.UUID
	room     peer.Room
	until    time.Time
	audience int
	present  []protocol.PeerID // of the audience, when it was said
	have     []peer.Delivered
}

func (s *sender) toRoom() bool { return strings.HasPrefix(s.to, "#") }

// run says what input gives and waits for it to arrive. It is the whole command but for its flags.
func (s *sender) run(ctx context.Context, chat peer.Chat, own bool, input <-chan text) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.chat = chat
	feed, err := follow(ctx, chat)
	if err != nil {
		return err
	}
	if leave, err := s.enter(ctx, feed); err != nil {
		return err
	} else if leave && !own { // a node of our own leaves as a whole
		defer func() { _ = chat.Part(context.WithoutCancel(ctx), s.to) }()
	}

	var next *text // waits for somebody to hear it
	var failed error
	for {
		if next != nil {
			spoken, wake, err := s.say(ctx, *next)
			if err != nil {
				return err
			}
			if spoken {
				next = nil
				continue
			}
			err = s.wait(ctx, feed, wake)
			if err != nil {
				return err
			}
			continue
		}
		s.expire(time.Now())
		if input == nil && len(s.pending) == 0 {
			break
		}
		more := input
		if len(s.pending) >= sendWindow {
			more = nil
		}
		select {
		case t, ok := <-more:
			switch {
			case !ok:
				input = nil
			case t.err != nil:
				failed, input = t.err, nil
			default:
				next = &t
			}
		case b := <-feed:
			if err := s.apply(ctx, b); err != nil {
				return err
			}
		case <-s.deadline():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if failed == nil && s.late {
		return &failure{exitLate, nil}
	}
	return failed
}

// enter reads how things stand and joins the room. leave: we were not in it before.
func (s *sender) enter(ctx context.Context, feed <-chan batch) (leave bool, err error) {
	if err := s.wait(ctx, feed, time.Time{}); err != nil {
		return false, err
	}
	if !s.toRoom() {
		return false, nil
	}
	room, err := s.chat.Join(ctx, s.to)
	if err != nil {
		return false, err
	}
	leave = !s.present.joined(room.Name)
	s.to = room.Name
	return leave, nil
}

// wait takes in one batch, or returns at wake (never, if zero).
func (s *sender) wait(ctx context.Context, feed <-chan batch, wake time.Time) error {
	var alarm <-chan time.Time
	if !wake.IsZero() {
		alarm = time.After(time.Until(wake))
	}
	select {
	case b := <-feed:
		return s.apply(ctx, b)
	case <-alarm:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *sender) apply(ctx context.Context, b batch) error {
	for _, e := range b.events {
		if err := s.present.apply(ctx, s.chat, e); err != nil {
			return err
		}
		switch e := e.(type) {
		case peer.Delivered:
			s.delivered(e)
		case peer.Note:
			complain(s.complain, e)
		}
	}
	if errors.Is(b.err, peer.ErrClosed) {
		return errors.New("the running earshot has ended before everything was delivered")
	}
	return b.err
}

// say says t if somebody is there to hear it, or if they did not come in time. Otherwise it is worth
// another try at wake, or after the next event.
func (s *sender) say(ctx context.Context, t text) (spoken bool, wake time.Time, err error) {
	now, until := time.Now(), t.at.Add(s.timeout)
	if !s.open && now.Before(until) {
		settled, err := s.audience(ctx)
		if err != nil {
			return false, wake, err
		}
		switch {
		case settled.IsZero():
			return false, until, nil
		case settled.After(now):
			return false, settled, nil
		}
	}
	s.open = true
	m, err := s.chat.Say(ctx, s.to, t.text, false)
	if errors.Is(err, peer.ErrUnknown) {
		return false, wake, fmt.Errorf("%w after %v: 'earshot peers' shows who is here", err, s.timeout)
	}
	if err != nil {
		return false, wake, err
	}
	s.pending = append(s.pending, &saying{id: m.ID, room: m.Room, until: until, audience: m.Audience, present: s.addressees()})
	return true, wake, nil
}

// audience is when those who are to hear a text are there for good: zero as long as they are not there at all.
func (s *sender) audience(ctx context.Context) (time.Time, error) {
	if s.toRoom() {
		n, newest := s.present.in(s.to)
		switch {
		case s.need == everybody && n > 0:
			return newest.Add(settleTime), nil
		case s.need == everybody || n < s.need:
			return time.Time{}, nil
		}
		return newest, nil
	}
	room, err := s.chat.Query(ctx, s.to)
	switch {
	case errors.Is(err, peer.ErrUnknown):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	one, online := s.present.people[room.With]
	switch _, err := protocol.ParsePeerID(strings.TrimPrefix(s.to, "@")); {
	case !online:
		return time.Time{}, nil
	case err == nil || strings.Contains(s.to, "·"):
		return one.Since, nil
	}
	return s.present.newest().Add(settleTime), nil // another one of that name may be about to come
}

// addressees is who is there to hear what is said now. Those who are away get it too, but nobody waits for them.
func (s *sender) addressees() []protocol.PeerID {
	if !s.toRoom() {
		return nil
	}
	return s.present.members(s.to)
}

// delivered takes somebody's word that they have a line.
func (s *sender) delivered(d peer.Delivered) {
	i := slices.IndexFunc(s.pending, func(p *saying) bool { return p.id == d.ID })
	if i < 0 {
		return
	}
	p := s.pending[i]
	p.have = append(p.have, d)
	enough := len(p.have) >= s.need
	if s.need == everybody {
		enough = p.audience > 0 && !slices.ContainsFunc(p.present, func(id protocol.PeerID) bool {
			return !slices.ContainsFunc(p.have, func(d peer.Delivered) bool { return d.Peer == id })
		})
	}
	if enough {
		p.report(s.out)
		s.pending = slices.Delete(s.pending, i, i+1)
	}
}

// expire gives up on what was not delivered in time.
func (s *sender) expire(now time.Time) {
	s.pending = slices.DeleteFunc(s.pending, func(p *saying) bool {
		if now.Before(p.until) {
			return false
		}
		s.late = true
		if len(p.have) > 0 {
			p.report(s.out)
		}
		fate := "stored, but"
		if s.unkept {
			fate = "not kept, and"
		}
		fmt.Fprintf(s.complain, "earshot: %s: %s after %v only %d of %s have it\n", roomName(p.room), fate, s.timeout, len(p.have), s.wanted(p))
		return true
	})
}

// wanted is the number of those who were to have p, in words.
func (s *sender) wanted(p *saying) string {
	switch {
	case s.need != everybody:
		return strconv.Itoa(s.need)
	case len(p.present) == 0:
		return "all (nobody was there)"
	}
	return strconv.Itoa(max(p.audience, len(p.present)))
}

// deadline fires when the first line on its way is late.
func (s *sender) deadline() <-chan time.Time {
	if len(s.pending) == 0 {
		return nil
	}
	first := slices.MinFunc(s.pending, func(a, b *saying) int { return a.until.Compare(b.until) })
	return time.After(time.Until(first.until))
}

// report says who has the line.
func (p *saying) report(w io.Writer) {
	who := make([]string, len(p.have))
	for i, d := range p.have {
		who[i] = label(d.Name, d.Peer) + " in " + inMillis(d.After)
	}
	count := ""
	if !p.room.Direct() {
		count = fmt.Sprintf(" (%d of %d)", len(p.have), max(p.audience, len(p.have)))
	}
	fmt.Fprintf(w, "%s: delivered to %s%s\n", roomName(p.room), strings.Join(who, ", "), count)
}
