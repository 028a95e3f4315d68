package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"earshot/peer"
	"earshot/protocol"
)

// setting is one key of the file.
type setting struct {
	key       string                 // with its table's name and a dot before it if it is in one
	means     string                 // what it does
	otherwise string                 // the default, in words where its value does not say it
	example   any                    // a value to show where the default shows nothing
	at        func(o *options) any   // where it is kept: *string, *[]string, *int, *uint16 or *bool
	low, high int64                  // of numbers
	check     func(one string) error // of strings, each of a list; nil: any
}

// settings is every key, in the order of the file: first those outside of all tables. A key that has the name of a flag
// is that flag's default.
var settings = []setting{
	{
		key: "name", means: "What you are called, until you say /nick.", otherwise: "your login name", example: "alice",
		at:    func(o *options) any { return &o.name },
		check: func(s string) error { _, err := peer.CleanName(s); return err },
	},
	{
		key: "interface", means: "Use these interfaces only.", otherwise: "all that can broadcast", example: []string{"eth0"},
		at: func(o *options) any { return &o.interfaces },
	},
	{
		key: "port", means: "The own UDP port.", otherwise: "any free one", example: 24817,
		at: func(o *options) any { return &o.port }, high: 65535,
	},
	{
		key: "announce-port", means: "The UDP port of announcements, the same for everybody on the LAN.",
		at: func(o *options) any { return &o.announcePort }, low: 1, high: 65535,
	},
	{
		key: "peer", means: "People beyond the LAN's broadcasts, as HOST or HOST:PORT.", otherwise: "nobody",
		example: []string{"192.168.7.20", "build.example.org:24816"},
		at:      func(o *options) any { return &o.peers },
		check:   func(s string) error { _, _, err := splitPeer(s); return err },
	},
	{
		key: "history.days", means: "For how many days a line is kept, 0: for ever.",
		at: func(o *options) any { return &o.days }, high: 36500,
	},
	{
		key: "history.entries", means: "How many lines of each room are kept, the newest; 0: all.",
		at: func(o *options) any { return &o.entries }, high: 1_000_000_000,
	},
	{
		key: "privacy.read-marks", means: "Tell the other side of a direct conversation how far you have read it, and be told.",
		at: func(o *options) any { return &o.readMarks },
	},
}

// defaults is the settings without a file.
func defaults() *options {
	return &options{announcePort: protocol.AnnouncePort, days: peer.DefaultDays, entries: peer.DefaultEntries}
}

// retention is how the node is told what to keep, where 0 is the default.
func (o *options) retention() peer.Retention {
	r := peer.Retention{Days: o.days, Entries: o.entries}
	if r.Days == 0 {
		r.Days = -1
	}
	if r.Entries == 0 {
		r.Entries = -1
	}
	return r
}

// set takes a value of the file.
func (s setting) set(o *options, v any) error {
	switch at := s.at(o).(type) {
	case *string:
		text, ok := v.(string)
		if !ok {
			return fmt.Errorf("has to be text in quotes, such as %s", literal(s.example))
		}
		*at = text
		return s.checkAll(text)
	case *[]string:
		list, ok := v.([]any)
		all := make([]string, len(list))
		for i, one := range list {
			if all[i], ok = one.(string); !ok {
				break
			}
		}
		if !ok {
			return fmt.Errorf("has to be a list of text in quotes, such as %s", literal(s.example))
		}
		*at = all
		return s.checkAll(all...)
	case *bool:
		yes, ok := v.(bool)
		if !ok {
			return errors.New("has to be true or false")
		}
		*at = yes
		return nil
	}
	n, ok := v.(int64)
	if !ok || n < s.low || n > s.high {
		return fmt.Errorf("has to be a whole number from %d to %d", s.low, s.high)
	}
	switch at := s.at(o).(type) {
	case *int:
		*at = int(n)
	case *uint16:
		*at = uint16(n)
	}
	return nil
}

func (s setting) checkAll(texts ...string) error {
	for _, t := range texts {
		if t == "" {
			return errors.New(`"" is nothing: leave it out`)
		}
		if s.check == nil {
			continue
		}
		if err := s.check(t); err != nil {
			return fmt.Errorf("%q: %w", t, err)
		}
	}
	return nil
}

// printed is the file with these settings in it. What is the default is only shown, so that a later default counts.
func (o *options) printed() string {
	var b strings.Builder
	b.WriteString("# The settings of earshot. What stands behind a '#' is not in effect: take the '#' away to set it.\n")
	in := ""
	for _, s := range settings {
		table, key := split(s.key)
		if table != in {
			in = table
			fmt.Fprintf(&b, "\n[%s]", table)
		}
		value, usual := literal(s.at(o)), literal(s.at(defaults()))
		mark := ""
		if value == usual {
			mark = "# "
			if s.example != nil {
				value = literal(s.example)
			}
		}
		fmt.Fprintf(&b, "\n# %s Default: %s.\n%s%s = %s\n", s.means, cmp.Or(s.otherwise, usual), mark, key, value)
	}
	return b.String()
}

// literal is a value as TOML.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		b, _ := json.Marshal(v) // whose escapes TOML has too
		return strings.ReplaceAll(string(b), "\x7f", `\u007f`)
	case []string:
		all := make([]string, len(v))
		for i, one := range v {
			all[i] = literal(one)
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer {
		return literal(p.Elem().Interface())
	}
	return fmt.Sprint(v)
}

var bare = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// spell is a key as the file has it, without surprises in it.
func spell(key []string) string {
	words := slices.Clone(key)
	for i, w := range words {
		if !bare.MatchString(w) {
			words[i] = strconv.QuoteToASCII(w)
		}
	}
	return strings.Join(words, ".")
}

// shown is a key, in words if it is in a table.
func shown(key string) string {
	if table, k := split(key); table != "" {
		return fmt.Sprintf("%s in [%s]", k, table)
	}
	return key
}

func split(key string) (table, last string) {
	i := strings.LastIndex(key, ".")
	return key[:max(i, 0)], key[i+1:]
}

// tables is the names of all tables.
func tables() (all []string) {
	for _, s := range settings {
		if table, _ := split(s.key); table != "" && !slices.Contains(all, table) {
			all = append(all, table)
		}
	}
	return all
}

// unknownKey and unknownTable name what may have been meant.
func unknownKey(key []string) error {
	name, last := spell(key), len(key)-1
	if last > 0 {
		name = fmt.Sprintf("%s in [%s]", spell(key[last:]), spell(key[:last]))
	}
	return fmt.Errorf("unknown key %s: did you mean %s? All there are: earshot config --help", name, nearest(key))
}

func unknownTable(key []string) error {
	return fmt.Errorf("unknown table [%s]: did you mean %s? All there are: earshot config --help", spell(key), nearest(key))
}

// nearest is the key or table that is spelt most like one.
func nearest(key []string) string {
	whole, last := strings.Join(key, "."), key[len(key)-1]
	best, found := -1, ""
	try := func(candidate, name string) {
		_, word := split(candidate)
		d := min(2*distance(whole, candidate), 2*distance(last, word)+1) // the same word elsewhere is near, but not as near
		if best < 0 || d < best {
			best, found = d, name
		}
	}
	for _, s := range settings {
		try(s.key, shown(s.key))
	}
	for _, t := range tables() {
		try(t, "["+t+"]")
	}
	return found
}

// distance is how many letters have to be put in, left out or changed to make b of a (Levenshtein).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			change := diagonal
			if x[i] != y[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(y)]
}
