package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

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
	err = ui.Run(cmd.Context(), node, ui.Options{Notes: node.notes, Again: node.again})
	if errors.Is(err, context.Canceled) { // a signal asked us to leave
		return nil
	}
	return err
}
