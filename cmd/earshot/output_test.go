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
