package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrScan is wrapped by every refusal of Scan and ScanPrefix.
var ErrScan = errors.New("protocol: scan")

// The refusals are made beforehand: a flood of bad datagrams must not cost an allocation each.
var (
	errTruncated = fmt.Errorf("%w: truncated", ErrScan)
	errTrailing  = fmt.Errorf("%w: trailing bytes", ErrScan)
	errType      = fmt.Errorf("%w: type not allowed", ErrScan)
	errShortest  = fmt.Errorf("%w: not the shortest encoding", ErrScan)
	errDepth     = fmt.Errorf("%w: nested too deep", ErrScan)
	errElements  = fmt.Errorf("%w: too many elements", ErrScan)
	errUTF8      = fmt.Errorf("%w: invalid UTF-8", ErrScan)
)

// Scan tells whether b is exactly one msgpack value under the strict rules of SPEC section 1.2. It runs before any
// decoder: what it lets pass has one encoding only, and a decoder cannot be made to allocate more than len(b) of it.
func Scan(b []byte) error {
	n, err := ScanPrefix(b)
	if err == nil && n < len(b) {
		return errTrailing
	}
	return err
}

// ScanPrefix is Scan for the first of several values in a row. It returns the length of that value.
func ScanPrefix(b []byte) (n int, err error) {
	var (
		open     [MaxDepth]int // elements that each open array still owes
		depth    int
		elements int
		owed     = 1 // in total, each of at least one byte
	)
	for owed > 0 {
		if owed > len(b)-n {
			return 0, errTruncated
		}
		h, err := scanHeader(b[n:])
		if err != nil {
			return 0, err
		}
		n += h.size
		owed--
		if depth > 0 {
			open[depth-1]--
		}
		switch h.kind {
		case scanArray:
			length := int(h.value)
			if depth == MaxDepth {
				return 0, errDepth
			}
			if elements += length; elements > MaxElements {
				return 0, errElements
			}
			open[depth] = length
			depth++
			owed += length
		case scanBin, scanStr:
			length := int(h.value)
			if length > len(b)-n {
				return 0, errTruncated
			}
			if h.kind == scanStr && !utf8.Valid(b[n:n+length]) {
				return 0, errUTF8
			}
			n += length
		}
		for depth > 0 && open[depth-1] == 0 {
			depth--
		}
	}
	return n, nil
}

type scanKind uint8

const (
	scanUint scanKind = iota
	scanArray
	scanBin
	scanStr
)

var scanNames = [...]string{scanUint: "unsigned integer", scanArray: "array", scanBin: "bin", scanStr: "str"}

func (k scanKind) String() string { return scanNames[k] }

// scanned is one value's header. Its value is an integer's own, or counts the elements of an array or the bytes of a
// bin or str, and is then at most what is left of the input.
type scanned struct {
	kind  scanKind
	size  int
	value uint64
}

// scanHeader reads the header at the front of b, which is not empty.
func scanHeader(b []byte) (scanned, error) {
	c := b[0]
	switch {
	case c <= 0x7f:
		return scanned{scanUint, 1, uint64(c)}, nil
	case c&0xf0 == 0x90:
		return scanned{scanArray, 1, uint64(c & 0x0f)}, nil
	case c&0xe0 == 0xa0:
		return scanned{scanStr, 1, uint64(c & 0x1f)}, nil
	}
	switch c {
	case 0xc4:
		return scanLong(b, scanBin, 1, 0)
	case 0xc5:
		return scanLong(b, scanBin, 2, 1<<8)
	case 0xc6:
		return scanLong(b, scanBin, 4, 1<<16)
	case 0xcc:
		return scanLong(b, scanUint, 1, 1<<7)
	case 0xcd:
		return scanLong(b, scanUint, 2, 1<<8)
	case 0xce:
		return scanLong(b, scanUint, 4, 1<<16)
	case 0xcf:
		return scanLong(b, scanUint, 8, 1<<32)
	case 0xd9:
		return scanLong(b, scanStr, 1, 1<<5)
	case 0xda:
		return scanLong(b, scanStr, 2, 1<<8)
	case 0xdb:
		return scanLong(b, scanStr, 4, 1<<16)
	case 0xdc:
		return scanLong(b, scanArray, 2, 1<<4)
	case 0xdd:
		return scanLong(b, scanArray, 4, 1<<16)
	}
	return scanned{}, errType
}

// scanLong reads a header whose value or length stands in the next width bytes and would fit a shorter form below least.
func scanLong(b []byte, kind scanKind, width int, least uint64) (scanned, error) {
	if len(b) < 1+width {
		return scanned{}, errTruncated
	}
	var v uint64
	switch width {
	case 1:
		v = uint64(b[1])
	case 2:
		v = uint64(binary.BigEndian.Uint16(b[1:]))
	case 4:
		v = uint64(binary.BigEndian.Uint32(b[1:]))
	case 8:
		v = binary.BigEndian.Uint64(b[1:])
	}
	if v < least {
		return scanned{}, errShortest
	}
	// Bounded by what is left already here, so that it fits an int on every platform.
	if kind != scanUint && v > uint64(len(b)) {
		return scanned{}, errTruncated
	}
	return scanned{kind, 1 + width, v}, nil
}
