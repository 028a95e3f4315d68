package ui

import (
	"strings"
	"testing"
)

// TestEditor tells what keys do to a text; | is the cursor.
func TestEditor(t *testing.T) {
	ops := map[string]func(*editor){
		"left": (*editor).left, "right": (*editor).right, "home": (*editor).home, "end": (*editor).end,
		"word-left": (*editor).wordLeft, "word-right": (*editor).wordRight, "backspace": (*editor).backspace,
		"delete": (*editor).delete, "kill-word": (*editor).killWord, "kill-left": (*editor).killLeft, "kill-right": (*editor).killRight,
		"kill-start": (*editor).killToStart, "kill-end": (*editor).killToEnd, "yank": (*editor).yank,
		"transpose": (*editor).transpose, "undo": (*editor).undo,
	}
	for _, c := range []struct{ from, keys, want string }{
		{"ab|c", "left", "a|bc"},
		{"|abc", "left", "|abc"},
		{"abc|", "right", "abc|"},
		{"a👩\u200d👩\u200d👧|b", "left", "a|👩\u200d👩\u200d👧b"},
		{"a👩\u200d👩\u200d👧|b", "backspace", "a|b"},
		{"e\u0301|", "backspace", "|"},
		{"a\n|b", "left", "a|\nb"},
		{"a\n|b", "backspace", "a|b"},
		{"one two|", "word-left", "one |two"},
		{"one |two, three", "word-right", "one two|, three"},
		{"see http://x/y z|", "kill-word kill-word", "see |"},
		{"see http://x/y|", "kill-left", "see http://x/|"},
		{"one |two three", "kill-right", "one | three"},
		{"first\nsec|ond", "home", "first\n|second"},
		{"first\nsec|ond", "kill-start", "first\n|ond"},
		{"fi|rst\nsecond", "kill-end", "fi|\nsecond"},
		{"first|\nsecond", "kill-end", "first|second"},
		{"one two|", "kill-word yank yank", "one twotwo|"},
		{"ab|c", "transpose", "acb|"},
		{"abc|", "transpose", "acb|"},
		{"a|", "transpose", "a|"},
		{"one two|", "kill-word kill-word undo undo", "one two|"},
		{"|", "undo", "|"},
	} {
		var e editor
		at := strings.IndexByte(c.from, '|')
		e.text, e.pos = c.from[:at]+c.from[at+1:], at
		for key := range strings.FieldsSeq(c.keys) {
			ops[key](&e)
		}
		if got := e.text[:e.pos] + "|" + e.text[e.pos:]; got != c.want {
			t.Errorf("%q, %s: %q, want %q", c.from, c.keys, got, c.want)
		}
	}
}

func TestEditorJoinsWhatIsTypedInPieces(t *testing.T) {
	var e editor
	for _, r := range "n\u0303 👩\u200d👧 می\u200cخ \x1b\u202e" {
		e.insert(string(r))
	}
	if want := "n\u0303 👩\u200d👧 می\u200cخ ␛<U+202E>"; e.text != want || e.pos != len(want) {
		t.Errorf("%q", e.text)
	}
}

// FuzzEditor: whatever is typed and cut, the cursor stays between graphemes and the text safe.
func FuzzEditor(f *testing.F) {
	f.Add("hello world", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, s string, keys []byte) {
		var e editor
		do := []func(){
			e.left, e.right, e.home, e.end, e.wordLeft, e.wordRight, e.backspace, e.delete, e.killWord, e.killLeft, e.killRight,
			e.killToStart, e.killToEnd, e.yank, e.transpose, e.undo, func() { e.insert(s) }, func() { e.insert("\u0301") },
		}
		for _, k := range keys[:min(len(keys), 200)] {
			do[int(k)%len(do)]()
			if e.pos < 0 || e.pos > len(e.text) {
				t.Fatalf("the cursor is at %d of %q", e.pos, e.text)
			}
			if len(e.text) > 1<<16 {
				return
			}
		}
	})
}
