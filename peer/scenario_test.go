package peer_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"earshot/discovery/lan/sim"
	"earshot/peer"
	"earshot/protocol/replica"
)

var update = flag.Bool("update", false, "rewrite the expected traces in testdata/scenario")

// TestScenarios runs testdata/scenario/*.txt. Above "----" a script in the vocabulary of the commands below, a line
// each; below it what then happens: the datagrams that the script asks to be traced, and what it asks to be shown.
// "go test ./peer -run TestScenarios -update" writes what happens; read it before you commit it.
func TestScenarios(t *testing.T) {
	for _, file := range scenarios(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			script, want := readScenario(t, file)
			got := play(t, script)
			if *update {
				if err := os.WriteFile(file, []byte(script+"----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("%s happens otherwise (-update accepts it):\n%s", file, difference(want, got))
			}
		})
	}
}

// TestScenariosAreReproducible plays each scenario 20 times at once, with one processor and with four.
func TestScenariosAreReproducible(t *testing.T) {
	for _, procs := range []int{1, 4} {
		t.Run(fmt.Sprint(procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			t.Run("", func(t *testing.T) { // ends when all of its parallel tests have
				for _, file := range scenarios(t) {
					script, want := readScenario(t, file)
					for range 20 / 2 {
						t.Run(filepath.Base(file), func(t *testing.T) {
							t.Parallel()
							if got := play(t, script); got != want {
								t.Errorf("another time:\n%s", difference(want, got))
							}
						})
					}
				}
			})
		})
	}
}

func scenarios(t *testing.T) []string {
	files, err := filepath.Glob("testdata/scenario/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	return files
}

func readScenario(t *testing.T, file string) (script, want string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, want, found := strings.Cut(string(b), "----\n")
	if !found && !*update {
		t.Fatalf("%s has no line ----", file)
	}
	return script, want
}

// difference shows where two texts part.
func difference(want, got string) string {
	w, g := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d is\n\t%sand was\n\t%s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, and were %d", len(g), len(w))
}

// scenario is a script that is being played.
type scenario struct {
	*world
	tracing  tracing
	seen     map[string]int // events that a program's screen has shown
	texts    map[string]string
	headings []string // commands of which nothing has come yet
	out      []func(*bytes.Buffer)
}

// play runs a script and returns what happens.
func play(t *testing.T, script string) string {
	s := &scenario{world: newWorld(t, 1), seen: map[string]int{}, texts: map[string]string{}}
	s.tracing = newTracing(s)
	s.watch = &s.tracing
	for i, line := range strings.Split(script, "\n") {
		line, _, _ = strings.Cut(line, "# ") // a room's name has no space after its sign
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		do, known := commands[words[0]]
		if !known {
			t.Fatalf("line %d: what is %q?", i+1, words[0])
		}
		if !silentCommands[words[0]] {
			s.headings = append(s.headings, strings.Join(words, " "))
		}
		if err := attempt(s, do, words[1:]); err != nil {
			t.Fatalf("line %d: %s: %v", i+1, line, err)
		}
	}
	s.tracing.on = false
	s.run(time.Second) // what is under way arrives
	var b bytes.Buffer
	for _, write := range s.out {
		write(&b)
	}
	return b.String()
}

// attempt turns a word too few, or one that is no number, into an error.
func attempt(s *scenario, do func(*scenario, []string), words []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	do(s, words)
	return nil
}

// print adds to what happens, under the commands that led there.
func (s *scenario) print(write func(*bytes.Buffer)) {
	if len(s.headings) > 0 {
		text := strings.Join(s.headings, "; ")
		s.headings = nil
		s.out = append(s.out, func(b *bytes.Buffer) { fmt.Fprintf(b, "= %s\n", text) })
	}
	s.out = append(s.out, write)
}

func (s *scenario) printf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.print(func(b *bytes.Buffer) { fmt.Fprintln(b, text) })
}

// silentCommands are not repeated in the output.
var silentCommands = map[string]bool{"seed": true, "host": true, "hosts": true, "instance": true, "run": true, "trace": true, "clear": true, "screen": true, "people": true}

