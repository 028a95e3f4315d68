package replica

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"earshot/protocol"
)

// ErrText is a name or text that no line may have.
var ErrText = errors.New("replica: bad text")

// EncodeBody makes the body of a line: the author's name, so that a late joiner sees it as it was, and the text.
// Both are UTF-8, of at most protocol.MaxName and protocol.MaxText bytes; otherwise ErrText.
func EncodeBody(name, text string) ([]byte, error) {
	switch {
	case len(name) > protocol.MaxName:
		return nil, fmt.Errorf("%w: name of %d bytes", ErrText, len(name))
	case len(text) > protocol.MaxText:
		return nil, fmt.Errorf("%w: %d bytes", ErrText, len(text))
	case !utf8.ValidString(name) || !utf8.ValidString(text):
		return nil, fmt.Errorf("%w: not UTF-8", ErrText)
	}
	e := protocol.NewEncoder()
	e.Array(2)
	e.Str(name)
	e.Str(text)
	return bytes.Clone(e.Bytes()), nil
}

// DecodeBody reads what EncodeBody wrote, under the same rules.
func DecodeBody(body []byte) (name, text string, err error) {
	if err := protocol.Scan(body); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrText, err)
	}
	d := protocol.NewDecoder(body)
	d.ArrayOf(2)
	name, text = d.StrMax(protocol.MaxName), d.StrMax(protocol.MaxText)
	if err := d.End(); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrText, err)
	}
	return name, text, nil
}

// NewText is a line (KindText or KindAction), ready but for its log, number, previous hash and clock.
// The error is ErrText, or about a kind that has no text.
func NewText(kind EntryKind, wall time.Time, name, text string) (Entry, error) {
	if kind != KindText && kind != KindAction {
		return Entry{}, fmt.Errorf("replica: %s has no text", kind)
	}
	body, err := EncodeBody(name, text)
	if err != nil {
		return Entry{}, err
	}
	return Entry{Wall: wall, Kind: kind, Body: body}, nil
}
