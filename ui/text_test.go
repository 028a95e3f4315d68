package ui

import (
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text string
		w    int
		want string // rows, divided by |
	}{
		{"", 5, ""},
		{"hello", 5, "hello"},
		{"hello world", 5, "hello|world"},
		{"hello world", 6, "hello|world"},
		{"hello   world", 6, "hello|world"},
		{"a bc def", 4, "a bc|def"},
		{"extraordinary", 5, "extra|ordin|ary"},
		{"an extraordinary day", 5, "an|extra|ordin|ary|day"},
		{"one\ntwo", 9, "one|two"},
		{"one\n\ntwo\n", 9, "one||two|"},
		{"well-known", 6, "well-|known"},
		{"寿司寿司", 5, "寿司|寿司"},
		{"寿", 1, "寿"},
		{"no\u00a0break here", 9, "no\u00a0break|here"},
		{"    x", 3, "|x"},
		{"👩\u200d👩\u200d👧👩\u200d👩\u200d👧", 3, "👩\u200d👩\u200d👧|👩\u200d👩\u200d👧"},
	} {
		var got []string
		for _, r := range wrap(c.text, c.w) {
			got = append(got, c.text[r.start:r.end])
		}
		if g := strings.Join(got, "|"); g != c.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", c.text, c.w, g, c.want)
		}
		checkWrap(t, c.text, c.w)
	}
	for _, s := range naughty {
		for w := 1; w < 30; w += 3 {
			checkWrap(t, SafeLines(s), w)
		}
	}
}

// checkWrap compares with uniseg: rows hold the whole text but spaces and line ends at breaks, fit (unless one
// grapheme alone does not), and end only between graphemes, and where a line may break if any such place was left.
func checkWrap(t *testing.T, text string, w int) {
	t.Helper()
	may := map[int]bool{} // where Unicode lets a line break
	at, edge := 0, map[int]bool{0: true}
	for rest, state := text, -1; rest != ""; {
		var cluster string
		var bound int
		cluster, rest, bound, state = uniseg.StepString(rest, state)
		at += len(cluster)
		edge[at] = true
		may[at] = bound&uniseg.MaskLine != uniseg.LineDontBreak
	}
	next := 0
	rows := wrap(text, w)
	for i, r := range rows {
		if r.start != next || r.end < r.start || r.next < r.end || strings.Trim(text[r.end:r.next], " \n") != "" {
			t.Fatalf("wrap(%q, %d): row %d is %v after %d", text, w, i, r, next)
		}
		next = r.next
		row := text[r.start:r.end]
		if !edge[r.start] || !edge[r.end] {
			t.Fatalf("wrap(%q, %d): row %q cuts a grapheme", text, w, row)
		}
		if n := width(strings.TrimRight(row, " ")); n > w && uniseg.GraphemeClusterCount(strings.TrimRight(row, " ")) > 1 {
			t.Fatalf("wrap(%q, %d): row %q has %d columns", text, w, row, n)
		}
		if i == len(rows)-1 || may[r.next] {
			continue
		}
		for p := r.start + 1; p < r.next; p++ {
			if may[p] && strings.TrimLeft(text[r.start:p], " ") != "" {
				t.Fatalf("wrap(%q, %d): row %q could have ended at %q", text, w, row, text[r.start:p])
			}
		}
	}
	if next != len(text) {
		t.Fatalf("wrap(%q, %d) ends at %d", text, w, next)
	}
}
