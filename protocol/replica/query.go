package replica

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"earshot/protocol"
)

// Query says which lines to find: those that fit every field that is set.
type Query struct {
	Terms  []Term
	Author protocol.PeerID // zero: anybody
	Name   string          // as part of the author's name when it was said; empty: any
	Room   protocol.RoomID // zero: any
	Before time.Time       // wall time, this moment excluded; zero: any
	After  time.Time       // wall time, this moment included; zero: any
	Older  Cursor          // only what comes after this hit; zero: from the newest
	Limit  int             // how many hits at most
}

// Term is words that must come in a row, in any case and with any accents.
type Term struct {
	Text   string
	Prefix bool // the last word may go on
}

// Words is the term's words as a search sees them.
func (t Term) Words() []string { return Words(t.Text) }

// Cursor is the place of a hit among all that could be hits in one store; 0 is before the first.
type Cursor uint64

// Hit is a line that fits a query.
type Hit struct {
	Stored
	Cursor Cursor // for Query.Older, to go on from here
}

// ErrQuery is a query that cannot be answered; the text says what is wrong with it.
var ErrQuery = errors.New("search")

// minPrefix is how many letters the beginning of a word has at least: with one, a search reads a large part of all there is.
const minPrefix = 2

// Check returns ErrQuery if a beginning is too short, or if a term or the name has nothing that could be found.
func (q Query) Check() error {
	for _, t := range q.Terms {
		words := t.Words()
		if len(words) == 0 {
			return fmt.Errorf("%w: %q has neither letters nor digits to look for", ErrQuery, t.Text)
		}
		if t.Prefix && utf8.RuneCountInString(words[len(words)-1]) < minPrefix {
			return fmt.Errorf("%w: %s* begins half of all words: at least %d letters before the *", ErrQuery, t.Text, minPrefix)
		}
	}
	if q.Name != "" && len(Words(q.Name)) == 0 {
		return fmt.Errorf("%w: from:%s has neither letters nor digits to look for", ErrQuery, q.Name)
	}
	return nil
}

// Span is the cursors that Before, After and Older leave: from low on, and below high.
func (q Query) Span() (low, high Cursor) {
	high = math.MaxInt64
	if !q.After.IsZero() {
		low = FirstCursor(q.After)
	}
	if !q.Before.IsZero() {
		high = FirstCursor(q.Before)
	}
	if q.Older > 0 {
		high = min(high, q.Older)
	}
	return low, high
}

// Fits tells whether a line is a hit, if its cursor is one.
func (q Query) Fits(s Stored) bool {
	name, text, ok := s.Text()
	switch {
	case !ok, !q.Author.IsZero() && q.Author != s.entry.Author, q.Room != protocol.RoomID{} && q.Room != s.entry.Room,
		q.Name != "" && !Term{Text: q.Name}.in(Words(name)):
		return false
	}
	words := Words(text)
	return !slices.ContainsFunc(q.Terms, func(t Term) bool { return !t.in(words) })
}

// in tells whether the term stands somewhere in a text.
func (t Term) in(text []string) bool {
	words := t.Words()
	for ; len(text) >= len(words); text = text[1:] {
		last := len(words) - 1
		if slices.Equal(text[:last], words[:last]) &&
			(text[last] == words[last] || t.Prefix && strings.HasPrefix(text[last], words[last])) {
			return true
		}
	}
	return false
}

// ParsedQuery is a query as a person writes it. Whom and where they mean is for somebody who knows people and rooms to say.
type ParsedQuery struct {
	Query
	From string // what stood after from:
	In   string // what stood after in:
}

// ParseQuery reads words, "phrases in quotes", beginnings* and, at most once each,
//
//	from:NAME  in:#ROOM  in:@NAME  before:2026-11-01  after:2026-11
//
// in any order. Days are those of loc; before: leaves the day out and after: takes it in; a month or a year stands for
// its first day, and 2026-11-01T17:30 is a minute. What should not be understood so is put in quotes.
// The error is ErrQuery.
func ParseQuery(text string, loc *time.Location) (ParsedQuery, error) {
	var r ParsedQuery
	seen := map[string]bool{}
	for text = strings.TrimLeftFunc(text, unicode.IsSpace); text != ""; text = strings.TrimLeftFunc(text, unicode.IsSpace) {
		key := ""
		if k, rest, found := strings.Cut(text, ":"); found {
			switch k := strings.ToLower(k); k {
			case "from", "in", "before", "after":
				key, text = k, rest
			}
		}
		value, rest, quoted, err := operand(text)
		text = rest
		switch {
		case err != nil:
			return ParsedQuery{}, err
		case key != "" && seen[key]:
			return ParsedQuery{}, fmt.Errorf("%w: %s: is there twice", ErrQuery, key)
		case value == "" && key != "":
			return ParsedQuery{}, fmt.Errorf("%w: %s: has nothing after it", ErrQuery, key)
		case value == "":
			continue
		}
		seen[key] = true
		switch key {
		case "from":
			r.From = value
		case "in":
			r.In = value
		case "before":
			r.Before, err = day(key, value, loc)
		case "after":
			r.After, err = day(key, value, loc)
		default:
			word, prefix := strings.CutSuffix(value, "*")
			if quoted {
				word, prefix = value, false
			}
			r.Terms = append(r.Terms, Term{word, prefix})
		}
		if err != nil {
			return ParsedQuery{}, err
		}
	}
	if len(r.Terms) == 0 && len(seen) == 0 {
		return ParsedQuery{}, fmt.Errorf("%w: nothing to look for", ErrQuery)
	}
	return r, r.Check()
}

// operand cuts off the next word, or what stands between two quotes.
func operand(text string) (value, rest string, quoted bool, err error) {
	if strings.HasPrefix(text, `"`) {
		value, rest, quoted = strings.Cut(text[1:], `"`)
		if !quoted {
			return "", "", true, fmt.Errorf("%w: the quote before %q has no end", ErrQuery, value)
		}
		return value, rest, true, nil
	}
	end := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '"' })
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:], false, nil
}

var dayLayouts = []string{"2006-01-02", "2006-01", "2006", "2006-01-02T15:04", "2006-01-02T15:04:05"}

func day(key, value string, loc *time.Location) (time.Time, error) {
	for _, layout := range dayLayouts {
		if t, err := time.ParseInLocation(layout, value, loc); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%w: %s:%s is not a date such as 2026-11-01", ErrQuery, key, value)
}
