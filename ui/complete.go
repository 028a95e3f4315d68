package ui

import (
	"cmp"
	"slices"
	"strings"
)

// completion is a round of Tab: the choices for one word, gone through until another key ends it.
type completion struct {
	head, tail string // of the text around the word
	choices    []string
	at         int
}

// complete completes the word before the cursor, or goes on to the next choice.
func (w *window) complete(by int) {
	if w.page.composer.ask != nil {
		return
	}
	e := &w.m.current.draft
	if w.tab == nil {
		w.tab = w.choices(e)
		if w.tab == nil {
			return
		}
		if by < 0 {
			w.tab.at = len(w.tab.choices) - 1
		}
		e.remember()
	} else {
		n := len(w.tab.choices)
		w.tab.at = (w.tab.at + by + n) % n
	}
	t := w.tab
	e.text = t.head + t.choices[t.at] + t.tail
	e.pos, e.typed = len(t.head)+len(t.choices[t.at]), false
	if len(t.choices) > 1 {
		shown := make([]string, len(t.choices))
		for i, s := range t.choices {
			shown[i] = strings.TrimRight(s, ": ")
		}
		w.page.status.message = ""
		w.page.status.choices, w.page.status.choice = shown, t.at
	}
}

// choices finds what the word before the cursor may become, nil if nothing.
func (w *window) choices(e *editor) *completion {
	from := spaceBefore(e.text, e.pos)
	if from < e.pos && strings.TrimRight(e.text[:e.pos], " \n") != e.text[:e.pos] {
		from = e.pos
	}
	head, word, tail := e.text[:from], e.text[from:e.pos], e.text[e.pos:]
	kind, after := "person", " "
	name, _, isCommand := parse(head)
	switch {
	case from == 0 && strings.HasPrefix(word, "/") && !strings.HasPrefix(word, "//"):
		kind = "command"
	case strings.HasPrefix(word, "#"):
		kind = "room"
	case isCommand && strings.Count(strings.TrimSpace(head), " ") == 0:
		i := slices.IndexFunc(w.commands, func(x command) bool { return x.name == name })
		if i >= 0 && w.commands[i].kind != "" {
			kind = w.commands[i].kind
		}
	case from == 0:
		after = ": "
	}
	if word == "" && kind == "person" && !isCommand {
		return nil
	}
	if tail != "" && strings.HasPrefix(tail, " ") {
		after = strings.TrimSuffix(after, " ")
	}
	var found []string
	for _, s := range w.candidates(kind) {
		if fold := strings.ToLower(s); strings.HasPrefix(fold, strings.ToLower(word)) {
			found = append(found, s+after)
		} else if at, ok := strings.CutPrefix(word, "@"); ok && kind == "person" && strings.HasPrefix(fold, strings.ToLower(at)) {
			found = append(found, "@"+s+after)
		} else if kind == "room" && strings.HasPrefix(fold, "#"+strings.ToLower(word)) {
			found = append(found, s+after)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &completion{head: head, tail: tail, choices: found}
}

// candidates is everything of a kind, the likeliest first.
func (w *window) candidates(kind string) []string {
	m := w.m
	var out []string
	switch kind {
	case "command":
		for _, c := range w.commands {
			out = append(out, "/"+c.name)
		}
	case "room":
		for _, c := range m.convs {
			if !c.room.Direct() {
				out = append(out, m.title(c))
			}
		}
		for _, p := range m.sorted() {
			for _, r := range p.Rooms {
				if r = "#" + strings.TrimPrefix(safeName(r), "#"); !slices.Contains(out, r) {
					out = append(out, r)
				}
			}
		}
	case "person":
		for _, p := range m.sorted() {
			out = append(out, m.label(p.ID, p.Name))
		}
	}
	return out
}

// score tells how well pattern fits name: each letter in order, the fewer gaps the better; ok is false if it does not.
func score(pattern, name string) (n int, ok bool) {
	name = strings.ToLower(name)
	at, last := 0, -1
	for _, r := range strings.ToLower(pattern) {
		i := strings.IndexRune(name[at:], r)
		if i < 0 {
			return 0, false
		}
		n += at + i - last - 1
		last = at + i
		at = last + len(string(r))
	}
	return n*4 + len(name) - len(pattern), true
}

// rank sorts names by how well they fit and leaves out those that do not.
func rank[T any](pattern string, all []T, name func(T) string) []T {
	type scored struct {
		x T
		n int
	}
	var fit []scored
	for _, x := range all {
		if n, ok := score(pattern, strings.TrimLeft(name(x), "#@")); ok || pattern == "" {
			fit = append(fit, scored{x, n})
		} else if n, ok := score(pattern, name(x)); ok {
			fit = append(fit, scored{x, n})
		}
	}
	if pattern != "" {
		slices.SortStableFunc(fit, func(a, b scored) int { return cmp.Compare(a.n, b.n) })
	}
	out := make([]T, len(fit))
	for i, f := range fit {
		out[i] = f.x
	}
	return out
}
