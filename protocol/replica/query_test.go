package replica

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseQuery(t *testing.T) {
	zone := time.FixedZone("here", 2*3600)
	for _, c := range []struct{ text, want string }{
		{"build", `"build"`},
		{"  green   build ", `"green" "build"`},
		{`"green build" now`, `"green build" "now"`},
		{`say"green build"now`, `"say" "green build" "now"`},
		{"gre*", `"gre"*`},
		{`"gre*"`, `"gre*"`},
		{"from:alice", "from alice"},
		{"From:alice·7k3q hello", `"hello" from alice·7k3q`},
		{`from:"alice b" hello`, `"hello" from alice b`},
		{`"from:alice"`, `"from:alice"`},
		{"in:#go in-tray", `"in-tray" in #go`},
		{"in:@bob tea", `"tea" in @bob`},
		{"http://x.org", `"http://x.org"`},
		{"not:akey", `"not:akey"`},
		{"before:2026-11-01", "before 2026-11-01T00:00:00+02:00"},
		{"after:2026-11-01 x", `"x" after 2026-11-01T00:00:00+02:00`},
		{"after:2026-11 before:2027", "after 2026-11-01T00:00:00+02:00 before 2027-01-01T00:00:00+02:00"},
		{"after:2026-11-01T17:30", "after 2026-11-01T17:30:00+02:00"},
		{"after:2026-11-01T17:30:05Z", "after 2026-11-01T17:30:05Z"},
		{`build "" now`, `"build" "now"`},
	} {
		p, err := ParseQuery(c.text, zone)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		var got []string
		for _, x := range p.Terms {
			got = append(got, fmt.Sprintf("%q", x.Text)+map[bool]string{true: "*"}[x.Prefix])
		}
		for _, x := range []struct{ key, value string }{{"from", p.From}, {"in", p.In}, {"after", when(p.After)}, {"before", when(p.Before)}} {
			if x.value != "" {
				got = append(got, x.key+" "+x.value)
			}
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func TestParseQueryRefuses(t *testing.T) {
	for _, c := range []struct{ text, why string }{
		{"", "nothing to look for"},
		{"  ", "nothing to look for"},
		{`""`, "nothing to look for"},
		{`green "build`, `the quote before "build" has no end`},
		{"from: hello", "from: has nothing after it"},
		{"hello from:", "from: has nothing after it"},
		{"from:a from:b", "from: is there twice"},
		{"before:tomorrow", "before:tomorrow is not a date such as 2026-11-01"},
		{"after:2026-13-01", "after:2026-13-01 is not a date such as 2026-11-01"},
		{"?!", `"?!" has neither letters nor digits to look for`},
		{"b*", "b* begins half of all words: at least 2 letters before the *"},
		{"*", `"" has neither letters nor digits to look for`},
	} {
		if _, err := ParseQuery(c.text, time.UTC); !errors.Is(err, ErrQuery) || err.Error() != "search: "+c.why {
			t.Errorf("%s: %v, want %s", c.text, err, c.why)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"Hello, World! 42", "hello world 42"},
		{"don't re-use a_b", "don t re use a b"},
		{"Café cafe\u0301 NAÏVE ﬁne Ｆｕｌｌ", "cafe cafe naive fine full"},
		{"ΣΊΣΥΦΟΣ Ёлка", "σισυφοσ елка"},
		{"日本語です", "日 本 語 て す"},
		{"abc日本def", "abc 日 本 def"},
		{"한국어 한국", strings.Join([]string{"\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165", "\u1112\u1161\u11ab\u1100\u116e\u11a8"}, " ")},
		{"soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"},
		{"ok🎉🎉👍🏽", "ok 🎉 🎉 👍"},
		{"\x00\"quo*te\" (x) AND", "quo te x and"},
		{strings.Repeat("x", 1000) + " y", strings.Repeat("x", 64) + " y"},
	} {
		if got := strings.Join(Words(c.text), " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// What a search sees of a text it sees of itself as well, so that a text is found by its own words.
func FuzzWords(f *testing.F) {
	for _, text := range []string{"Hello, World", "Café ﬁ", "日本語 abc", "한국어", "🎉ok", "\xff\x00", "ǅ ŉ İ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := Words(text)
		if again := Words(strings.Join(words, " ")); !slices.Equal(words, again) {
			t.Errorf("%q is %q, and that is %q", text, words, again)
		}
		for _, w := range words {
			if w == "" || strings.ContainsAny(w, " \"*():^-+\x00") {
				t.Errorf("%q has the word %q", text, w)
			}
		}
	})
}
