package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adrg/xdg"
	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/spf13/cobra"

	"earshot/ui"
)

func configCommand(o *options) *cobra.Command {
	var path, write bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the settings, or where they are",
		Long: `config prints the settings as their file has them: every key with what it does, its default and the value that it
has at present, by the file or by the flags beside config. They are read when earshot starts.

They are for all profiles of a --home. Those of the usual home are in the folder where programs have their settings
(~/.config/earshot/config.toml on Linux), those of another --home or EARSHOT_HOME in it: --path says where. Flags go
before them. What cannot be in the file is an error with its line, and nothing is started then.

--write makes the file if there is none. (With 'config > FILE' the shell would empty FILE first.)

` + defaults().printed(),
		Example: `  earshot config --write                     make the file, to edit it
  earshot config --interface eth0 --write    with this in it
  $EDITOR "$(earshot config --path)"`,
		Args: cobra.NoArgs,
		RunE: action(func(cmd *cobra.Command, _ []string) error {
			if err := o.place(); err != nil {
				return err
			}
			if path {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), configPath(o.home))
				return err
			}
			if err := o.check(); err != nil {
				return err
			}
			if write {
				if err := writeNew(configPath(o.home), o.printed()); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "the settings are in %s\n", configPath(o.home))
				return err
			}
			_, err := fmt.Fprint(cmd.OutOrStdout(), o.printed())
			return err
		}),
	}
	cmd.Flags().BoolVar(&path, "path", false, "print where the file is looked for, whether or not there is one")
	cmd.Flags().BoolVar(&write, "write", false, "write the file if there is none, and say where")
	cmd.MarkFlagsMutuallyExclusive("path", "write")
	return cmd
}

// writeNew makes a file, and its folder if need be. One that is there stays as it is.
func writeNew(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already and stays as it is: edit it, or move it away", path)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}

// configFile is the settings of all profiles of a home.
const configFile = "config.toml"

// configPath is where the settings of a home are: those of the usual one where all programs have theirs, those of another
// in itself, so that homes stay apart.
func configPath(home string) string {
	if home == defaultHome() {
		return filepath.Join(xdg.ConfigHome, "earshot", configFile)
	}
	return filepath.Join(home, configFile)
}

// readConfig takes the settings from their file, but for those that flags have set. Without a file all stay as they are.
// The errors are of usage; then nothing is taken.
func (o *options) readConfig() error {
	path := configPath(o.home)
	doc, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usagef("the settings cannot be read: %w", err)
	}
	into := *o
	var wrong []error
	for _, m := range o.apply(doc, &into) {
		wrong = append(wrong, fmt.Errorf("%s:%w", path, m))
	}
	if len(wrong) > 0 {
		return usage{errors.Join(wrong...)}
	}
	*o = into
	return nil
}

// mistake is what is wrong in a line of the file.
type mistake struct {
	line int
	err  error
}

func (m mistake) Error() string { return fmt.Sprintf("%d: %v", m.line, m.err) }

// apply puts a file's settings into another set of options, and says everything that is wrong in it.
func (o *options) apply(doc []byte, into *options) (wrong []mistake) {
	doc = bytes.TrimPrefix(doc, []byte("\ufeff")) // as Windows' editors begin a file
	values := map[string]any{}
	if err := toml.Unmarshal(doc, &values); err != nil {
		m := mistake{1, err}
		if d := new(toml.DecodeError); errors.As(err, &d) {
			m.line, _ = d.Position()
			m.err = fmt.Errorf("%s: see https://toml.io for how such a file is written", ui.Safe(strings.TrimPrefix(d.Error(), "toml: ")))
		}
		return []mistake{m}
	}
	var table []string
	known := true           // the table is
	p := &unstable.Parser{} // knows where each key stands
	for p.Reset(doc); p.NextExpression(); {
		e := p.Expression()
		key, line := keyOf(p, e)
		if e.Kind != unstable.KeyValue {
			table, known = key, slices.Contains(tables(), spell(key))
			switch {
			case !known:
				wrong = append(wrong, mistake{line, unknownTable(key)})
			case e.Kind == unstable.ArrayTable:
				known = false
				wrong = append(wrong, mistake{line, fmt.Errorf("[[%s]]: there is one only: write [%[1]s]", spell(key))})
			}
			continue
		}
		if !known {
			continue // one is enough for a table
		}
		key = slices.Concat(table, key)
		i := slices.IndexFunc(settings, func(s setting) bool { return s.key == spell(key) })
		if i < 0 {
			wrong = append(wrong, mistake{line, unknownKey(key)})
			continue
		}
		s, to := settings[i], into
		if o.given(s.key) {
			to = defaults() // checked all the same
		}
		if err := s.set(to, find(values, key)); err != nil {
			wrong = append(wrong, mistake{line, fmt.Errorf("%s %w", shown(s.key), err)})
		}
	}
	return wrong
}

// keyOf is the key of an expression, and its line.
func keyOf(p *unstable.Parser, e *unstable.Node) (key []string, line int) {
	for i := e.Key(); i.Next(); {
		if line == 0 {
			line = p.Shape(i.Node().Raw).Start.Line
		}
		key = append(key, string(i.Node().Data))
	}
	return key, line
}

// find is the value of a key that is there.
func find(values map[string]any, key []string) any {
	for _, k := range key[:len(key)-1] {
		values, _ = values[k].(map[string]any)
	}
	return values[key[len(key)-1]]
}
