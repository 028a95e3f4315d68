package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/ui"
)

func importCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Take in what export has written",
		Long: `import takes in the lines of FILE, which 'earshot export --format jsonl' has written, here or elsewhere.

Every line is checked as if it came from the network: raw counts, its signature has to be right, and it has to
belong to the room that the line names. What is stored already is known and stays, so a file can be imported
twice; what was deleted here comes back. A line that cannot be taken is refused with its number and the reason,
and the others are taken.

The profile has to be closed meanwhile. What is more than it keeps ([history] in 'earshot config') goes again:
import says how much that is.

Exit codes: 0 all is stored, 1 something was refused or failed, 2 wrong usage.`,
		Example: `  earshot import archive.jsonl
  earshot export --format jsonl --profile work | earshot import --profile play -`,
		Args: oneArg("FILE", "import one at a time, or cat them into -"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			in := io.Reader(os.Stdin)
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			p, err := lockProfile(o.home, o.profile)
			if err != nil {
				return busy(o.profile, err, "end the chat or the daemon first, then import")
			}
			defer p.release()
			id, err := p.identity(rand.Reader)
			if err != nil {
				return err
			}
			s, err := p.openKept()
			if err != nil {
				return err
			}
			i, err := newImporter(s, id.ID(), o.retention().Keep(time.Now()), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			err = i.run(cmd.Context(), in)
			i.report(cmd.OutOrStdout())
			if err = errors.Join(err, s.Close()); err == nil && i.refused > 0 {
				err = &failure{exitFailure, nil}
			}
			return err
		}),
	}
	return cmd
}

const (
	// importLine bounds a line: an entry and its text, encoded as badly as can be. Bytes.
	importLine = 1 << 19
	// importBatch is how many entries go to the disk at once.
	importBatch = 500
)

// importer takes lines into a store.
type importer struct {
	store    replica.Store
	archive  *archive
	keep     replica.Keep // what retention leaves
	complain io.Writer

	have map[replica.Log]*replica.LogState // with what is in the batch
	seen map[protocol.RoomID]bool          // rooms the store knows
	next replica.Batch

	added, known, refused int
	sealed, restored      int // of added: their text is the file's word; they had been deleted here
	rooms                 map[protocol.RoomID]*imported
}

// imported is what came into a room.
type imported struct{ added, old uint64 }

func newImporter(s replica.Store, self protocol.PeerID, keep replica.Keep, complain io.Writer) (*importer, error) {
	a, err := newArchive(s, self)
	if err != nil {
		return nil, err
	}
	i := &importer{
		store: s, archive: a, keep: keep, complain: complain,
		have: map[replica.Log]*replica.LogState{}, seen: map[protocol.RoomID]bool{},
		rooms: map[protocol.RoomID]*imported{},
	}
	for _, l := range a.state.Logs {
		i.have[l.Log] = &l
	}
	for _, r := range a.state.Rooms {
		i.seen[r.ID] = true
	}
	return i, nil
}

// run reads all lines. An error is one of the input or of the disk; lines that cannot be taken are only counted.
func (i *importer) run(ctx context.Context, in io.Reader) error {
	lines := bufio.NewReaderSize(in, importLine)
	for n := 1; ; n++ {
		if ctx.Err() != nil {
			return errors.Join(i.commit(), ctx.Err())
		}
		line, err := lines.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = lines.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(i.commit(), err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			why := fmt.Errorf("longer than %d bytes", importLine)
			if !long {
				why = i.line(line)
			}
			if why != nil {
				if errors.As(why, new(diskError)) {
					return why
				}
				i.refused++
				fmt.Fprintf(i.complain, "earshot: line %d: %s\n", n, ui.Safe(why.Error()))
			}
		}
		if err != nil {
			return i.commit()
		}
	}
}

// diskError ends an import.
type diskError struct{ error }

func (e diskError) Unwrap() error { return e.error }

// commit writes what is gathered.
func (i *importer) commit() error {
	if err := i.store.Commit(i.next); err != nil {
		return diskError{fmt.Errorf("stopped: %s", storeTrouble(err))}
	}
	i.added += len(i.next.Entries)
	i.sealed += len(i.next.Bodies)
	i.next = replica.Batch{}
	return nil
}

