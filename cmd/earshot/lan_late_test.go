package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/peer"
	"earshot/peer/store"
	"earshot/protocol"
	"earshot/protocol/replica"
)

// library is what people who have gone said in the lobby, in turn.
func library(t *testing.T, lines, authors int) replica.Batch {
	t.Helper()
	type author struct {
		id   *protocol.Identity
		log  replica.Log
		last [32]byte
	}
	var all []*author
	for range authors {
		id, err := protocol.NewIdentity(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &author{id: id, log: replica.Log{Room: protocol.OpenNetwork().PublicRoom(peer.Lobby), Author: id.ID(), Epoch: 1}})
	}
	var b replica.Batch
	began := time.Now().Add(-time.Duration(lines) * time.Second)
	for i := range lines {
		a := all[i%authors]
		e, err := replica.NewText(replica.KindText, began.Add(time.Duration(i)*time.Second), fmt.Sprintf("author%d", i%authors),
			fmt.Sprintf("line %d of a long story that many will want to read", i))
		if err != nil {
			t.Fatal(err)
		}
		e.Log, e.Seq, e.Lamport, e.Previous = a.log, uint64(i/authors+1), uint64(i+1), a.last
		v := replica.Sign(a.id, e)
		a.last = v.Hash()
		b.Entries = append(b.Entries, v)
	}
	return b
}

// database is a history file of that.
func database(t *testing.T, b replica.Batch) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history.db")
	s, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Commit(b), s.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// stock gives a host that has not been started yet a history.
func (h *hosts) stock(host int, file []byte) {
	h.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(h.file(host)), 0o700), os.WriteFile(h.file(host), file, 0o600)); err != nil {
		h.t.Fatal(err)
	}
}

// stored waits until an ear's host has so many of the newest of the library's entries, and returns when that was.
// It looks at nothing but the state of the logs, which costs the host little.
func (h *hosts) stored(host int, b replica.Batch, counts ...int) (at []time.Time) {
	h.t.Helper()
	var s *store.Store
	late := time.After(patience)
	for {
		if s == nil {
			s, _ = store.OpenReadOnly(h.file(host)) // which may not be there yet
		}
		if s != nil {
			state, err := s.State()
			if err != nil {
				h.t.Fatal(err)
			}
			ranges := map[replica.Log]protocol.RangeSet{}
			for _, l := range state.Logs {
				ranges[l.Log] = l.Ranges
			}
			for len(at) < len(counts) {
				newest := b.Entries[len(b.Entries)-counts[len(at)]:]
				if slices.ContainsFunc(newest, func(v replica.Verified) bool { return !ranges[v.Entry().Log].Contains(v.Entry().Seq) }) {
					break
				}
				at = append(at, time.Now())
			}
			if len(at) == len(counts) {
				_ = s.Close()
				return at
			}
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-late:
			h.t.Fatalf("n%d has not caught up after %v", host, patience)
		}
	}
}

// chat reaches a host's instance, once it answers.
func (h *hosts) chat(host int) *peer.Remote {
	h.t.Helper()
	for late := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		r, err := dialControl(h.home(host), "default")
		if err == nil {
			h.t.Cleanup(func() { _ = r.Close() })
			return r
		}
		if time.Now().After(late) {
			h.t.Fatal(err)
		}
	}
}

// traffic is what has crossed a host's eth0, both ways.
func (h *hosts) traffic(host int) (bytes, packets int) {
	h.t.Helper()
	var table []byte
	var err error
	h.In(host, func() { table, err = os.ReadFile("/proc/thread-self/net/dev") })
	if err != nil {
		h.t.Fatal(err)
	}
	_, row, _ := strings.Cut(string(table), "eth0:")
	var n [10]int
	for i, field := range strings.Fields(row)[:len(n)] {
		if _, err := fmt.Sscan(field, &n[i]); err != nil {
			h.t.Fatal(err)
		}
	}
	return n[0] + n[8], n[1] + n[9]
}

// dialogue is what two people say in turn.
type dialogue struct {
	about string
	said  []time.Time // when each line was typed
	err   error
}

func (d *dialogue) line(i int) string { return fmt.Sprintf("%s, line %d", d.about, i) }

