package protocol

import (
	"bytes"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
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
	r    bytes.Reader
	dec  msgpack.Decoder
	err  error
}

// NewDecoder reads from b, which must have passed Scan.
func NewDecoder(b []byte) *Decoder {
	d := new(Decoder)
	d.Reset(b)
	return d
}

// Reset reads from b, which must have passed Scan, and forgets the error.
func (d *Decoder) Reset(b []byte) {
	d.data, d.err = b, nil
	d.r.Reset(b)
	d.dec.ResetReader(&d.r)
}

// Err is the first error.
func (d *Decoder) Err() error { return d.err }

// Offset is the number of bytes read.
func (d *Decoder) Offset() int { return len(d.data) - d.r.Len() }

// More tells whether bytes are left and no error has come.
func (d *Decoder) More() bool { return d.err == nil && d.r.Len() > 0 }

// Fail records an error of the caller's, unless there is one already.
func (d *Decoder) Fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

func (d *Decoder) is(what string, ok func(byte) bool) bool {
	if d.err != nil {
		return false
	}
	if d.r.Len() == 0 {
		d.Fail("protocol: %s expected at byte %d, nothing left", what, d.Offset())
		return false
	}
	if c := d.data[d.Offset()]; !ok(c) {
		d.Fail("protocol: %s expected at byte %d, found %#02x", what, d.Offset(), c)
		return false
	}
	return true
}

func isArray(c byte) bool {
	return msgpcode.IsFixedArray(c) || c == msgpcode.Array16 || c == msgpcode.Array32
}

func isUint(c byte) bool {
	return c <= msgpcode.PosFixedNumHigh || c >= msgpcode.Uint8 && c <= msgpcode.Uint64
}
func isBin(c byte) bool { return c >= msgpcode.Bin8 && c <= msgpcode.Bin32 }
func isStr(c byte) bool {
	return msgpcode.IsFixedString(c) || c >= msgpcode.Str8 && c <= msgpcode.Str32
}

// Array reads an array header and returns its number of elements.
func (d *Decoder) Array() int {
	if !d.is("array", isArray) {
		return 0
	}
	n, err := d.dec.DecodeArrayLen()
	if err != nil {
		d.Fail("protocol: array: %w", err)
		return 0
	}
	return n
}

// ArrayOf reads an array header that must announce n elements.
func (d *Decoder) ArrayOf(n int) {
	if got := d.Array(); d.err == nil && got != n {
		d.Fail("protocol: array of %d expected, found %d", n, got)
	}
}

// Uint reads an unsigned integer.
func (d *Decoder) Uint() uint64 {
	if !d.is("unsigned integer", isUint) {
		return 0
	}
	u, err := d.dec.DecodeUint64()
	if err != nil {
		d.Fail("protocol: integer: %w", err)
		return 0
	}
	return u
}

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
func (d *Decoder) Bin() []byte {
	if !d.is("bin", isBin) {
		return nil
	}
	return d.take("bin")
}

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
	if !d.is("str", isStr) {
		return ""
	}
	s := d.take("str")
	if d.err == nil && len(s) > limit {
		d.Fail("protocol: str of %d bytes is above %d", len(s), limit)
		return ""
	}
	return string(s)
}

// End fails when bytes are left.
func (d *Decoder) End() error {
	if d.err == nil && d.r.Len() > 0 {
		d.Fail("protocol: %d bytes too many", d.r.Len())
	}
	return d.err
}

func (d *Decoder) take(what string) []byte {
	n, err := d.dec.DecodeBytesLen()
	if err != nil || n < 0 || n > d.r.Len() {
		d.Fail("protocol: %s: bad length", what)
		return nil
	}
	from := d.Offset()
	_, _ = d.r.Seek(int64(n), 1)
	return d.data[from : from+n]
}
