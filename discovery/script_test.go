package discovery_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/discovery"
	"earshot/protocol"
)

// script tells a roster's story in a small vocabulary, a line each:
//
//	hear bob at 10.0.0.2 [via 3]     an announcement, on interface 3 (2 if none is named)
//	hint bob at 10.0.0.2             an address from a Peers frame
//	proven|moved bob at 10.0.0.2     a session came up, a path was validated
//	life bob [at 10.0.0.2]           an authenticated packet
//	failed|left|lost bob, wake       what their names say
//	advance 3s                       time passes, Advance is called at every deadline
//	sleep 1h                         time passes and nobody calls Advance until its end
//	want [24] ping bob [at …] [via 3] [by 5s]   the next action (that many of them), at most so long after the last advance began
//	want refused: reason             the last hear
//	want paths bob 10.0.0.2 …        best first
//	want live bob carol, want n 3
//
// Whatever happens must be wanted by the next lines: anything else fails.
type script struct {
	t       *testing.T
	roster  *discovery.Roster
	now     time.Time
	began   time.Time // of the last advance
	actions []timed
	refused error
	names   map[protocol.Instance]string
	counter uint64
	line    string
}

type timed struct {
	at   time.Time
	text string
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const port = 7000

func instance(name string) protocol.Instance { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)) }

func path(addr string, iface int) protocol.Path {
	return protocol.Path{Addr: netip.AddrPortFrom(netip.MustParseAddr(addr), port), Interface: iface}
}

func run(t *testing.T, text string) {
	t.Helper()
	runSeed(t, 1, text)
}

func runSeed(t *testing.T, seed uint64, text string) {
	t.Helper()
	s := &script{
		t: t, now: start, names: map[protocol.Instance]string{},
		roster: discovery.NewRoster(discovery.RosterConfig{Self: instance("me"), Rand: rand.New(rand.NewPCG(seed, 0))}),
	}
	for _, line := range strings.Split(text, "\n") {
		if s.line = strings.TrimSpace(line); s.line != "" {
			s.do(strings.Fields(s.line))
		}
	}
	s.line = "the end"
	s.idle()
}

func (s *script) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%q at %v: %s", s.line, s.now.Sub(start), fmt.Sprintf(format, args...))
}

// idle fails if anything happened that no line wanted.
func (s *script) idle() {
	s.t.Helper()
	if s.refused != nil {
		s.fail("refused before this: %v", s.refused)
	}
	for _, a := range s.actions {
		s.fail("not wanted before this: %s, %v after the last advance began (%d in all)", a.text, a.at.Sub(s.began), len(s.actions))
	}
}

func (s *script) do(f []string) {
	s.t.Helper()
	if f[0] == "want" {
		s.want(f[1:])
		return
	}
	s.idle()
	var who protocol.Instance
	var where protocol.Path
	if len(f) > 1 {
		who = instance(f[1])
		s.names[who] = f[1]
	}
	if len(f) > 3 {
		where = path(f[3], 2)
	}
	if len(f) > 5 {
		where.Interface, _ = strconv.Atoi(f[5])
	}
	switch f[0] {
	case "hear":
		s.counter++
		s.refused = s.roster.Announced(s.now, protocol.Announcement{Instance: who, Counter: s.counter, Port: port}, where)
	case "hint":
		s.roster.Hint(s.now, who, where)
	case "proven":
		s.roster.Proven(s.now, who, protocol.PeerID{1}, where)
	case "moved":
		s.roster.Moved(s.now, who, where)
	case "life":
		if len(f) > 2 {
			s.roster.Answered(s.now, who, where)
		} else {
			s.roster.Life(s.now, who)
		}
	case "failed":
		s.roster.Failed(s.now, who)
	case "left":
		s.roster.Left(s.now, who)
	case "lost":
		s.roster.Lost(s.now, who)
	case "wake":
		s.roster.Wake(s.now)
	case "advance":
		s.advance(duration(s, f[1]))
	case "sleep":
		s.began, s.now = s.now, s.now.Add(duration(s, f[1]))
		s.collect()
	default:
		s.fail("no such word")
	}
}

func duration(s *script, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.fail("%v", err)
	}
	return d
}

func (s *script) advance(d time.Duration) {
	s.began = s.now
	end := s.now.Add(d)
	for calls := 0; ; calls++ {
		due := s.roster.Deadline()
		if due.IsZero() || due.After(end) {
			break
		}
		if due.After(s.now) {
			s.now = due
		}
		if s.collect(); calls > 100000 {
			s.fail("the deadline does not move")
		}
	}
	s.now = end
}

func (s *script) collect() {
	for _, a := range s.roster.Advance(s.now) {
		text := fmt.Sprintf("%s %s", a.Kind, s.names[a.Instance])
		if a.Path.Addr.IsValid() {
			text += fmt.Sprintf(" at %s via %d", a.Path.Addr.Addr(), a.Path.Interface)
		}
		s.actions = append(s.actions, timed{s.now, text})
	}
}

func (s *script) want(f []string) {
	s.t.Helper()
	switch f[0] {
	case "refused:":
		if reason := strings.Join(f[1:], " "); s.refused == nil || !strings.Contains(s.refused.Error(), reason) {
			s.fail("refused: %v", s.refused)
		}
		s.refused = nil
		return
	case "paths":
		var got []string
		for _, p := range s.roster.Paths(instance(f[1])) {
			got = append(got, fmt.Sprintf("%s/%d", p.Addr.Addr(), p.Interface))
		}
		if strings.Join(got, " ") != strings.Join(f[2:], " ") {
			s.fail("paths are %v", got)
		}
		return
	case "live":
		var got []string
		for _, i := range s.roster.Live() {
			got = append(got, s.names[i])
		}
		if strings.Join(got, " ") != strings.Join(f[1:], " ") {
			s.fail("live are %v", got)
		}
		return
	case "n":
		if strconv.Itoa(s.roster.N()) != f[1] {
			s.fail("n is %d", s.roster.N())
		}
		return
	}
	count, err := strconv.Atoi(f[0])
	if err == nil {
		f = f[1:]
	} else {
		count = 1
	}
	limit := time.Duration(-1)
	if n := len(f); n > 2 && f[n-2] == "by" {
		limit, f = duration(s, f[n-1]), f[:n-2]
	}
	text := strings.Join(f, " ")
	for range count {
		if len(s.actions) == 0 {
			s.fail("nothing happened")
		}
		a := s.actions[0]
		if a.text != text && !strings.HasPrefix(a.text, text+" ") {
			s.fail("%s happened instead, %v after the last advance began", a.text, a.at.Sub(s.began))
		}
		if limit >= 0 && a.at.Sub(s.began) > limit {
			s.fail("happened %v after the last advance began", a.at.Sub(s.began))
		}
		s.actions = s.actions[1:]
	}
}
