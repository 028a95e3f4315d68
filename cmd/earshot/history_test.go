package main

import (
	"context"
	"fmt"
	"testing"

	"earshot/peer"
	"earshot/protocol/replica"
)

// slow finds one line in every third part of a search.
type slow struct{ lines uint64 }

func (s slow) Search(_ context.Context, _ string, older uint64, _ int) (peer.Found, error) {
	if older == 0 {
		older = 3*s.lines + 1
	}
	found := peer.Found{Older: older - 1}
	if found.Older%3 == 2 {
		found.Messages = []peer.Message{{Place: peer.Place{Lamport: older}}}
	}
	return found, nil
}

// A search that takes long comes in parts, and a part may have nothing.
func TestHistoryGathersParts(t *testing.T) {
	for _, c := range []struct {
		limit, want int
		more        bool
	}{{3, 3, true}, {4, 4, false}, {5, 4, false}} {
		all, more, err := historian{limit: c.limit}.gather(t.Context(), slow{4}, "")
		if err != nil || len(all) != c.want || more != c.more {
			t.Errorf("of 4 lines, at most %d: %d lines, more %v, %v", c.limit, len(all), more, err)
		}
	}
}

// torn is a history of so many lines, newest first, of which each tenth is damaged.
type torn int

func (t torn) Search(_ context.Context, _ string, older uint64, n int) (found peer.Found, err error) {
	for i := older; i < min(older+uint64(n), uint64(t)); i++ {
		if i%10 == 3 {
			err = replica.ErrCorrupt
			continue
		}
		found.Messages = append(found.Messages, peer.Message{Text: fmt.Sprint(i), Place: peer.Place{Lamport: uint64(t) - i}})
		found.Older = i + 1
	}
	return found, err
}

func TestADamagedLineDoesNotEndTheHistory(t *testing.T) {
	for _, c := range []struct {
		lines torn
		limit int
		got   int
		more  bool
		first string // the oldest
	}{
		{1000, 5000, 900, false, "999"},
		{1000, 100, 100, true, "110"},
		{1000, 900, 900, false, "999"},
		{1000, 899, 899, true, "998"},
		{3, 1, 1, true, "0"},
		{0, 1, 0, false, ""},
	} {
		all, more, err := historian{limit: c.limit}.gather(t.Context(), c.lines, "words")
		first := ""
		if len(all) > 0 {
			first = all[0].Text
		}
		if len(all) != c.got || more != c.more || first != c.first || (err != nil) != (c.lines > 3) {
			t.Errorf("%d of %d lines: %d from %s on, more: %t, %v", c.limit, c.lines, len(all), first, more, err)
		}
	}
}
