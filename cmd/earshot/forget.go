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

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"earshot/peer"
	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/ui"
)

func forgetCommand(o *options) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "forget ROOM",
		Short: "Leave a room and delete what is stored of it",
		Long: `forget leaves ROOM (#name, or a person for the conversation with them) and deletes what this profile has
stored of it, for good: it does not come back from others either. Others keep what they have.

It asks first, unless --yes is given.`,
		Example: `  earshot forget '#go'
  earshot export --room bob -o bob.txt && earshot forget --yes bob`,
		Args:              oneArg("ROOM", "forget one at a time"),
		ValidArgsFunction: o.completePeople(true),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(o.check(), checkRoom("", args[0])); err != nil {
				return err
			}
			if !yes {
				if !term.IsTerminal(int(os.Stdin.Fd())) {
					return usagef("forget deletes for good: --yes says that you mean it, where nobody can be asked")
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "leave %s and delete what is stored of it here? [y/N] ", ui.Safe(args[0]))
				if !agreed(os.Stdin) {
					return errors.New("nothing is deleted")
				}
			}
			name, err := o.forget(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is forgotten\n", ui.Safe(name))
			return err
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func agreed(in io.Reader) bool {
	answer, _ := bufio.NewReader(in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}

// forget has the running instance forget a room, or does so on the disk.
func (o *options) forget(ctx context.Context, name string) (string, error) {
	p, err := lockProfile(o.home, o.profile)
	if errors.Is(err, errInUse) {
		r, err := dialControl(o.home, o.profile)
		if err != nil {
			return "", fmt.Errorf("profile %s is in use by another earshot that does not answer: end it first (%w)", o.profile, err)
		}
		defer r.Close()
		return name, r.Forget(ctx, name)
	}
	if err != nil {
		return "", err
	}
	defer p.release()
	if _, err := os.Stat(historyPath(o.home, o.profile)); err != nil {
		return "", fmt.Errorf("%s: nothing is stored in profile %s", name, o.profile)
	}
	s, err := p.openKept()
	if err != nil {
		return "", err
	}
	id, err := readKey(filepath.Join(p.dir, keyFile))
	if err == nil {
		name, err = forgetStored(s, id.ID(), name)
	}
	return name, errors.Join(err, s.Close())
}

// forgetStored forgets a room in a store that no node has.
func forgetStored(s replica.Store, self protocol.PeerID, name string) (string, error) {
	a, err := newArchive(s, self)
	if err != nil {
		return "", err
	}
	r, err := a.find(name)
	if err != nil {
		return "", err
	}
	for more := true; more; {
		gone, err := s.Delete(r.ID, replica.Place{})
		if err != nil {
			return "", errors.New(storeTrouble(err))
		}
		more = len(gone) > 0
	}
	for _, x := range a.state.Rooms {
		if x.ID == r.ID && r.Name != "#"+peer.Lobby { // everybody is in the lobby
			x.Joined, x.Topic = false, ""
			return r.Name, s.Commit(replica.Batch{Rooms: []replica.RoomState{x}})
		}
	}
	return r.Name, nil
}
