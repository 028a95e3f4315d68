package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestJSONLinesAreHarmlessAndExact(t *testing.T) {
	for text, want := range map[string]string{
		"plain <b> & 'quotes'": `"plain <b> & 'quotes'"`,
		"héllo 日本 👍🏽 é":        `"héllo 日本 👍🏽 é"`,
		"a\x1b[2J\x07":         `"a\u001b[2J\u0007"`,
		"\u009b2J\u007f":       `"\u009b2J\u007f"`,
		"\u202egnp.exe":        `"\u202egnp.exe"`,
		"flag \U000e0067":      `"flag \udb40\udc67"`,
		"two\nlines\u2028":     `"two\nlines\u2028"`,
		"\ufffd":               `"` + "\ufffd" + `"`,
	} {
		var b strings.Builder
		if err := writeJSON(&b, text); err != nil {
			t.Fatal(err)
		}
		if b.String() != want+"\n" {
			t.Errorf("%q is written as %s", text, b.String())
		}
		var back string
		if err := json.Unmarshal([]byte(b.String()), &back); err != nil || back != text {
			t.Errorf("%q is read as %q, %v", text, back, err)
		}
	}
}

func TestMillis(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.00 ms", 41234: "0.04 ms", 1234567: "1.2 ms", 99 * time.Millisecond: "99.0 ms", 2345 * time.Millisecond: "2345 ms",
	} {
		if got := inMillis(d); got != want {
			t.Errorf("%d ns is %s, want %s", d, got, want)
		}
	}
	if got := millis(1234567); got != 1.235 {
		t.Errorf("1234567 ns is %v ms", got)
	}
}

func TestMarkdownStaysText(t *testing.T) {
	for in, want := range map[string]string{
		"plain, with. points! (and) more - 1. two": `plain, with. points\! (and) more - 1. two`,
		"*b* _i_ `c` [l](http://x) <b> &amp; #1":   "\\*b\\* \\_i\\_ \\`c\\` \\[l\\](http://x) \\<b\\> \\&amp; \\#1",
		"one\r\n- two\n12) three\n    four":        "one\\\n\\- two\\\n12\\) three\\\nfour",
		"a\n\nb":                                   "a\\\n\\\nb",
		"3. first":                                 `3\. first`,
		"\x1b[2Jgone":                              `␛\[2Jgone`,
	} {
		if got := markdown(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestUnitWords(t *testing.T) {
	for in, want := range map[string]string{
		"/usr/bin/earshot": "/usr/bin/earshot",
		"":                 `""`,
		"two words":        `"two words"`,
		`50% of $HOME`:     `"50%% of $$HOME"`,
		`"\`:               `"\"\\"`,
		"a;b":              `"a;b"`,
	} {
		if got := unitWord(in); got != want {
			t.Errorf("%q becomes %s, want %s", in, got, want)
		}
	}
}
