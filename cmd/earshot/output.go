package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"earshot/peer"
	"earshot/protocol"
	"earshot/ui"
)

// label is how a person is called where nobody can ask back: a name is anybody's, the end of it is not.
func label(name string, id protocol.PeerID) string {
	return ui.Safe(name) + "·" + id.Short()
}

// millis is a duration in milliseconds, to the microsecond.
func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// inMillis is millis as people read it.
func inMillis(d time.Duration) string {
	digits := 0
	switch {
	case d < time.Millisecond:
		digits = 2
	case d < 100*time.Millisecond:
		digits = 1
	}
	return strconv.FormatFloat(millis(d), 'f', digits, 64) + " ms"
}

// roomName is "#lobby", or "@bob" with whatever bob is called.
func roomName(r peer.Room) string { return ui.Safe(r.Name) }

// writeJSON writes v as one line. What encoding/json leaves as it is but a terminal might obey,
// or nobody could see, is escaped too, so that the line is harmless wherever it is shown.
func writeJSON(w io.Writer, v any) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escapeInvisible(line.String()))
	return err
}

func escapeInvisible(s string) string {
	if !strings.ContainsFunc(s, invisible) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !invisible(r):
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// invisible tells whether r is a control or format character. The line's own end is not.
func invisible(r rune) bool {
	return r >= 0x7f && r != utf8.RuneError && !unicode.IsPrint(r)
}
