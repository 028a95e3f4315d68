package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/ui"
)

func exportCommand(o *options) *cobra.Command {
	var form, room, output string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write what was said to a file",
		Long: `export writes all that this profile has stored, room by room: to read (text, markdown) or to keep
(jsonl). It reads the disk, beside a running earshot too, and needs no network.

jsonl is one JSON object a line, which 'earshot import' reads:
  {"type":"message","id","room","with","from","peer","text","time","raw"}
                    with is the other one's key in a conversation of two; "action":true was said with /me;
                    raw is the entry as its author signed it, which proves the rest
  {"type":"topic", …}                    text is the room's topic from then on
  {"type":"entry", … without text}       something that only others can read

The file has private conversations in it: it is written with mode 0600.`,
		Example: `  earshot export -o lobby.txt --room '#lobby'
  earshot export --format markdown > talk.md
  earshot export --format jsonl -o archive.jsonl`,
		Args: noArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			begin, ok := formats[form]
			if !ok {
				return usagef("--format %s: text, jsonl or markdown", form)
			}
			if err := checkRoom("--room ", room); err != nil {
				return err
			}
			if err := o.check(); err != nil {
				return err
			}
			a, err := o.openArchive()
			if err != nil {
				return err
			}
			defer a.close()
			rooms := a.rooms()
			if room != "" {
				one, err := a.find(room)
				if err != nil {
					return err
				}
				rooms = []peer.Room{one}
			}
			if output == "" || output == "-" {
				return export(cmd.Context(), a, rooms, begin, cmd.OutOrStdout(), cmd.ErrOrStderr())
			}
			return replaceFile(output, func(w io.Writer) error {
				return export(cmd.Context(), a, rooms, begin, w, cmd.ErrOrStderr())
			})
		}),
	}
	f := cmd.Flags()
	f.StringVar(&form, "format", "text", "`FORMAT`: text, jsonl or markdown")
	f.StringVar(&room, "room", "", "this `ROOM` only: #name, or a person")
	f.StringVarP(&output, "output", "o", "", "write to `FILE`, once it is complete (default: standard output)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "jsonl", "markdown"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("room", o.completePeople(true))
	return cmd
}

// format writes rooms, and their entries in order.
type format interface {
	room(r peer.Room) error
	entry(r peer.Room, m peer.Message, readable bool, s replica.Stored) error
}

var formats = map[string]func(io.Writer) format{
	"text":     func(w io.Writer) format { return &textFormat{w: w} },
	"markdown": func(w io.Writer) format { return &markdownFormat{w: w} },
	"jsonl":    func(w io.Writer) format { return jsonFormat{w} },
}

// export writes rooms. What of a damaged file cannot be read is counted, the rest is written.
func export(ctx context.Context, a *archive, rooms []peer.Room, begin func(io.Writer) format, out, complain io.Writer) error {
	w := bufio.NewWriter(out)
	f := begin(w)
	var damaged error
	for _, r := range rooms {
		if err := f.room(r); err != nil {
			return err
		}
		for s, err := range replica.All(a.store, r.ID) {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, replica.ErrCorrupt):
				fmt.Fprintf(complain, "earshot: %s: %s\n", roomName(r), strings.TrimPrefix(err.Error(), "store: "))
				damaged = errors.New("not everything could be read: the rest is written")
				continue
			case err != nil:
				return err
			}
			m, readable := a.message(r, s)
			if err := f.entry(r, m, readable, s); err != nil {
				return err
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if damaged != nil {
		return &incomplete{damaged}
	}
	return nil
}

// incomplete is an export that has all that there was to have.
type incomplete struct{ error }

// replaceFile makes path what write writes, as a whole or not at all: 0600.
func replaceFile(path string, write func(io.Writer) error) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a device or a pipe
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	failed := write(f)
	err = errors.Join(f.Sync(), f.Close())
	if failed != nil && !errors.As(failed, new(*incomplete)) {
		err = failed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return failed
}

// entryJSON is a line of `export --format jsonl`, which import reads. The names of its fields are stable.
type entryJSON struct {
	Type   string           `json:"type"`
	ID     uuid.UUID        `json:"id"`
	Room   string           `json:"room"`
	With   *protocol.PeerID `json:"with,omitempty"`
	From   string           `json:"from,omitempty"`
	Peer   protocol.PeerID  `json:"peer"`
	Text   *string          `json:"text,omitempty"`
	Action bool             `json:"action,omitempty"`
	Time   time.Time        `json:"time"`
	Raw    []byte           `json:"raw"`
}

type jsonFormat struct{ w io.Writer }

func (jsonFormat) room(peer.Room) error { return nil }

func (f jsonFormat) entry(r peer.Room, m peer.Message, readable bool, s replica.Stored) error {
	e := s.Entry()
	line := entryJSON{
		Type: "entry", ID: s.ID(), Room: r.Name, Peer: e.Author, Time: e.Wall.UTC(), Raw: s.Raw(),
	}
	if r.Direct() {
		line.With = &r.With
	}
	if name, text, ok := s.Text(); ok {
		line.From, line.Text = name, &text
	}
	switch {
	case readable:
		line.Type, line.Action = "message", m.Action
	case e.Kind == replica.KindTopic:
		if name, text, err := replica.DecodeBody(e.Body); err == nil {
			line.Type, line.From, line.Text = "topic", name, &text
		}
	}
	return writeJSON(f.w, line)
}

type textFormat struct {
	w     io.Writer
	day   string
	begun bool
}

func (f *textFormat) room(r peer.Room) error {
	if f.begun {
		fmt.Fprintln(f.w)
	}
	f.day, f.begun = "", true
	_, err := fmt.Fprintf(f.w, "%s\n", roomName(r))
	return err
}

func (f *textFormat) entry(_ peer.Room, m peer.Message, readable bool, _ replica.Stored) error {
	if !readable {
		return nil
	}
	if day := dayOf(m.Time); day != f.day {
		f.day = day
		fmt.Fprintf(f.w, "\n%s\n\n", day)
	}
	who := label(m.Name, m.Author) + ":"
	if m.Action {
		who = "* " + label(m.Name, m.Author)
	}
	_, err := fmt.Fprintf(f.w, "%s %s %s\n", clock(m.Time), who, strings.ReplaceAll(ui.SafeLines(m.Text), "\n", "\n      "))
	return err
}

func dayOf(t time.Time) string { return t.Local().Format("Monday 2 January 2006") }
