package store

import (
	"cmp"
	"slices"
	"strings"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// Search asks the full-text index; see replica.Store.
func (s *Store) Search(q replica.Query) ([]replica.Hit, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	low, high := q.Span()
	args := []any{integer(low), integer(high), max(0, q.Limit)}
	ids := "SELECT id FROM entries WHERE indexed AND id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
	if match := expression(q); match != "" {
		ids = "SELECT rowid FROM words WHERE words MATCH ?4 AND rowid >= ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3"
		args = append(args, match)
	}
	hits, err := s.stored(ids, args...)
	slices.SortFunc(hits, func(a, b replica.Hit) int { return cmp.Compare(b.Cursor, a.Cursor) })
	return hits, err
}

// expression is the query in FTS5's language. Words hold letters, digits and pictures only, so nothing in them is a quote.
func expression(q replica.Query) string {
	var all []string
	for _, t := range q.Terms {
		phrase := `text : "` + strings.Join(t.Words(), " ") + `"`
		if t.Prefix {
			phrase += " *"
		}
		all = append(all, phrase)
	}
	if q.Name != "" {
		all = append(all, `name : "`+strings.Join(replica.Words(q.Name), " ")+`"`)
	}
	if !q.Author.IsZero() {
		all = append(all, "keys : "+authorKey(q.Author))
	}
	if q.Room != (protocol.RoomID{}) {
		all = append(all, "keys : "+roomKey(q.Room))
	}
	return strings.Join(all, " AND ")
}
