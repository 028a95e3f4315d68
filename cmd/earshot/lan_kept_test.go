package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/peer/store"
	"earshot/protocol/replica"
)

// file is where a host's history is.
func (h *hosts) file(host int) string { return historyPath(h.home(host), "default") }

// kept is what a host's database has.
type kept struct {
	state  replica.State
	raws   map[replica.Log]map[uint64][]byte
	said   map[string][]string // the rooms in which a text stands, as often as it does
	ids    map[string]bool     // of its messages, as listen --json prints them
	length int
}

// keeps reads a host's database, which an instance may have open: of the logs what was there at one moment, of the rest
// also what has come since.
func (h *hosts) keeps(host int) (*kept, error) {
	s, err := store.OpenReadOnly(h.file(host))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	k := &kept{raws: map[replica.Log]map[uint64][]byte{}, said: map[string][]string{}, ids: map[string]bool{}}
	if k.state, err = s.State(); err != nil {
		return nil, err
	}
	for _, l := range k.state.Logs {
		raws, err := s.Load(l.Log, 1, l.Ranges.Max(), 1<<30)
		if err != nil {
			return nil, err
		}
		k.raws[l.Log] = map[uint64][]byte{}
		count := 0
		for _, raw := range raws {
			_, seq, err := replica.Peek(raw)
			if err != nil {
				return nil, err
			}
			if l.Ranges.Contains(seq) { // or it has come since
				k.raws[l.Log][seq] = raw
				count++
			}
		}
		if n := len(k.raws[l.Log]); n != count || uint64(n) != l.Ranges.Len() {
			return nil, fmt.Errorf("%s: %d entries under %d numbers, it knows %s", l.Log, count, n, l.Ranges)
		}
		k.length += count
	}
	for _, r := range k.state.Rooms {
		name := "#" + r.Name
		if !r.With.IsZero() {
			name = "@"
		}
		for e, err := range replica.All(s, r.ID) {
			if err != nil {
				return nil, err
			}
			k.ids[e.ID().String()] = true
			if _, text, ok := e.Text(); ok {
				k.said[text] = append(k.said[text], name)
			}
		}
	}
	return k, nil
}

// shared is the logs of its public rooms: those that everybody has.
func (k *kept) shared() map[replica.Log]map[uint64][]byte {
	logs := maps.Clone(k.raws)
	maps.DeleteFunc(logs, func(l replica.Log, _ map[uint64][]byte) bool {
		return !slices.ContainsFunc(k.state.Rooms, func(r replica.RoomState) bool { return r.ID == l.Room && r.With.IsZero() })
	})
	return logs
}

func (k *kept) String() string {
	return fmt.Sprintf("%d entries in %d logs, %d lines owed, %d letters carried", k.length, len(k.raws), len(k.state.Lines), len(k.state.Mail))
}

// quiet waits until hosts 1 to n have the same, and nobody owes anybody anything.
func (h *hosts) quiet(n int) {
	h.t.Helper()
	start := time.Now()
	eventually(h.t, func() (answer string, ok bool) {
		<-time.After(100 * time.Millisecond)
		ok = true
		var first *kept
		for host := 1; host <= n; host++ {
			k, err := h.keeps(host)
			if err != nil {
				return fmt.Sprintf("n%d: %v", host, err), false
			}
			if first == nil {
				first = k
			}
			differ := disagree(first.shared(), k.shared())
			ok = ok && len(k.state.Lines)+len(k.state.Mail)+len(differ) == 0
			answer += fmt.Sprintf("\n\tn%d: %s %q", host, k, differ[:min(5, len(differ))])
		}
		return answer, ok
	})
	h.t.Logf("quiet after %v", time.Since(start).Round(time.Millisecond))
}

// disagree is the numbers that not both have with one content.
func disagree(a, b map[replica.Log]map[uint64][]byte) (all []string) {
	for _, pair := range [][2]map[replica.Log]map[uint64][]byte{{a, b}, {b, a}} {
		for log, entries := range pair[0] {
			for seq, raw := range entries {
				switch other := pair[1][log][seq]; {
				case other == nil:
					all = append(all, fmt.Sprintf("only one of them has %s %d", log, seq))
				case !bytes.Equal(raw, other):
					all = append(all, fmt.Sprintf("%s %d has two contents", log, seq))
				}
			}
		}
	}
	return all
}

