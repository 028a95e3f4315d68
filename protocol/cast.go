package protocol

import (
	"bytes"
	"fmt"
)

// What a cast costs besides its entries, for packing: bytes for the datagram, and for each entry, at most.
const (
	CastOverhead      = 4
	CastEntryOverhead = 3
)

// Cast is one or more whole signed entries, broadcast once to everybody (SPEC section 8). Nothing about it is proven
// but what the entries' own signatures prove.
type Cast struct {
	Entries [][]byte `json:"entries"` // 1 to MaxCastEntries, none empty
}

// Append writes the whole datagram.
func (c Cast) Append(e *Encoder) {
	e.Array(3)
	e.Uint(Version)
	e.Uint(uint64(KindCast))
	e.Array(len(c.Entries))
	for _, raw := range c.Entries {
		e.Bin(raw)
	}
}

// ParseCast reads a whole datagram; the entries are copies. Its errors are those of ParseKind, ErrKind and ErrFields.
func ParseCast(b []byte) (Cast, error) {
	d, err := body(b, KindCast, 3)
	if err != nil {
		return Cast{}, err
	}
	n := d.Array()
	if n < 1 || n > MaxCastEntries {
		d.Fail("protocol: a cast of %d entries", n)
	}
	var c Cast
	for range n {
		raw := d.BinMax(MaxEntry)
		if len(raw) == 0 {
			d.Fail("protocol: an empty entry")
			break
		}
		c.Entries = append(c.Entries, bytes.Clone(raw))
	}
	if err := d.End(); err != nil {
		return Cast{}, fmt.Errorf("%w: %w", ErrFields, err)
	}
	return c, nil
}
