package protocol

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// plain is a set of small numbers that cannot be wrong.
type plain map[uint64]bool

func (p plain) ranges() RangeSet {
	var s RangeSet
	for n := range uint64(64) {
		if !p[n] {
			continue
		}
		if k := len(s) - 1; k >= 0 && s[k].Last+1 == n {
			s[k].Last = n
		} else {
			s = append(s, Range{n, n})
		}
	}
	return s
}

// TestRangeSetAgainstAPlainSet does thousands of random things to a RangeSet and to a map of single numbers; both must
// always hold the same, and the ranges must be ascending and apart.
func TestRangeSetAgainstAPlainSet(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var s, other RangeSet
		p, q := plain{}, plain{}
		for range 60 {
			first := r.Uint64N(64)
			x := Range{first, min(first+r.Uint64N(8), 63)}
			before := other.Clone()
			switch r.IntN(5) {
			case 0, 1:
				s.Add(x)
				for n := x.First; n <= x.Last; n++ {
					p[n] = true
				}
			case 2:
				s.Remove(x)
				for n := x.First; n <= x.Last; n++ {
					delete(p, n)
				}
			case 3:
				other.Add(x)
				for n := x.First; n <= x.Last; n++ {
					q[n] = true
				}
			case 4:
				was := s.Clone()
				minus := plain{}
				for n := range p {
					minus[n] = !q[n]
				}
				if got := s.Minus(other); !slices.Equal(got, minus.ranges()) {
					t.Fatalf("%v without %v is %v, want %v", s, other, got, minus.ranges())
				}
				if !slices.Equal(s, was) || !slices.Equal(other, before) {
					t.Fatalf("Minus changed %v to %v or %v to %v", was, s, before, other)
				}
			}
			want := p.ranges()
			if !slices.Equal(s, want) {
				t.Fatalf("%v, want %v after %v", s, want, x)
			}
			if s.Len() != uint64(len(p)) || len(want) > 0 && s.Max() != want[len(want)-1].Last {
				t.Fatalf("%v: length %d, greatest %d", s, s.Len(), s.Max())
			}
			for n := range uint64(64) {
				if s.Contains(n) != p[n] {
					t.Fatalf("%v contains %d: %v", s, n, s.Contains(n))
				}
			}
		}
	}
}

func TestRangeSetAtTheEnds(t *testing.T) {
	const last = math.MaxUint64
	var s RangeSet
	s.Add(Range{last, last})
	s.Add(Range{0, 0})
	s.Add(Range{last - 1, last - 1})
	if got := s.String(); got != "0,18446744073709551614-18446744073709551615" {
		t.Errorf("%s", got)
	}
	if got := s.Minus(RangeSet{{0, last - 1}}); !slices.Equal(got, RangeSet{{last, last}}) {
		t.Errorf("without all but the last: %v", got)
	}
	if got := s.Minus(RangeSet{{0, last}}); len(got) != 0 {
		t.Errorf("without all: %v", got)
	}
	s.Add(Range{1, last - 2})
	if !slices.Equal(s, RangeSet{{0, last}}) {
		t.Errorf("all: %v", s)
	}
	s.Remove(Range{last, last})
	s.Remove(Range{0, 0})
	if !slices.Equal(s, RangeSet{{1, last - 1}}) {
		t.Errorf("all but the ends: %v", s)
	}
	s.Remove(Range{0, last})
	if len(s) != 0 || s.Max() != 0 || s.Len() != 0 || s.String() != "" {
		t.Errorf("nothing: %v", s)
	}
}

func TestRangesAsText(t *testing.T) {
	for _, r := range []Range{{0, 0}, {3, 9}, {math.MaxUint64, math.MaxUint64}} {
		b, _ := r.MarshalText()
		var again Range
		if err := again.UnmarshalText(b); err != nil || again != r {
			t.Errorf("%s is read as %s, %v", b, again, err)
		}
	}
	for _, s := range []string{"", "-", "3-", "-3", "9-3", "a", "1-b", "1-2-3", "18446744073709551616"} {
		var r Range
		if err := r.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is read as %s", s, r)
		}
	}
}
