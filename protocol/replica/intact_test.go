package replica

import (
	"bytes"
	"slices"
	"testing"
)

func TestIntactKeepsWhatIsAsItWas(t *testing.T) {
	var whole [][]byte
	for _, v := range writes("alice", 1).says(8) {
		whole = append(whole, v.Raw())
	}
	for _, c := range []struct {
		what         string
		gone, broken []int
	}{
		{what: "all"},
		{what: "the first damaged", broken: []int{0}},
		{what: "one within damaged", broken: []int{4}},
		{what: "the last damaged", broken: []int{7}},
		{what: "a hole", gone: []int{3, 4}},
		{what: "damage before a hole", gone: []int{5}, broken: []int{4}},
		{what: "all damaged", broken: []int{0, 1, 2, 3, 4, 5, 6, 7}},
	} {
		for at := range whole[0] { // wherever in the entry the damage is
			var stored, want [][]byte
			for i, raw := range whole {
				switch {
				case slices.Contains(c.gone, i):
				case slices.Contains(c.broken, i):
					raw = bytes.Clone(raw)
					raw[at] ^= 1
					stored = append(stored, raw)
				default:
					stored, want = append(stored, raw), append(want, raw)
				}
			}
			if got := Intact(stored); !slices.EqualFunc(got, want, bytes.Equal) {
				t.Fatalf("%s, byte %d: %d entries are kept of %d, want %d", c.what, at, len(got), len(stored), len(want))
			}
			if c.broken == nil {
				break
			}
		}
	}
}
