package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"earshot/peer"
	"earshot/ui"
)

// chat opens the screen.
func chat(cmd *cobra.Command, o *options) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) {
		return errors.New("the chat needs a terminal: in a script use 'earshot send' and 'earshot listen'")
	}
	node, err := o.openChat(cmd)
	if err != nil {
		return err
	}
	defer node.close()
	err = ui.Run(cmd.Context(), node, ui.Options{Notes: node.notes})
	if errors.Is(err, peer.ErrClosed) && !node.own {
		return errors.New("the daemon has ended: start it or the chat again, what was said is kept")
	}
	if errors.Is(err, context.Canceled) { // a signal asked us to leave
		return nil
	}
	return err
}
