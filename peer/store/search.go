package store

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// pace is how a search for a phrase goes through lines in which its words are, but not in a row.
type pace struct {
	first, most int           // how many lines at once: in the first step, and at the most
	time        time.Duration // after which no further step is taken
}

// searchPace has the worst search we know, for ten of the commonest words, return within 50 ms.
var searchPace = pace{first: 5_000, most: 20_000, time: 30 * time.Millisecond}

// fewest is how many hits are asked of the index at once, at least.
const fewest = 20

// Search asks the full-text index; see replica.Store.
func (s *Store) Search(q replica.Query) (hits []replica.Hit, older replica.Cursor, err error) {
	if err := q.Check(); err != nil || q.Limit < 1 {
		return nil, 0, err
	}
	match, phrase := expression(q)
	if phrase {
		return s.searchPhrase(q, match)
	}
	low, high := q.Span()
	args := []any{integer(low), integer(high), q.Limit}
	ids := "SELECT id FROM entries WHERE indexed AND id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
	if match != "" {
		ids = "SELECT rowid FROM words WHERE words MATCH ?4 AND rowid >= ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3"
		args = append(args, match)
	}
	hits, err = s.hits(ids, args...)
	// What is damaged is no hit, but there may be some behind it.
	if n := len(hits); n > 0 && (n == q.Limit || errors.Is(err, replica.ErrCorrupt)) {
		older = hits[n-1].Cursor
	}
	return hits, older, err
}

// hits is the lines whose ids a query selects, newest first.
func (s *Store) hits(ids string, args ...any) ([]replica.Hit, error) {
	hits, err := s.stored(ids, args...)
	slices.SortFunc(hits, func(a, b replica.Hit) int { return cmp.Compare(b.Cursor, a.Cursor) })
	return hits, err
}

// searchPhrase is Search for words in a row. FTS5 looks for the next such line until it has one, whatever bounds the
// query has. So that it comes back, it is asked in steps, each with a fence.
func (s *Store) searchPhrase(q replica.Query, match string) (hits []replica.Hit, older replica.Cursor, err error) {
	begin, step := time.Now(), s.pace.first
	for low, high := q.Span(); ; step = min(4*step, s.pace.most) {
		from, err := s.below(low, high, step)
		if err != nil {
			return hits, 0, err
		}
		asked, fence := match, s.fence(high)
		if fence != "" {
			asked = "(" + match + ") OR (" + fence + ")"
		}
		ids, err := s.between(from, high, asked)
		if err != nil {
			return hits, 0, err
		}
		if n := max(q.Limit-len(hits), fewest); len(ids) > n {
			ids = ids[len(ids)-n:]
			from = ids[0]
		}
		list, _ := json.Marshal(ids) // numbers
		found, err := s.hits("SELECT value FROM json_each(?)", string(list))
		for _, h := range found {
			if !q.Fits(h.Stored) { // it is only like the fence
				continue
			}
			if hits = append(hits, h); len(hits) == q.Limit {
				return hits, h.Cursor, err
			}
		}
		switch {
		case from == low || err != nil && !errors.Is(err, replica.ErrCorrupt):
			return hits, 0, err
		case err != nil:
			return hits, from, err
		case time.Since(begin) >= s.pace.time:
			return hits, from, nil
		}
		high = from
	}
}

// between is the ids from one on and below another one that match, ascending. FTS5 is not told the upper one: it would
// go on from the fence to the next match that there is.
func (s *Store) between(from, high replica.Cursor, match string) (ids []replica.Cursor, err error) {
	rows, err := s.read.Query("SELECT rowid FROM words WHERE words MATCH ? AND rowid >= ? ORDER BY rowid", match, integer(from))
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id replica.Cursor
		if err := rows.Scan(&id); err != nil {
			return nil, s.explain(err)
		}
		if id >= high {
			return ids, nil
		}
		ids = append(ids, id)
	}
	return ids, s.explain(rows.Err())
}

// below is the cursor that n lines from low on and below high are not below, or low if there are not so many. It counts in
// the table of lengths that FTS5 has beside its index, 15 ns a line (https://sqlite.org/fts5.html, appendix B).
func (s *Store) below(low, high replica.Cursor, n int) (replica.Cursor, error) {
	from := low
	err := s.rows("SELECT id FROM words_docsize WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1 OFFSET ?",
		[]any{integer(low), integer(high), n - 1}, func(rows *sql.Rows) error { return rows.Scan(&from) })
	return from, err
}

// fence is what finds a line at high or little above it, and few others: its longest word. A query that asks for that as
// well comes to its end there. It is empty if there is no such line; if there is none at all, that is the end too.
func (s *Store) fence(high replica.Cursor) string {
	some, _ := s.stored("SELECT id FROM words_docsize WHERE id >= ? ORDER BY id LIMIT 10", integer(high)) // of damaged ones there is no need
	longest := ""
	for _, h := range some {
		_, text, _ := h.Text()
		for _, w := range replica.Words(text) {
			if len(w) > len(longest) {
				longest = w
			}
		}
	}
	if longest == "" {
		return ""
	}
	return `text : "` + longest + `"`
}

// expression is the query in FTS5's language, and whether there are words in it that must stand in a row. Words hold
// letters, digits and pictures only, so nothing in them is a quote.
func expression(q replica.Query) (match string, phrase bool) {
	var all []string
	add := func(column, text, suffix string) {
		words := replica.Words(text)
		phrase = phrase || len(words) > 1
		all = append(all, column+` : "`+strings.Join(words, " ")+`"`+suffix)
	}
	for _, t := range q.Terms {
		suffix := ""
		if t.Prefix {
			suffix = " *"
		}
		add("text", t.Text, suffix)
	}
	if q.Name != "" {
		add("name", q.Name, "")
	}
	if !q.Author.IsZero() {
		add("keys", authorKey(q.Author), "")
	}
	if q.Room != (protocol.RoomID{}) {
		add("keys", roomKey(q.Room), "")
	}
	return strings.Join(all, " AND "), phrase
}