// talk has them say a line each 10 ms, until so many are said or ctx ends.
func talk(ctx context.Context, about string, most int, chats ...*peer.Remote) *dialogue {
	d := &dialogue{about: about}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range most {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return d
		}
		start := time.Now()
		if _, err := chats[i%2].Say(ctx, "#lobby", d.line(i), false); err != nil {
			if ctx.Err() == nil {
				d.err = err
			}
			return d
		}
		d.said = append(d.said, start)
	}
	return d
}

// took is how long each line took from the keyboard of one to the screen of the other, the shortest first.
func (d *dialogue) took(ears ...*ear) (all []time.Duration) {
	for i, at := range d.said {
		all = append(all, ears[1-i%2].said("#lobby", d.line(i)).at.Sub(at))
	}
	if d.err != nil || len(all) == 0 {
		ears[0].t.Helper()
		ears[0].t.Fatalf("%d lines were said, then: %v", len(all), d.err)
	}
	slices.Sort(all)
	return all
}

func quantiles(took []time.Duration) string {
	at := func(p int) time.Duration { return took[(len(took)-1)*p/100].Round(100 * time.Microsecond) }
	return fmt.Sprintf("%d lines, p50 %v, p99 %v, longest %v", len(took), at(50), at(99), at(100))
}

// Somebody comes late to a room with 10,000 lines, of which two have all. They go on talking, and hardly notice.
func TestALateJoinerTalksAtOnceAndDisturbsNobody(t *testing.T) {
	const lines, authors = 10_000, 10
	b := library(t, lines, authors)
	file := database(t, b)
	for _, loss := range []int{0, 10} {
		t.Run(fmt.Sprintf("%d %% loss", loss), func(t *testing.T) {
			h := newHosts(t, 3)
			h.stock(1, file)
			h.stock(2, file)
			if loss > 0 {
				for host := 1; host <= 3; host++ {
					h.Loss(host, loss)
				}
			}
			ears := h.listenAll(2)
			meet(ears...)
			chats := []*peer.Remote{h.chat(1), h.chat(2)}
			alone := talk(t.Context(), "alone", 200, chats...).took(ears...)

			bytes, packets := h.traffic(3)
			late := h.listen(3)
			ctx, over := context.WithCancel(t.Context())
			defer over()
			beside := make(chan *dialogue, 1)
			go func() { beside <- talk(ctx, "beside", 2000, chats...) }()
			const hello = "hello, what have I missed?"
			if _, err := h.chat(3).Say(t.Context(), "#lobby", hello, false); err != nil {
				t.Error(err)
			}
			at := h.stored(3, b, protocol.FirstPage, lines)
			over()
			took := (<-beside).took(ears...)
			newBytes, newPackets := h.traffic(3)
			bytes, packets = newBytes-bytes, newPackets-packets

			since := func(at time.Time) time.Duration { return at.Sub(late.started) }
			promised(t, "to be heard", max(since(ears[0].said("#lobby", hello).at), since(ears[1].said("#lobby", hello).at)), time.Second)
			promised(t, "the newest page", since(at[0]), time.Second)
			entries := lines + len(took)
			t.Logf("all of it: %v, %.0f entries/s; on the wire with all else %d bytes and %.2f datagrams an entry, of which %d are the entry",
				since(at[1]).Round(time.Millisecond), (lines-protocol.FirstPage)/at[1].Sub(at[0]).Seconds(),
				bytes/entries, float64(packets)/float64(entries), len(b.Entries[lines/2].Raw()))
			t.Logf("a line of the others' before: %s", quantiles(alone))
			t.Logf("a line of the others' beside: %s", quantiles(took))
			promised(t, "half of the others' lines", took[len(took)/2], 50*time.Millisecond)
			for _, e := range append(ears, late) {
				for _, x := range e.heard() {
					if x.Type == "left" {
						t.Errorf("%s: %s is gone (%s)", e.name, x.Name, x.Reason)
					}
				}
				e.once()
			}
			for _, e := range append(ears, late) {
				e.stop()
			}
			h.sameEverywhere(3)
		})
	}
}
