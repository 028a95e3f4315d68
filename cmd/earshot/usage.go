package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"earshot/peer"
)

// noArgs is for a command that flags tell all.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes flags only: leave %q away", cmd.CommandPath(), args[0])
	}
	return nil
}

// oneArg is for a command that needs one thing, as its usage names it. more says what to do with more than one.
func oneArg(what, more string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return usagef("%s is missing: %s", what, cmd.UseLine())
		case 1:
			return nil
		}
		return usagef("%s takes one %s, and there are %d: %s", cmd.CommandPath(), what, len(args), more)
	}
}

// flagError says of a flag's value what it has to be.
func flagError(_ *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	want := map[string]string{
		"uint16": "a port is a number up to 65535", "int": "a whole number is needed",
		"duration": "a time such as 300ms, 5s or 1m is needed", "bool": "true or false",
	}[bad.GetFlag().Value.Type()]
	if want == "" {
		return err
	}
	return usagef("--%s %s: %s", bad.GetFlag().Name, bad.GetValue(), want)
}

// checkRoom refuses what is no name of a room, wherever a person may be named as well.
func checkRoom(flag, name string) error {
	if !strings.HasPrefix(name, "#") {
		return nil
	}
	if _, err := peer.CleanRoom(name); err != nil {
		return usagef("%s%s: a room's name has 1 to 32 bytes: letters, digits, '-', '_' and '.' behind the #", flag, name)
	}
	return nil
}
