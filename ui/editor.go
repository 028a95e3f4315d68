package ui

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// editor is a text under the cursor, with the habits of readline. What is put in goes through SafeLines,
// so that one sees what one sends.
type editor struct {
	text  string
	pos   int // of the cursor, in bytes, between two graphemes
	kill  string
	undos []undo
	typed bool // the last change was typing, which is undone as one
}

type undo struct {
	text string
	pos  int
}

// set replaces the text.
func (e *editor) set(text string) {
	e.remember()
	e.text = SafeLines(text)
	e.pos, e.typed = len(e.text), false
}

// reset forgets everything, as after sending.
func (e *editor) reset() { *e = editor{kill: e.kill} }

func (e *editor) remember() {
	if n := len(e.undos); n == 0 || e.undos[n-1].text != e.text {
		e.undos = append(e.undos, undo{e.text, e.pos})
	}
	if len(e.undos) > 100 {
		e.undos = slices.Delete(e.undos, 0, 50)
	}
}

func (e *editor) undo() {
	e.typed = false
	for n := len(e.undos); n > 0; n = len(e.undos) {
		u := e.undos[n-1]
		e.undos = e.undos[:n-1]
		if u.text != e.text {
			e.text, e.pos = u.text, u.pos
			return
		}
	}
}

// insert puts s in at the cursor. What it would combine with is looked at together with it.
func (e *editor) insert(s string) {
	if !e.typed || len(s) > utf8.UTFMax || s == " " {
		e.remember()
	}
	e.typed = len(s) <= utf8.UTFMax
	from := e.lineStart()
	head := SafeLines(e.text[from:e.pos] + s)
	e.text = e.text[:from] + head + e.text[e.pos:]
	e.pos = from + len(head)
}

func (e *editor) lineStart() int { return strings.LastIndexByte(e.text[:e.pos], '\n') + 1 }

func (e *editor) lineEnd() int {
	if i := strings.IndexByte(e.text[e.pos:], '\n'); i >= 0 {
		return e.pos + i
	}
	return len(e.text)
}

// before is the start of the grapheme in front of the cursor.
func (e *editor) before() int {
	if e.pos == 0 {
		return 0
	}
	from := e.lineStart()
	if from == e.pos {
		return e.pos - 1
	}
	at, state := from, -1
	for rest := e.text[from:e.pos]; ; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if rest == "" {
			return at
		}
		at += len(cluster)
	}
}

// after is the end of the grapheme behind the cursor.
func (e *editor) after() int {
	cluster, _, _, _ := uniseg.FirstGraphemeClusterInString(e.text[e.pos:], -1)
	return e.pos + len(cluster)
}

func wordBefore(text string, pos int) int {
	in := false
	for pos > 0 {
		r, n := utf8.DecodeLastRuneInString(text[:pos])
		word := wordRune(r) || unicode.Is(unicode.M, r)
		if in && !word {
			break
		}
		in = in || word
		pos -= n
	}
	return pos
}

func wordAfter(text string, pos int) int {
	in := false
	for pos < len(text) {
		r, n := utf8.DecodeRuneInString(text[pos:])
		word := wordRune(r) || unicode.Is(unicode.M, r)
		if in && !word {
			break
		}
		in = in || word
		pos += n
	}
	return pos
}

// spaceBefore is where the word of anything but spaces in front of the cursor begins.
func spaceBefore(text string, pos int) int {
	s := strings.TrimRightFunc(text[:pos], unicode.IsSpace)
	return strings.LastIndexFunc(s, unicode.IsSpace) + 1
}

// cut removes from..to; killed text can be yanked.
func (e *editor) cut(from, to int, kill bool) {
	if from >= to {
		return
	}
	e.remember()
	e.typed = false
	if kill {
		e.kill = e.text[from:to]
	}
	e.text = e.text[:from] + e.text[to:]
	e.pos = from
}

func (e *editor) left()        { e.pos, e.typed = e.before(), false }
func (e *editor) right()       { e.pos, e.typed = e.after(), false }
func (e *editor) home()        { e.pos, e.typed = e.lineStart(), false }
func (e *editor) end()         { e.pos, e.typed = e.lineEnd(), false }
func (e *editor) wordLeft()    { e.pos, e.typed = wordBefore(e.text, e.pos), false }
func (e *editor) wordRight()   { e.pos, e.typed = wordAfter(e.text, e.pos), false }
func (e *editor) backspace()   { e.cut(e.before(), e.pos, false) }
func (e *editor) delete()      { e.cut(e.pos, e.after(), false) }
func (e *editor) killWord()    { e.cut(spaceBefore(e.text, e.pos), e.pos, true) }
func (e *editor) killLeft()    { e.cut(wordBefore(e.text, e.pos), e.pos, true) }
func (e *editor) killRight()   { e.cut(e.pos, wordAfter(e.text, e.pos), true) }
func (e *editor) killToStart() { e.cut(e.lineStart(), e.pos, true) }
func (e *editor) yank()        { e.typed = false; e.insert(e.kill) }

// killToEnd cuts the rest of the line, at its end the line end.
func (e *editor) killToEnd() {
	if e.pos == e.lineEnd() {
		e.delete()
		return
	}
	e.cut(e.pos, e.lineEnd(), true)
}

// transpose swaps the two graphemes around the cursor, at the end the last two.
func (e *editor) transpose() {
	was := e.pos
	if e.pos == e.lineEnd() && e.pos > 0 {
		e.left()
	}
	from, to := e.before(), e.after()
	if from < e.lineStart() || from == e.pos || to == e.pos {
		e.pos = was
		return
	}
	e.remember()
	e.typed = false
	e.text = SafeLines(e.text[:from] + e.text[e.pos:to] + e.text[from:e.pos] + e.text[to:])
	e.pos = min(to, len(e.text))
}