// sameEverywhere reads the databases of hosts 1 to n, which must have the same, and no number with two contents.
func (h *hosts) sameEverywhere(n int) []*kept {
	h.t.Helper()
	var all []*kept
	contents := map[replica.Log]map[uint64][]byte{}
	for host := 1; host <= n; host++ {
		k, err := h.keeps(host)
		if err != nil {
			h.t.Fatalf("n%d: %v", host, err)
		}
		h.t.Logf("n%d: %s", host, k)
		all = append(all, k)
		if len(k.state.Forks) > 0 {
			h.t.Errorf("n%d holds proof that somebody has signed two contents for one number", host)
		}
		for _, what := range disagree(all[0].shared(), k.shared()) {
			h.t.Errorf("n1 and n%d: %s", host, what)
		}
		for log, entries := range k.raws { // conversations too
			if contents[log] == nil {
				contents[log] = map[uint64][]byte{}
			}
			for seq, raw := range entries {
				if other := contents[log][seq]; other != nil && !bytes.Equal(raw, other) {
					h.t.Errorf("%s %d has another content at n%d", log, seq, host)
				}
				contents[log][seq] = raw
			}
		}
	}
	return all
}

// An old copy of a history is put back, as from a backup, by somebody who has talked meanwhile: in good order the first
// time, and after a crash the second.
func TestAnOldCopyOfAProfileHarmsNobody(t *testing.T) {
	t.Parallel()
	h := newHosts(t, 3)
	ears := h.listenAll(3)
	meet(ears...)
	var said []string
	talk := func(when string) {
		t.Helper()
		for host := 1; host <= 3; host++ {
			text := fmt.Sprintf("n%d %s", host, when)
			h.must(host, "send", "--wait", "all", "--timeout", "30s", text)
			said = append(said, text)
		}
		to := fmt.Sprintf("n2 to n1 %s", when)
		h.must(2, "send", "--to", "n1", "--timeout", "30s", to)
		said = append(said, to)
	}
	talk("at first")
	ears[1].stop()
	old := map[string][]byte{}
	files, err := filepath.Glob(h.file(2) + "*")
	if err != nil || len(files) != 1 {
		t.Errorf("a history is %q when nobody has it open (%v): a copy of one file is not enough", files, err)
	}
	for _, name := range files {
		if old[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	ears[1] = h.listen(2)
	meet(ears...)
	talk("after the copy")

	copied := 4                     // of what was said, so many are in the copy
	unreadable := map[string]bool{} // to n2, who said it sealed to another and has lost what it says in plain text
	for _, end := range []func(*ear){(*ear).stop, (*ear).kill} {
		end(ears[1])
		for _, text := range said[copied:] {
			unreadable[text] = strings.HasPrefix(text, "n2 to ")
		}
		files, err := filepath.Glob(h.file(2) + "*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		for name, content := range old {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		h.Loss(2, 100) // it speaks before it can know what it has forgotten
		ears[1] = h.listen(2)
		alone := fmt.Sprintf("n2 with %d lines behind, alone", len(said))
		if r := h.run(2, "send", "--timeout", "1ms", alone); r.code != exitLate {
			t.Errorf("send, alone: %+v", r)
		}
		said = append(said, alone)
		h.Loss(2, 0)
		for _, other := range []string{"n1", "n3"} { // who may not have noticed that it was gone
			ears[1].saw(0, "joined", other)
		}
		talk(fmt.Sprintf("with %d lines behind", len(said)))
		h.quiet(3)
	}
	for _, e := range ears {
		e.stop()
		if strings.Contains(e.stderr.String(), "two different lines") {
			t.Errorf("%s: %s", e.name, e.stderr.String())
		}
	}
	all := h.sameEverywhere(3)
	if all[0].length != all[1].length {
		t.Errorf("n1 has %d entries, n2 %d: not all of their conversation", all[0].length, all[1].length)
	}
	for host, k := range all {
		for _, text := range said {
			want := 1
			if strings.Contains(text, " to ") && host == 2 || unreadable[text] && host == 1 {
				want = 0
			}
			if len(k.said[text]) != want {
				t.Errorf("n%d has %q in %v", host+1, text, k.said[text])
			}
		}
	}
	ears[0].once()
	ears[2].once()
}
