package recovery_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/frame"
	"earshot/protocol/recovery"
)

// script plays a file of testdata, one command a line. Whatever a machine does must be wanted before the next command.
//
//	rtt 10ms              a new sender whose handshake took that long (before any other command)
//	sent 1..5 [SIZE]      eliciting packets leave, of 1200 bytes or SIZE; what they carry is their number
//	silent 6              so does one that elicits nothing
//	skip 7                a number is left out
//	ack 5,1-3 [DELAY]     the other's Ack comes          events: acked 1-3,5 / lost 4 / dropped 4 / error ...
//	advance 10ms          time passes, through every deadline      lost 4 / probe 1 / due
//	alive                 an authenticated packet comes            reset
//	moved                 the path changes
//	policy NAME           another policy from now on
//	mtu 6 1500            a packet asks whether the path takes so long a datagram
//	drain                 the session ends                         drained 1-4
//	got [bulk|silent] 1..5    packets come                          duplicate 3 / due
//	take                  the Ack leaves                           ack 1-3,5 DELAY / nothing
//	heard 5               the other has seen an Ack up to 5
//	want EVENT            the next event is this
//	is NAME VALUE         a question: see the method of that name
type script struct {
	t        *testing.T
	at       string // file and line
	start    time.Time
	now      time.Time
	sender   *recovery.Sender[uint64]
	receiver recovery.Receiver
	due      bool // told
	events   []string
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Unix(1_000_000_000, 0)
			s := &script{t: t, start: start, now: start, sender: recovery.NewSender[uint64](recovery.SenderConfig{})}
			for i, line := range strings.Split(string(text), "\n") {
				s.at = fmt.Sprintf("%s:%d: %s", file, i+1, line)
				line, _, _ = strings.Cut(line, "#")
				if words := strings.Fields(line); len(words) > 0 {
					s.play(words[0], words[1:])
				}
			}
			s.at = file + ": end"
			s.quiet()
		})
	}
}

func (s *script) play(verb string, args []string) {
	s.t.Helper()
	if verb == "want" {
		want := strings.Join(args, " ")
		if len(s.events) == 0 {
			s.fail("nothing has happened")
		}
		if s.events[0] != want {
			s.fail("what happened: %q", s.events)
		}
		s.events = s.events[1:]
		return
	}
	s.quiet()
	switch verb {
	case "rtt":
		s.sender = recovery.NewSender[uint64](recovery.SenderConfig{RTT: s.duration(args, 0)})
	case "sent", "silent":
		size := 1200
		if len(args) > 1 {
			size = int(s.number(args[1]))
		}
		for _, n := range s.numbers(args) {
			s.sender.Sent(s.now, n, size, verb == "sent", n)
		}
	case "skip":
		for _, n := range s.numbers(args) {
			s.sender.Skipped(n)
		}
	case "ack":
		s.ack(args)
	case "advance":
		s.advance(s.now.Add(s.duration(args, 0)))
	case "alive":
		if s.sender.Alive(s.now) {
			s.event("reset")
		}
	case "moved":
		s.sender.Moved()
	case "policy":
		policy, err := recovery.ParsePolicy(args[0])
		if err != nil || policy.String() != args[0] {
			s.fail("%v: %v", policy, err)
		}
		s.sender.SetPolicy(policy)
	case "mtu":
		s.sender.SentMTUProbe(s.now, s.number(args[0]), int(s.number(args[1])), s.number(args[0]))
	case "drain":
		s.event("drained %s", set(s.sender.Drain()))
	case "got":
		s.got(args)
	case "take":
		if ack, ok := s.receiver.Ack(s.now); ok {
			s.event("%s %s", ack, ack.Delay)
		} else {
			s.event("nothing")
		}
		s.due = false
	case "heard":
		s.receiver.Acked(s.number(args[0]))
	case "is":
		if got := s.is(args[0]); got != args[1] {
			s.fail("it is %s", got)
		}
	default:
		s.fail("unknown command")
	}
}

func (s *script) ack(args []string) {
	s.t.Helper()
	ack := frame.Ack{}
	if len(args) > 1 {
		ack.Delay = s.duration(args, 1)
	}
	for _, part := range strings.Split(args[0], ",") {
		if part == "none" {
			continue
		}
		first, last, found := strings.Cut(part, "-")
		if !found {
			last = first
		}
		ack.Ranges = append(ack.Ranges, protocol.Range{First: s.number(first), Last: s.number(last)})
	}
	result, err := s.sender.Receive(s.now, ack)
	for name, kind := range map[string]error{
		"malformed": recovery.ErrMalformed, "unsent": recovery.ErrUnsent, "skipped": recovery.ErrSkipped,
	} {
		if errors.Is(err, kind) {
			s.event("error %s", name)
		}
	}
	s.result(result)
}

