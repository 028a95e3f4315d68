package protocol

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Range is the numbers First to Last, both included.
type Range struct{ First, Last uint64 }

// Len is how many numbers the range holds; 0 stands for all 2^64 of them.
func (r Range) Len() uint64 { return r.Last - r.First + 1 }

func (r Range) String() string {
	if r.First == r.Last {
		return fmt.Sprint(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// MarshalText writes String.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Range) UnmarshalText(b []byte) error {
	first, last, found := strings.Cut(string(b), "-")
	if !found {
		last = first
	}
	from, err := strconv.ParseUint(first, 10, 64)
	if err != nil {
		return fmt.Errorf("protocol: range: %w", err)
	}
	to, err := strconv.ParseUint(last, 10, 64)
	if err != nil {
		return fmt.Errorf("protocol: range: %w", err)
	}
	if to < from {
		return fmt.Errorf("protocol: range %s ends before it begins", b)
	}
	*r = Range{from, to}
	return nil
}

// RangeSet is a set of numbers as ranges, ascending, neither overlapping nor adjacent. The zero value is the empty set.
// Like append, Add and Remove may change the memory of the set they are called on: keep another set with Clone.
type RangeSet []Range

// Add puts r, whose First is not above its Last, into the set.
func (s *RangeSet) Add(r Range) {
	if n := len(*s); n > 0 && r.First > (*s)[n-1].First { // at the end, as most are
		switch last := &(*s)[n-1]; {
		case r.First <= last.Last || r.First == last.Last+1:
			last.Last = max(last.Last, r.Last)
		default:
			*s = append(*s, r)
		}
		return
	}
	from, _ := slices.BinarySearchFunc(*s, r.First, func(x Range, n uint64) int {
		if x.Last < n && x.Last+1 < n {
			return -1
		}
		return 1
	})
	to := from
	for ; to < len(*s); to++ {
		x := (*s)[to]
		if x.First > r.Last && x.First-1 > r.Last {
			break
		}
		r.First, r.Last = min(r.First, x.First), max(r.Last, x.Last)
	}
	*s = slices.Replace(*s, from, to, r)
}

// Remove takes r out of the set.
func (s *RangeSet) Remove(r Range) {
	from, _ := slices.BinarySearchFunc(*s, r.First, func(x Range, n uint64) int {
		if x.Last < n {
			return -1
		}
		return 1
	})
	var rest [2]Range // what stays of the ranges that r cuts
	n, to := 0, from
	for ; to < len(*s) && (*s)[to].First <= r.Last; to++ {
		x := (*s)[to]
		if x.First < r.First {
			rest[n] = Range{x.First, r.First - 1}
			n++
		}
		if x.Last > r.Last {
			rest[n] = Range{r.Last + 1, x.Last}
			n++
		}
	}
	*s = slices.Replace(*s, from, to, rest[:n]...)
}

// Contains tells whether n is in the set.
func (s RangeSet) Contains(n uint64) bool {
	_, ok := slices.BinarySearchFunc(s, n, func(x Range, n uint64) int {
		switch {
		case x.Last < n:
			return -1
		case x.First > n:
			return 1
		}
		return 0
	})
	return ok
}

// Minus is what is in s and not in t, in memory of its own.
func (s RangeSet) Minus(t RangeSet) RangeSet {
	var out RangeSet
	for _, r := range s {
		for len(t) > 0 && t[0].Last < r.First {
			t = t[1:]
		}
		for _, x := range t {
			if x.First > r.Last {
				break
			}
			if x.First > r.First {
				out = append(out, Range{r.First, x.First - 1})
			}
			if x.Last >= r.Last {
				r.First, r.Last = 1, 0 // nothing of it is left
				break
			}
			r.First = x.Last + 1
		}
		if r.First <= r.Last {
			out = append(out, r)
		}
	}
	return out
}

// Len is how many numbers the set holds.
func (s RangeSet) Len() uint64 {
	var n uint64
	for _, r := range s {
		n += r.Len()
	}
	return n
}

// Max is the greatest number, 0 in an empty set.
func (s RangeSet) Max() uint64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].Last
}

// Clone copies the set.
func (s RangeSet) Clone() RangeSet { return slices.Clone(s) }

func (s RangeSet) String() string {
	parts := make([]string, len(s))
	for i, r := range s {
		parts[i] = r.String()
	}
	return strings.Join(parts, ",")
}