// commands are the vocabulary of the scripts. WHO is a node's name, and a ROOM begins with '#'.
var commands = map[string]func(s *scenario, words []string){
	// seed 7, as the first command: other luck.
	"seed": func(s *scenario, words []string) {
		s.world = newWorld(s.t, uint64(number(words[0])))
		s.watch = &s.tracing
	},

	// hosts alice bob: computers with a node each, not yet started. host alice loopback: one without a network.
	"hosts": func(s *scenario, words []string) {
		for _, name := range words {
			s.host(name)
		}
	},
	"host": func(s *scenario, words []string) {
		s.world.node(words[0], s.lan.AddHost(words[0], prefixOr(words[1]))).loopback = true
	},
	// instance carol on alice: a second node on a host.
	"instance": func(s *scenario, words []string) {
		s.world.node(words[0], s.who(words[2]).host).loopback = s.who(words[2]).loopback
	},
	"start":   each(func(n *node) { n.start() }),
	"kill":    each(func(n *node) { n.kill() }),
	"leave":   each(func(n *node) { n.core.Leave(n.clock()); n.settle() }),
	"forget":  each(func(n *node) { n.store = replica.NewMemStore() }), // the disk is empty
	"suspend": each(func(n *node) { n.asleep = true }),
	"wake":    each(func(n *node) { n.wake() }),
	"unplug":  each(func(n *node) { n.host.Plug(2, false); n.network() }), // the first network's cable
	"plug":    each(func(n *node) { n.host.Plug(2, true); n.network() }),
	// attach WHO wireless 10.1.0.1/24: another network.
	"attach": func(s *scenario, words []string) { s.who(words[0]).host.Attach(words[1], prefix(words[2])) },
	// readdress WHO 10.0.0.7/24
	"readdress": func(s *scenario, words []string) {
		n := s.who(words[0])
		n.host.Readdress(prefix(words[1]))
		n.network()
	},
	// disk WHO 20ms: what a batch takes.
	"disk": func(s *scenario, words []string) { s.who(words[0]).disk = duration(words[1]) },

	// say WHO ROOM text; tell WHO WHOM text; long WHO ROOM BYTES; burst WHO ROOM N: that many lines at once.
	"say":  func(s *scenario, words []string) { s.who(words[0]).say(words[1], strings.Join(words[2:], " ")) },
	"tell": func(s *scenario, words []string) { s.who(words[0]).say(words[1], strings.Join(words[2:], " ")) },
	"long": func(s *scenario, words []string) {
		s.who(words[0]).say(words[1], strings.Repeat("x", number(words[2])))
	},
	"burst": func(s *scenario, words []string) {
		for i := range number(words[2]) {
			s.who(words[0]).say(words[1], fmt.Sprintf("line %d", i+1))
		}
	},
	"join": func(s *scenario, words []string) {
		n := s.who(words[0])
		if _, err := n.core.Join(n.clock(), words[1]); err != nil {
			panic(err)
		}
		n.settle()
	},
	"part": func(s *scenario, words []string) {
		n := s.who(words[0])
		if err := n.core.Part(n.clock(), words[1]); err != nil {
			panic(err)
		}
		n.settle()
	},
	"rename": func(s *scenario, words []string) {
		n := s.who(words[0])
		if err := n.core.Rename(n.clock(), words[1]); err != nil {
			panic(err)
		}
		n.settle()
	},

	// share WHO: read marks. read WHO @WHOM: all that was shown of the conversation.
	"share": each(func(n *node) { n.core.SetReadMarks(n.clock(), true); n.settle() }),
	"read": func(s *scenario, words []string) {
		n := s.who(words[0])
		var last peer.Message
		for _, e := range n.events {
			if m, ok := e.(peer.Message); ok && m.Room.Name == words[1] {
				last = m
			}
		}
		if err := n.core.Read(n.clock(), last.Room.ID, last.Place); err != nil {
			panic(err)
		}
		n.settle()
	},

	// run 500ms lets time pass.
	"run": func(s *scenario, words []string) { s.run(duration(words[0])) },

	// link loss=0.3 delay=10ms: all wires; link alice bob loss=1: one, in one direction. Without settings they are perfect.
	"link": func(s *scenario, words []string) {
		var from, to *node
		if len(words) > 1 && !strings.Contains(words[0], "=") {
			from, to, words = s.who(words[0]), s.who(words[1]), words[2:]
		}
		l := link(words)
		if from == nil {
			s.lan.Set(l)
		} else {
			s.lan.SetLink(from.host, to.host, l)
		}
	},
	// partition alice bob | carol
	"partition": func(s *scenario, words []string) {
		groups := [][]*sim.Host{nil}
		for _, w := range words {
			if w == "|" {
				groups = append(groups, nil)
				continue
			}
			last := &groups[len(groups)-1]
			*last = append(*last, s.who(w).host)
		}
		s.lan.Partition(groups...)
	},
	"heal": func(s *scenario, _ []string) { s.lan.Heal() },

	"trace": (*scenario).setTrace,

	// clear WHO: the screen is empty. screen WHO: what the person was shown since. people WHO: whom they see.
	"clear":  each(func(n *node) { n.scenario().seen[n.program()] = len(n.events) }),
	"screen": each(func(n *node) { n.scenario().screen(n) }),
	"people": each(func(n *node) {
		for _, p := range n.core.People() {
			state := "gone"
			if p.Online {
				state = fmt.Sprint("online at ", p.Addr)
			}
			n.scenario().printf("%s | %s is %s", n.name, p.Name, state)
		}
	}),
}