// line takes one line, or says what is wrong with it.
func (i *importer) line(line []byte) error {
	var x entryJSON
	if err := json.Unmarshal(line, &x); err != nil {
		return fmt.Errorf("not a line of 'earshot export --format jsonl': %w", err)
	}
	if len(x.Raw) == 0 {
		return errors.New(`not a line of 'earshot export --format jsonl': it has no "raw"`)
	}
	v, err := replica.Verify(x.Raw)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "replica: "))
	}
	e := v.Entry()
	room, err := i.place(x, e)
	if err != nil {
		return err
	}
	l := i.have[e.Log]
	switch {
	case l == nil:
		l = &replica.LogState{Log: e.Log}
		i.have[e.Log] = l
	case l.Ranges.Contains(e.Seq):
		return i.compare(v)
	}
	number := protocol.Range{First: e.Seq, Last: e.Seq}
	if l.Gone.Contains(e.Seq) {
		l.Gone.Remove(number)
		i.restored++
		i.next.Restored = append(i.next.Restored, replica.LogRanges{Log: e.Log, Ranges: protocol.RangeSet{number}})
	}
	l.Ranges.Add(number)
	i.count(e)
	i.next.Entries = append(i.next.Entries, v)
	if e.Kind == replica.KindSealed && x.Text != nil && replica.CheckText(x.From, *x.Text) == nil {
		kind := replica.KindText
		if x.Action {
			kind = replica.KindAction
		}
		i.next.Bodies = append(i.next.Bodies, replica.Body{Log: e.Log, Seq: e.Seq, Kind: kind, Name: x.From, Text: *x.Text})
	}
	if !i.seen[e.Room] {
		i.seen[e.Room] = true
		i.next.Rooms = append(i.next.Rooms, room)
	}
	if len(i.next.Entries) < importBatch {
		return nil
	}
	return i.commit()
}

// count notes what retention will make of an entry.
func (i *importer) count(e replica.Entry) {
	r := i.rooms[e.Room]
	if r == nil {
		r = &imported{}
		i.rooms[e.Room] = r
	}
	r.added++
	if e.Wall.Before(i.keep.Since) {
		r.old++
	}
}

// excess is how much of what came is more than is kept.
func (i *importer) excess() (n uint64) {
	stored := map[protocol.RoomID]uint64{}
	for log, l := range i.have {
		stored[log.Room] += l.Ranges.Len()
	}
	for id, r := range i.rooms {
		more := r.old
		if keep := i.keep.Newest; keep > 0 {
			more = max(more, min(r.added, max(stored[id], keep)-keep))
		}
		n += more
	}
	return n
}

// place finds the room that a line names, and refuses an entry that is not of it.
func (i *importer) place(x entryJSON, e replica.Entry) (replica.RoomState, error) {
	net, self := protocol.OpenNetwork(), i.archive.self
	r := replica.RoomState{ID: e.Room, JoinedAt: time.Now()}
	if strings.HasPrefix(x.Room, "#") {
		name, err := peer.CleanRoom(x.Room)
		if err != nil {
			return r, err
		}
		if net.PublicRoom(name) != e.Room {
			return r, fmt.Errorf("the entry is not of #%s", name)
		}
		r.Name, r.Joined = name, name == peer.Lobby // where everybody is
		return r, nil
	}
	switch {
	case x.With == nil:
		return r, fmt.Errorf(`room %q: neither a #room, nor does "with" say whose conversation it is`, x.Room)
	case e.Author != self && e.Author != *x.With || net.DirectRoom(self, *x.With) != e.Room:
		return r, errors.New("of a conversation that this profile has no part in: its key is another one")
	}
	r.With = *x.With
	if r.Name = strings.TrimPrefix(x.Room, "@"); r.Name == "" || len(r.Name) > protocol.MaxName {
		r.Name = "·" + r.With.Short()
	}
	return r, nil
}

// compare meets an entry whose number is stored.
func (i *importer) compare(v replica.Verified) error {
	if err := i.commit(); err != nil { // what is stored may still be in the batch
		return err
	}
	e := v.Entry()
	raws, err := i.store.Load(e.Log, e.Seq, e.Seq, 1)
	if err != nil {
		return diskError{err}
	}
	if len(raws) != 1 || !bytes.Equal(raws[0], v.Raw()) {
		return fmt.Errorf("its author has signed another entry for the same place (%s, number %d), which is stored", e.Author.Short(), e.Seq)
	}
	i.known++
	return nil
}

// report says what became of the lines.
func (i *importer) report(w io.Writer) {
	fmt.Fprintf(w, "%d new, %d known, %d refused", i.added, i.known, i.refused)
	fmt.Fprintln(w)
	if i.restored > 0 {
		fmt.Fprintf(w, "%d of the new had been deleted here, and are back\n", i.restored)
	}
	if n := i.excess(); n > 0 {
		fmt.Fprintf(w, "%d of the new go again a minute after the next start: [history] in 'earshot config' says how much is kept\n", n)
	}
	if i.sealed > 0 {
		fmt.Fprintf(w, "%d of the new were sealed: that they were said is proved, their text is the file's word\n", i.sealed)
	}
}
