package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"earshot/peer"
	"earshot/ui"
)

// settled is the options that a file makes.
func settled(doc string) (*options, []mistake) {
	o := defaults()
	return o, o.apply([]byte(doc), o)
}

func TestASettingIsTakenHoweverTOMLSpellsIt(t *testing.T) {
	for doc, want := range map[string]func(o *options) bool{
		"":                                   func(o *options) bool { return o.days == 90 && o.entries == 50_000 && !o.readMarks },
		"\ufeffname = 'alice'\r\n":           func(o *options) bool { return o.name == "alice" },
		"\"name\" = \"\"\"al\\\nice\"\"\"":   func(o *options) bool { return o.name == "alice" },
		"port = 0x5000":                      func(o *options) bool { return o.port == 0x5000 },
		"announce-port = 6_5_535":            func(o *options) bool { return o.announcePort == 65535 },
		"history.days = 36500":               func(o *options) bool { return o.days == 36500 },
		"[history]\nentries = 0":             func(o *options) bool { return o.entries == 0 },
		"[ \"history\" ]\ndays = 1":          func(o *options) bool { return o.days == 1 },
		"privacy.read-marks = true":          func(o *options) bool { return o.readMarks },
		"interface = [\n'a', # one\n'b',\n]": func(o *options) bool { return slices.Equal(o.interfaces, []string{"a", "b"}) },
		"interface = []":                     func(o *options) bool { return len(o.interfaces) == 0 },
		"peer = ['10.0.0.1', 'b.c:7']":       func(o *options) bool { return slices.Equal(o.peers, []string{"10.0.0.1", "b.c:7"}) },
	} {
		if o, wrong := settled(doc); len(wrong) > 0 || !want(o) {
			t.Errorf("%q gives %+v, %v", doc, o, wrong)
		}
	}
}

func TestAMistakeIsToldWithItsLineAndWhatWasMeant(t *testing.T) {
	for _, c := range []struct {
		doc  string
		line int
		says string
	}{
		{"\nnmae = 'a'", 2, "unknown key nmae: did you mean name?"},
		{"Name = 'a'", 1, "did you mean name?"},
		{"announce_port = 1", 1, "did you mean announce-port?"},
		{"\n\ndays = 3", 3, "unknown key days: did you mean days in [history]?"},
		{"[history]\nname = 'a'", 2, "unknown key name in [history]: did you mean name?"},
		{"[history]\nentires = 3", 2, "did you mean entries in [history]?"},
		{"history.dayz = 3", 1, "unknown key dayz in [history]: did you mean days in [history]?"},
		{"history = {days = 3}", 1, "unknown key history: did you mean [history]?"},
		{"history = 3", 1, "did you mean [history]?"},
		{"'history.days' = 3", 1, `unknown key "history.days": did you mean days in [history]?`},
		{"[hystory]\ndays = 3\nx = 3", 1, "unknown table [hystory]: did you mean [history]?"},
		{"[[history]]\ndays = 3", 1, "[[history]]: there is one only: write [history]"},
		{"[name]\nx = 1", 1, "unknown table [name]: did you mean name?"},
		{"[history.more]", 1, "unknown table [history.more]"},
		{"'\x1b[2J' = 1", 1, "not"},
		{`"\u001b[2J" = 1`, 1, `unknown key "\x1b[2J": did you mean`},
		{"name = 3", 1, `name has to be text in quotes, such as "alice"`},
		{"name = 'a b'", 1, `"a b": bad name: a name has neither spaces`},
		{"name = ''", 1, `"" is nothing`},
		{"interface = 'eth0'", 1, `interface has to be a list of text in quotes, such as ["eth0"]`},
		{"interface = ['eth0', 3]", 1, "list of text"},
		{"interface = ['']", 1, `"" is nothing`},
		{"peer = ['::1']", 1, `"::1": earshot speaks IPv4 only`},
		{"peer = ['a:0']", 1, `"a:0": "0" is no port`},
		{"port = -1", 1, "port has to be a whole number from 0 to 65535"},
		{"port = '80'", 1, "whole number"},
		{"announce-port = 0", 1, "announce-port has to be a whole number from 1 to 65535"},
		{"history.days = 36501", 1, "days in [history] has to be a whole number from 0 to 36500"},
		{"history.days = 1.5", 1, "whole number"},
		{"history.entries = 1_000_000_001", 1, "to 1000000000"},
		{"privacy.read-marks = 'yes'", 1, "read-marks in [privacy] has to be true or false"},
		{"port = 1\nport = 2", 2, "already defined"},
		{`"\u001b" = 1` + "\n" + `"\u001b" = 1`, 2, "key " + ui.Safe("\x1b") + " is already defined"},
		{"port = 1\n[history\n", 2, "toml.io"},
		{"port = 99999999999999999999", 1, "toml.io"},
		{"\x00", 1, "toml.io"},
	} {
		_, wrong := settled(c.doc)
		if len(wrong) != 1 || wrong[0].line != c.line || !strings.Contains(wrong[0].err.Error(), c.says) {
			t.Errorf("%q: %v, want line %d: %s", c.doc, wrong, c.line, c.says)
		}
	}
	if _, wrong := settled("a = 1\nname = 'al'\nb = 1"); len(wrong) != 2 {
		t.Errorf("two mistakes: %v", wrong)
	}
}