// each makes a command for any number of nodes.
func each(do func(*node)) func(*scenario, []string) {
	return func(s *scenario, words []string) {
		for _, name := range words {
			do(s.who(name))
		}
	}
}

// program names one run of the node: a new one has a new screen.
func (n *node) program() string { return fmt.Sprint(n.name, n.starts) }

func (n *node) scenario() *scenario { return n.w.watch.(*tracing).s }

func (s *scenario) who(name string) *node {
	for _, n := range s.nodes {
		if n.name == name {
			return n
		}
	}
	panic("nobody is called " + name)
}

func number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		panic(err)
	}
	return n
}

func duration(word string) time.Duration {
	d, err := time.ParseDuration(word)
	if err != nil {
		panic(err)
	}
	return d
}

func share(word string) float64 {
	f, err := strconv.ParseFloat(word, 64)
	if err != nil {
		panic(err)
	}
	return f
}

// screen prints the events of a node that a person sees.
func (s *scenario) screen(n *node) {
	events := n.events
	from := s.seen[n.program()]
	s.seen[n.program()] = len(events)
	for _, e := range events[from:] {
		text := ""
		switch e := e.(type) {
		case peer.Joined:
			text = e.Person.Name + " joined"
		case peer.Left:
			text = fmt.Sprintf("%s left (%s)", e.Person.Name, e.Reason)
		case peer.Changed:
			text = fmt.Sprintf("%s is at %s, in #%s", e.Person.Name, e.Person.Addr, strings.Join(e.Person.Rooms, " #"))
			if e.Was != "" {
				text = fmt.Sprintf("%s is now %s", e.Was, e.Person.Name)
			}
		case peer.Message:
			line := e.Text
			if len(line) > 40 {
				line = fmt.Sprintf("%s… (%d B)", line[:10], len(line))
			}
			text = fmt.Sprintf("%s %s: %s", e.Room.Name, e.Name, line)
			if e.Missed {
				text += " (missed)"
			}
			if e.Old {
				text += " (history)"
			}
			if e.Late {
				text += " (late)"
			}
			s.texts[e.ID.String()] = line
		case peer.Delivered:
			text = fmt.Sprintf("%s has %q, %d of %d, after %v", e.Name, s.texts[e.ID.String()], e.Reached, e.Audience, e.After)
			if e.Sendings > 1 {
				text += fmt.Sprintf(", sent %d times", e.Sendings)
			}
		case peer.ReadBy:
			for _, id := range e.Lines {
				text += fmt.Sprintf(", %q", s.texts[id.String()])
			}
			text = e.Name + " has read " + text[2:]
		case peer.RoomJoined:
			text = "in " + e.Room.Name
		case peer.RoomParted:
			text = "no longer in " + e.Room.Name
		case peer.Note:
			text = "note: " + e.Text
		}
		if text != "" {
			s.printf("%s | %s", n.name, text)
		}
	}
}
