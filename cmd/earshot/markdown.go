package main

import (
	"fmt"
	"io"
	"strings"

	"earshot/peer"
	"earshot/protocol/replica"
	"earshot/ui"
)

type markdownFormat struct {
	w   io.Writer
	day string
}

func (f *markdownFormat) room(r peer.Room) error {
	f.day = ""
	_, err := fmt.Fprintf(f.w, "# %s\n\n", markdown(r.Name))
	return err
}

func (f *markdownFormat) entry(_ peer.Room, m peer.Message, readable bool, _ replica.Stored) error {
	if !readable {
		return nil
	}
	if day := dayOf(m.Time); day != f.day {
		f.day = day
		fmt.Fprintf(f.w, "## %s\n\n", day)
	}
	who := fmt.Sprintf("**%s**·%s:", markdown(m.Name), m.Author.Short())
	if m.Action {
		who = fmt.Sprintf("\\* **%s**·%s", markdown(m.Name), m.Author.Short())
	}
	_, err := fmt.Fprintf(f.w, "%s %s %s\n\n", clock(m.Time), who, markdown(m.Text))
	return err
}

// markdown is a text of somebody else that stays what it is in CommonMark: one paragraph, nothing in it acts.
func markdown(s string) string {
	var b strings.Builder
	for i, line := range strings.Split(ui.SafeLines(s), "\n") {
		if i > 0 {
			b.WriteString("\\\n") // a line end within the paragraph
		}
		line = strings.TrimLeft(line, " ")
		digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
		for j, r := range line {
			switch {
			case strings.ContainsRune("\\`*_{}[]<>#|~&!$", r), // anywhere
				j == 0 && strings.ContainsRune("-+=:", r),             // what begins a list, a line, a heading
				j == digits && j > 0 && strings.ContainsRune(".)", r): // a numbered list
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}
