package ui

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

func TestSafe(t *testing.T) {
	for _, c := range []struct{ name, in, line, lines string }{
		{"plain", "hello [red]", "hello [red]", "hello [red]"},
		{"escape", "\x1b[31mred\x07", "␛[31mred␇", "␛[31mred␇"},
		{"delete", "a\x7fb", "a␡b", "a␡b"},
		{"C1", "\u009b31m", "<U+009B>31m", "<U+009B>31m"},
		{"bidirectional", "a\u202eb\u2066c", "a<U+202E>b<U+2066>c", "a<U+202E>b<U+2066>c"},
		{"line ends", "a\nb\r\nc\rd", "a␤b␤c␤d", "a\nb\nc\nd"},
		{"separators", "a\u2028b\u2029c\u0085", "a<U+2028>b<U+2029>c<U+0085>", "a<U+2028>b<U+2029>c<U+0085>"},
		{"tab", "a\tb", "a b", "a    b"},
		{"not UTF-8", "a\xffb\xc3", "a�b�", "a�b�"},
		{"marks", "z" + strings.Repeat("\u0300", 50) + "a", "z" + strings.Repeat("\u0300", 4) + "a", "z" + strings.Repeat("\u0300", 4) + "a"},
		{"mark alone", "\u0301x", "◌\u0301x", "◌\u0301x"},
		{"invisible", "a\u200b\ufeff\u00adb", "a<U+200B><U+FEFF><U+00AD>b", "a<U+200B><U+FEFF><U+00AD>b"},
		{"family", "👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"},
		{"joiner in Latin", "a\u200db", "a<U+200D>b", "a<U+200D>b"},
		{"Persian", "می\u200cخواهم", "می\u200cخواهم", "می\u200cخواهم"},
		{"England", "🏴\U000e0067\U000e007f", "🏴\U000e0067\U000e007f", "🏴\U000e0067\U000e007f"},
		{"tags alone", "a\U000e0067", "a<U+E0067>", "a<U+E0067>"},
		{"wide dash", "a⸻b", "a<U+2E3B>b", "a<U+2E3B>b"},
		{"filler", "\u3164", "<U+3164>", "<U+3164>"},
	} {
		if got := Safe(c.in); got != c.line {
			t.Errorf("%s: Safe(%q) = %q, want %q", c.name, c.in, got, c.line)
		}
		if got := SafeLines(c.in); got != c.lines {
			t.Errorf("%s: SafeLines(%q) = %q, want %q", c.name, c.in, got, c.lines)
		}
	}
}

func TestSafeName(t *testing.T) {
	for in, want := range map[string]string{
		"bob": "bob", "  bob  ": "bob", "": "(no name)", " \u3000\u2800": "(no name)", "a\nb": "a␤b", "two  words": "two words",
	} {
		if got := safeName(in); got != want {
			t.Errorf("safeName(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSafe(f *testing.F) {
	for _, s := range naughty {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, f := range map[string]func(string) string{"Safe": Safe, "SafeLines": SafeLines} {
			got := f(s)
			if again := f(got); again != got {
				t.Fatalf("%s twice: %q became %q", name, got, again)
			}
			if !utf8.ValidString(got) {
				t.Fatalf("%s: %q is not UTF-8", name, got)
			}
			marks := 0
			for _, r := range got {
				if unicode.IsControl(r) && (r != '\n' || name == "Safe") {
					t.Fatalf("%s lets %U through", name, r)
				}
				if unicode.Is(unicode.Bidi_Control, r) {
					t.Fatalf("%s lets %U through", name, r)
				}
				if marks++; !unicode.Is(unicode.M, r) {
					marks = 0
				}
				if marks > maxMarks {
					t.Fatalf("%s lets %d marks through", name, marks)
				}
			}
			for rest, state := got, -1; rest != ""; {
				var cluster string
				cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
				if n := utf8.RuneCountInString(cluster); n > 100 {
					t.Fatalf("%s: a grapheme of %d characters", name, n)
				}
			}
			checkWrap(t, got, 1+len(s)%20)
		}
	})
}

// naughty is strings that have broken programs before, after the list of that name.
var naughty = []string{
	"", "undefined", "\x00\x01\x1b]0;title\x07", "\x1b[2J\x1b[H", "\u009b2J", "[red::b]markup[-:-:-]", "[\"region\"]text[\"\"]", "[[escaped[]", "%s%n%d",
	"\u202etest\u202c", "\u2066test\u2069", "\ufeff", "\u200b\u200c\u200d", "z̶͖̈́a̴̡̛l̵̰͝g̷̫̀o̸̢͐", strings.Repeat("\u0334", 500),
	"田中さんにあげて下さい", "사회과학원 어학연구소", "👾 🙇 💁 🙅 🙆", "🇺🇸🇷🇺🇸 🇦🇫🇦🇲", "👨\u200d👩\u200d👦\u200d👦", "1️⃣ 2️⃣", "👍🏿👍🏻",
	"הָיְתָהtestالصفحات", "مُنَاقَشَةُ سُبُلِ", "﷽", "ﷺ", "𝕋𝕙𝕖 𝕢𝕦𝕚𝕔𝕜", "Ω≈ç√∫˜µ≤≥÷", "᚛ᚄᚓᚐᚋᚒᚄ", "\u2028\u2029\u0085", "a\rb\r\nc\td\ve\ff", "\xff\xfe\xc0\x80\xed\xa0\x80",
	"⁰⁴⁵₀₁₂", "ด้้้้้็็็็็้้้้้็็็็็", "(ﾉಥ益ಥ）ﾉ ┻━┻", "ᄀᄀᄀᄀᄀᄀᄀᄀ각", "ก็็็็็็", strings.Repeat("W", 3000), strings.Repeat("寿", 999), "·7k3q", "bob·7k3q", " ", "\u3164", "//", "/quit", "#", "@",
	"⸻⸺", "\U000e0041\U000e0042", "\U0010ffff\ufffe", "नमस्ते क्ष्म्य", "\u0600\u0601\u0602text", "\ufdfd\ufdfd\ufdfd", "e\u0301\u0301\u0301\u0301\u0301\u0301",
}
