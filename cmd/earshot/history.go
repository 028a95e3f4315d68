package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"earshot/peer"
	"earshot/protocol/replica"
)

func historyCommand(o *options) *cobra.Command {
	h := historian{}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history [WORDS…]",
		Short: "Show what was said",
		Long: `history shows what was said, oldest first: the newest --limit lines that have all of WORDS.

It reads what this profile has stored, of a running earshot or from the disk, and needs no network.
In WORDS, "a phrase" stands in quotes, pri* is a beginning, and from:NAME, in:ROOM, before:DATE and
after:DATE do as the flags do. DATE is 2026-11-20, 2026-11, 2026 or 2026-11-20T17:30, local time;
before: leaves the day out, after: takes it in. Capitals and accents make no difference.

--json prints the messages as 'earshot listen --json' does.`,
		Example: `  earshot history
  earshot history --room '#go' --limit 500
  earshot history printer --from bob --after 2026-11-01
  earshot history '"on fire" in:#lobby'
  earshot history --json --room bob | jq -r .text`,
		Args: cobra.ArbitraryArgs,
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if h.limit < 1 {
				return usagef("--limit %d: at least 1", h.limit)
			}
			query, err := h.query(args)
			if err != nil {
				return usage{err}
			}
			if err := o.check(); err != nil {
				return err
			}
			from, done, err := o.openHistory()
			if err != nil {
				return err
			}
			defer done()
			all, more, err := h.gather(cmd.Context(), from, query)
			if len(all) == 0 || cmd.Context().Err() != nil {
				return err
			}
			// Of a damaged file, show what there is.
			show := printDated
			if asJSON {
				show = func(w io.Writer, m peer.Message) error { return printJSON(w, m) }
			}
			for _, m := range all {
				if err := show(cmd.OutOrStdout(), m); err != nil {
					return err
				}
			}
			if more {
				fmt.Fprintf(cmd.ErrOrStderr(), "earshot: these are the newest %d; there is more: --limit N, or --before\n", h.limit)
			}
			return err
		}),
	}
	f := cmd.Flags()
	f.StringVar(&h.search, "search", "", "what WORDS can be, as one `QUERY`")
	f.StringVar(&h.room, "room", "", "this `ROOM` only: #name, or a person")
	f.StringVar(&h.from, "from", "", "said by `NAME` only")
	f.StringVar(&h.before, "before", "", "said before this `DATE`")
	f.StringVar(&h.after, "after", "", "said on this `DATE` or after it")
	f.IntVar(&h.limit, "limit", 100, "the newest `N` of them")
	f.BoolVar(&asJSON, "json", false, "one JSON object a line")
	_ = cmd.RegisterFlagCompletionFunc("room", o.completePeople(true))
	_ = cmd.RegisterFlagCompletionFunc("from", o.completePeople(false))
	for _, name := range []string{"search", "before", "after", "limit"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

// searcher is a running instance or a file.
type searcher interface {
	Search(ctx context.Context, query string, older uint64, n int) (peer.Found, error)
}

// openHistory gives the running instance, or what is on the disk.
func (o *options) openHistory() (from searcher, done func(), err error) {
	if r, err := dialControl(o.home, o.profile); err == nil {
		return r, func() { _ = r.Close() }, nil
	}
	a, err := o.openArchive()
	if err != nil {
		return nil, nil, err
	}
	return a, a.close, nil
}

// historian is the command's flags.
type historian struct {
	search, room, from, before, after string
	limit                             int
}

// searchPage is how many hits are asked for at once.
const searchPage = 200

// anything is a query that everything fits.
const anything = "after:1970-01-01T00:00:00Z"

// query puts words and flags together.
func (h historian) query(words []string) (string, error) {
	parts := slices.DeleteFunc(append(words, h.search), func(s string) bool { return strings.TrimSpace(s) == "" })
	for _, f := range []struct{ key, value string }{{"in", h.room}, {"from", h.from}, {"before", h.before}, {"after", h.after}} {
		if strings.Contains(f.value, `"`) {
			return "", fmt.Errorf("%s: there is no %q in it", f.key, '"')
		}
		if f.value != "" {
			parts = append(parts, f.key+`:"`+f.value+`"`)
		}
	}
	query := strings.Join(parts, " ")
	if query == "" {
		query = anything
	}
	parsed, err := replica.ParseQuery(query, time.Local)
	if err == nil {
		err = checkRoom("in:", parsed.In)
	}
	return query, err
}

// gather finds the newest messages, in their order: that of the room if they are all of one, else by the clocks of those
// who said them. more: there are older ones. With an error it is what was found all the same.
func (h historian) gather(ctx context.Context, from searcher, query string) (all []peer.Message, more bool, err error) {
	older := uint64(0)
	for len(all) <= h.limit {
		found, wrong := from.Search(ctx, query, older, searchPage)
		err = cmp.Or(err, wrong) // of damage there may be more than one
		all = append(all, found.Messages...)
		if older = found.Older; older == 0 {
			break
		}
	}
	if more = len(all) > h.limit; more {
		all = all[:h.limit]
	}
	slices.Reverse(all)
	one := !slices.ContainsFunc(all, func(m peer.Message) bool { return m.Room.ID != all[0].Room.ID })
	if one {
		slices.SortStableFunc(all, func(a, b peer.Message) int { return a.Place.Compare(b.Place) })
	}
	return all, more, err
}

// printDated prints a message with its day.
func printDated(w io.Writer, m peer.Message) error {
	if _, err := fmt.Fprint(w, m.Time.Local().Format("2006-01-02 ")); err != nil {
		return err
	}
	return printText(w, m)
}
