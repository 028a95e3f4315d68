package main

import (
	"context"
	"testing"

	"earshot/peer"
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
