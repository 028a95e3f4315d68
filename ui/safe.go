package ui

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what may pile up on one base character.
const (
	maxMarks = 4 // combining marks in a row
	maxJoins = 8 // zero width joiners in one emoji
	maxJamo  = 6 // conjoining Hangul letters in a row
)

// Safe makes a text of somebody else fit for one line of any sink: screen, title, notification, log, standard output.
// Control and format characters (bidirectional overrides among them) become visible, line ends become ␤,
// tabs become spaces, combining marks are bounded, invalid UTF-8 becomes U+FFFD. Safe(Safe(s)) is Safe(s).
func Safe(s string) string { return safe(s, false) }

// SafeLines is Safe for sinks of several lines: line ends, of whatever kind, become "\n".
func SafeLines(s string) string { return safe(s, true) }

// plain tells whether s is printable ASCII only, perhaps with line ends: nothing to do.
func plain(s string, lines bool) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' || c > '~') && !(lines && c == '\n') {
			return false
		}
	}
	return true
}

func safe(s string, lines bool) string {
	if plain(s, lines) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	var last rune // what was written last, 0 at the start of a line
	marks, joins, jamo := 0, 0, 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if r == '\r' { // CRLF is one line end, CR alone is one too
			if i < len(s) && s[i] == '\n' {
				continue
			}
			r = '\n'
		}
		if !unicode.Is(unicode.M, r) && r != zwj && r != zwnj {
			marks = 0
		}
		if !isJamo(r) {
			jamo = 0
		}
		switch {
		case r == '\n' && lines:
			b.WriteByte('\n')
			last, joins = 0, 0
			continue
		case r == '\t':
			b.WriteString(tab(lines))
			r = ' '
		case r < ' ':
			r += 0x2400 // control pictures; U+000A becomes U+240A
			if r == 0x240a {
				r = '␤'
			}
			b.WriteRune(r)
		case r == 0x7f:
			r = '␡'
			b.WriteRune(r)
		case r == zwj || r == zwnj:
			if !joinable(last) || joins >= maxJoins {
				r = hex(&b, r)
				break
			}
			joins++
			b.WriteRune(r)
		case isTag(r) && (last == blackFlag || isTag(last)):
			b.WriteRune(r)
		case hidden(r):
			r = hex(&b, r)
		case unicode.Is(unicode.M, r):
			if marks++; marks > maxMarks {
				continue
			}
			if last == 0 {
				b.WriteRune('◌')
			}
			b.WriteRune(r)
		case isJamo(r):
			if jamo++; jamo > maxJamo {
				continue
			}
			b.WriteRune(r)
		default:
			if last != zwj {
				joins = 0
			}
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}

const (
	zwj       = '\u200d'
	zwnj      = '\u200c'
	blackFlag = '\U0001f3f4'
)

func tab(lines bool) string {
	if lines {
		return "    "
	}
	return " "
}

// hex writes the visible form of an invisible character and returns the last rune of it.
func hex(b *strings.Builder, r rune) rune {
	fmt.Fprintf(b, "<U+%04X>", r)
	return '>'
}

// hidden tells whether r would act on the text around it, or be there without being seen.
func hidden(r rune) bool {
	switch {
	case r < 0xa0:
		return r >= 0x80 // C1 controls
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), unicode.Is(unicode.Noncharacter_Code_Point, r):
		return true
	case r == 0x2e3a, r == 0x2e3b: // dashes three and four columns wide
		return true
	case r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0, r == 0x034f, r == 0x17b4, r == 0x17b5: // fillers
		return true
	}
	return false
}

// joinable tells whether a zero width joiner or non-joiner has a meaning behind r:
// emoji, and scripts whose letters join (not Latin, Greek and Cyrillic).
func joinable(r rune) bool {
	switch {
	case r < 0x590:
		return r == 0xa9 || r == 0xae
	case unicode.Is(unicode.M, r), unicode.Is(unicode.So, r), unicode.Is(unicode.Sk, r):
		return true
	}
	return unicode.IsLetter(r)
}

func isTag(r rune) bool { return r >= 0xe0020 && r <= 0xe007f }
func isJamo(r rune) bool {
	return r >= 0x1100 && r <= 0x11ff || r >= 0xa960 && r <= 0xa97c || r >= 0xd7b0 && r <= 0xd7fb
}

// safeName is Safe for names: one line, no space around it, and not invisible.
func safeName(s string) string {
	s = strings.Join(strings.FieldsFunc(Safe(s), func(r rune) bool { return unicode.IsSpace(r) || r == '\u2800' }), " ")
	if s == "" {
		return "(no name)"
	}
	return s
}
