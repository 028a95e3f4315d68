package replica

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"earshot/protocol"
)

var (
	// ErrText is a name or text that no line may have.
	ErrText = errors.New("replica: bad text")
	// ErrSealed is a body that no sealed line may have.
	ErrSealed = errors.New("replica: bad sealed body")
)

// CheckText tells whether a line may have this name and text: both are UTF-8, of at most protocol.MaxName and
// protocol.MaxText bytes. Otherwise ErrText.
func CheckText(name, text string) error {
	switch {
	case len(name) > protocol.MaxName:
		return fmt.Errorf("%w: name of %d bytes", ErrText, len(name))
	case len(text) > protocol.MaxText:
		return fmt.Errorf("%w: %d bytes", ErrText, len(text))
	case !utf8.ValidString(name) || !utf8.ValidString(text):
		return fmt.Errorf("%w: not UTF-8", ErrText)
	}
	return nil
}

// EncodeBody makes the body of a line: the author's name, so that a late joiner sees it as it was, and the text.
// The error is CheckText's.
func EncodeBody(name, text string) ([]byte, error) {
	if err := CheckText(name, text); err != nil {
		return nil, err
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

// EncodeSealed makes the body of a sealed line: which of the recipient's keys opens it, and what it opens
// (SPEC section 7.7). sealed has at least protocol.MinSealed bytes and leaves the body within protocol.MaxBody;
// otherwise ErrSealed.
func EncodeSealed(key [8]byte, sealed []byte) ([]byte, error) {
	e := protocol.NewEncoder()
	e.Array(2)
	e.Bin(key[:])
	e.Bin(sealed)
	if len(sealed) < protocol.MinSealed || e.Len() > protocol.MaxBody {
		return nil, fmt.Errorf("%w: %d bytes", ErrSealed, len(sealed))
	}
	return bytes.Clone(e.Bytes()), nil
}

// DecodeSealed reads what EncodeSealed wrote, under the same rules. sealed shares body.
func DecodeSealed(body []byte) (key [8]byte, sealed []byte, err error) {
	if len(body) > protocol.MaxBody {
		return key, nil, fmt.Errorf("%w: %d bytes", ErrSealed, len(body))
	}
	if err := protocol.Scan(body); err != nil {
		return key, nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	d := protocol.NewDecoder(body)
	d.ArrayOf(2)
	key, sealed = [8]byte(d.BinOf(len(key))), d.Bin()
	if d.Err() == nil && len(sealed) < protocol.MinSealed {
		d.Fail("%d bytes are too short", len(sealed))
	}
	if err := d.End(); err != nil {
		return [8]byte{}, nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	return key, sealed, nil
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
