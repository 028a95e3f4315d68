package protocol

import (
	"bytes"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// Encoder appends msgpack in its shortest form to a buffer that it keeps. Writing to memory cannot fail.
type Encoder struct {
	buf bytes.Buffer
	enc *msgpack.Encoder
}

// NewEncoder returns an empty encoder.
func NewEncoder() *Encoder {
	e := &Encoder{}
	e.enc = msgpack.NewEncoder(&e.buf)
	e.enc.UseCompactInts(true)
	return e
}

// Reset empties the buffer. What Bytes returned before is overwritten.
func (e *Encoder) Reset() { e.buf.Reset() }

// Truncate takes back all but the first n bytes: what was written last did not fit.
func (e *Encoder) Truncate(n int) { e.buf.Truncate(n) }

// Len is the number of bytes written.
func (e *Encoder) Len() int { return e.buf.Len() }

// Bytes is what was written since Reset, valid until the next call.
func (e *Encoder) Bytes() []byte { return e.buf.Bytes() }

// Array begins an array of n elements.
func (e *Encoder) Array(n int) { _ = e.enc.EncodeArrayLen(n) }

// Uint writes an unsigned integer.
func (e *Encoder) Uint(u uint64) { _ = e.enc.EncodeUint(u) }

// Str writes text.
func (e *Encoder) Str(s string) { _ = e.enc.EncodeString(s) }

// Bin writes bytes; nil becomes an empty bin, never nil.
func (e *Encoder) Bin(b []byte) {
	_ = e.enc.EncodeBytesLen(len(b))
	e.buf.Write(b)
}

// Raw writes bytes that are msgpack already.
func (e *Encoder) Raw(b []byte) { e.buf.Write(b) }

// Decoder reads msgpack that has passed Scan, field by field, with exact types.
// Its first error sticks, and every later read returns a zero value.
type Decoder struct {
	data []byte
	at   int
	err  error
}

// NewDecoder reads from b, which must have passed Scan.
func NewDecoder(b []byte) *Decoder { return &Decoder{data: b} }

// Reset reads from b, which must have passed Scan, and forgets the error.
func (d *Decoder) Reset(b []byte) { *d = Decoder{data: b} }

// Err is the first error.
func (d *Decoder) Err() error { return d.err }

// Offset is the number of bytes read.
func (d *Decoder) Offset() int { return d.at }

// More tells whether bytes are left and no error has come.
func (d *Decoder) More() bool { return d.err == nil && d.at < len(d.data) }

// Fail records an error of the caller's, unless there is one already.
func (d *Decoder) Fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

// header reads the header of a field, which must be of one kind, and returns the number in it, or 0 after an error.
func (d *Decoder) header(kind scanKind) uint64 {
	if d.err != nil {
		return 0
	}
	if d.at == len(d.data) {
		d.Fail("protocol: %s expected at byte %d, nothing left", kind, d.at)
		return 0
	}
	h, err := scanHeader(d.data[d.at:])
	switch {
	case err == errType || err == nil && h.kind != kind:
		d.Fail("protocol: %s expected at byte %d, found %#02x", kind, d.at, d.data[d.at])
		return 0
	case err != nil: // Scan would have refused it
		d.Fail("protocol: %s: bad length", kind)
		return 0
	}
	d.at += h.size
	return h.value
}

// Array reads an array header and returns its number of elements.
func (d *Decoder) Array() int { return int(d.header(scanArray)) }

// ArrayOf reads an array header that must announce n elements.
func (d *Decoder) ArrayOf(n int) {
	if got := d.Array(); d.err == nil && got != n {
		d.Fail("protocol: array of %d expected, found %d", n, got)
	}
}

// Uint reads an unsigned integer.
func (d *Decoder) Uint() uint64 { return d.header(scanUint) }

// UintMax reads an unsigned integer of at most limit.
func (d *Decoder) UintMax(limit uint64) uint64 {
	u := d.Uint()
	if d.err == nil && u > limit {
		d.Fail("protocol: integer %d is above %d", u, limit)
		return 0
	}
	return u
}

// Bin reads bytes; the result shares the decoder's input.
func (d *Decoder) Bin() []byte { return d.take(scanBin) }

// BinOf reads exactly n bytes.
func (d *Decoder) BinOf(n int) []byte {
	b := d.Bin()
	if d.err == nil && len(b) != n {
		d.Fail("protocol: bin of %d bytes expected, found %d", n, len(b))
	}
	if d.err != nil {
		return make([]byte, n)
	}
	return b
}

// BinMax reads at most limit bytes.
func (d *Decoder) BinMax(limit int) []byte {
	b := d.Bin()
	if d.err == nil && len(b) > limit {
		d.Fail("protocol: bin of %d bytes is above %d", len(b), limit)
		return nil
	}
	return b
}

// StrMax reads text of at most limit bytes.
func (d *Decoder) StrMax(limit int) string {
	s := d.take(scanStr)
	if d.err == nil && len(s) > limit {
		d.Fail("protocol: str of %d bytes is above %d", len(s), limit)
		return ""
	}
	return string(s)
}

// End fails when bytes are left.
func (d *Decoder) End() error {
	if d.More() {
		d.Fail("protocol: %d bytes too many", len(d.data)-d.at)
	}
	return d.err
}

// take reads a bin or str.
func (d *Decoder) take(kind scanKind) []byte {
	n := d.header(kind)
	switch {
	case d.err != nil:
		return nil
	case n > uint64(len(d.data)-d.at):
		d.Fail("protocol: %s: bad length", kind)
		return nil
	}
	from := d.at
	d.at += int(n)
	return d.data[from:d.at]
}