func TestNothingIsTakenOfASpoiltFile(t *testing.T) {
	o := defaults()
	o.home = t.TempDir()
	write := func(doc string) {
		if err := os.WriteFile(filepath.Join(o.home, configFile), []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("name = 'alice'\n[history]\ndays = -4")
	if err := o.readConfig(); !errors.As(err, new(usage)) || o.name != "" {
		t.Errorf("%v, and the name is %q", err, o.name)
	}
	write("name = 'alice'\n[history]\ndays = 4")
	if err := o.readConfig(); err != nil || o.name != "alice" || o.days != 4 {
		t.Errorf("mended: %v, name %q, %d days", err, o.name, o.days)
	}
	if err := os.Remove(filepath.Join(o.home, configFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(o.home, configFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := o.readConfig(); !errors.As(err, new(usage)) {
		t.Errorf("a folder for a file: %v", err)
	}
}

func TestWhatIsPrintedIsTheFile(t *testing.T) {
	o := defaults()
	o.name, o.interfaces, o.port, o.announcePort = `"al\ice'🎧`, []string{"eth0", "a\nb\x7f\x01"}, 4000, 4001
	o.peers, o.days, o.entries, o.readMarks = []string{"10.0.0.1", "there:5"}, 3, 0, true
	for _, o := range []*options{o, defaults()} {
		back, wrong := settled(o.printed())
		if len(wrong) > 0 {
			t.Fatalf("%v in\n%s", wrong, o.printed())
		}
		for _, s := range settings {
			if diff := cmp.Diff(s.at(o), s.at(back)); diff != "" {
				t.Errorf("%s: %s", s.key, diff)
			}
		}
	}
	// Each example can be had by taking its mark away, and means something.
	examples := strings.NewReplacer("# name =", "name =", "# interface", "interface", "# port", "port", "# announce-port", "announce-port",
		"# peer", "peer", "# days", "days", "# entries", "entries", "# read-marks", "read-marks").Replace(defaults().printed())
	if o, wrong := settled(examples); len(wrong) > 0 || o.name == "" || len(o.interfaces) == 0 || o.port == 0 || len(o.peers) == 0 {
		t.Errorf("the examples give %+v, %v", o, wrong)
	}
}

func TestTheFileIsMadeForItsOwnerOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", configFile)
	if err := writeNew(path, "x"); err != nil {
		t.Fatal(err)
	}
	if err := writeNew(path, "y"); err == nil {
		t.Error("written over")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "x" {
		t.Errorf("it says %q, %v", b, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

func TestForEverIsNotTheDefault(t *testing.T) {
	o := defaults()
	if got := o.retention(); got != (peer.Retention{Days: peer.DefaultDays, Entries: peer.DefaultEntries}) {
		t.Errorf("by default %+v", got)
	}
	o.days, o.entries = 0, 0
	if got := o.retention(); got.Days >= 0 || got.Entries >= 0 {
		t.Errorf("0 in the file is %+v", got)
	}
}

func TestTheReadmeHasTheSettings(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ReplaceAll(string(b), "\r\n", "\n"); !strings.Contains(text, "```toml\n"+defaults().printed()+"```\n") {
		t.Errorf("README.md, Settings, has to have:\n%s", defaults().printed())
	}
}