// advance wakes both machines at each of their deadlines, as a loop would.
func (s *script) advance(to time.Time) {
	s.t.Helper()
	for range 1000 {
		deadline := s.sender.Deadline()
		if deadline.IsZero() || deadline.After(to) {
			s.now = to
			s.owed()
			return
		}
		if deadline.After(s.now) {
			s.now = deadline
		}
		s.owed()
		s.result(s.sender.Advance(s.now))
	}
	s.fail("the sender never rests")
}

func (s *script) got(args []string) {
	s.t.Helper()
	bulk, eliciting := args[0] == "bulk", args[0] != "silent"
	for _, n := range s.numbers(args[len(args)-1:]) {
		if s.receiver.Receive(s.now, n, eliciting, bulk) {
			s.event("duplicate %d", n)
		}
	}
	s.owed()
}

func (s *script) owed() {
	if s.receiver.Due(s.now) && !s.due {
		s.event("due")
		s.due = true
	}
}

func (s *script) result(r recovery.Result[uint64]) {
	s.t.Helper()
	var acked, lost []uint64
	for _, a := range r.Acked {
		acked = append(acked, a.Carried)
	}
	for _, l := range r.Lost {
		lost = append(lost, l.Carried)
	}
	if len(acked) > 0 {
		s.event("acked %s", set(acked))
	}
	if len(lost) > 0 {
		s.event("lost %s", set(lost))
	}
	var dropped []uint64
	for _, l := range r.Dropped {
		dropped = append(dropped, l.Carried)
	}
	if len(dropped) > 0 {
		s.event("dropped %s", set(dropped))
	}
	if r.Probes > 0 {
		s.event("probe %d", r.Probes)
	}
}

// is answers questions about the present.
func (s *script) is(name string) string {
	rtt, stats := s.sender.RTT(), s.sender.Stats()
	switch name {
	case "deadline": // of the sender, since the start
		return s.since(s.sender.Deadline())
	case "due": // when the receiver's Ack must leave
		return s.since(s.receiver.Deadline())
	case "next": // when a full datagram may leave; "never" while the window is full
		return s.since(s.sender.NextSend(s.now))
	case "allow":
		return strconv.FormatBool(s.sender.Allow(s.now))
	case "timeout":
		return s.sender.ProbeTimeout().String()
	case "rtt":
		return rtt.Smoothed.String()
	case "variance":
		return rtt.Variance.String()
	case "least":
		return rtt.Min.String()
	case "window":
		return strconv.Itoa(s.sender.Window())
	case "bytes":
		return strconv.Itoa(s.sender.BytesInFlight())
	case "oldest":
		return set(s.sender.Oldest(64))
	case "lossrate":
		return fmt.Sprintf("%.3f", s.sender.LossRate(s.now))
	case "spurious":
		return strconv.FormatUint(stats.Spurious, 10)
	case "withdrawn":
		return strconv.FormatUint(stats.Withdrawn, 10)
	case "losses":
		return strconv.FormatUint(stats.Lost, 10)
	case "copies": // of a frame of 100 bytes
		return strconv.Itoa(s.sender.Copies(100))
	case "copies-long": // of one of 301
		return strconv.Itoa(s.sender.Copies(protocol.SmallFrame + 1))
	case "pending":
		return strconv.FormatBool(s.receiver.Pending())
	case "expired":
		return strconv.FormatBool(s.sender.Expired(s.now))
	}
	s.fail("unknown question")
	return ""
}

func (s *script) quiet() {
	s.t.Helper()
	if len(s.events) > 0 {
		s.fail("not wanted: %q", s.events)
	}
}

func (s *script) event(format string, args ...any) {
	s.events = append(s.events, fmt.Sprintf(format, args...))
}

func (s *script) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s\n\t%s", s.at, fmt.Sprintf(format, args...))
}

func (s *script) since(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Sub(s.start).String()
}

func (s *script) duration(args []string, i int) time.Duration {
	s.t.Helper()
	d, err := time.ParseDuration(args[i])
	if err != nil {
		s.fail("%v", err)
	}
	return d
}

func (s *script) number(word string) uint64 {
	s.t.Helper()
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		s.fail("%v", err)
	}
	return n
}

// numbers reads 3 or 1..5.
func (s *script) numbers(args []string) (out []uint64) {
	s.t.Helper()
	first, last, found := strings.Cut(args[0], "..")
	if !found {
		last = first
	}
	for n := s.number(first); n <= s.number(last); n++ {
		out = append(out, n)
	}
	return out
}

// set writes numbers as ranges; it fails to hide a doubled one.
func set(numbers []uint64) string {
	var ranges protocol.RangeSet
	for _, n := range numbers {
		if ranges.Contains(n) {
			return fmt.Sprintf("twice %d of %d", n, slices.Clone(numbers))
		}
		ranges.Add(protocol.Range{First: n, Last: n})
	}
	if len(ranges) == 0 {
		return "none"
	}
	return ranges.String()
}
