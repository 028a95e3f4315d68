package store

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
)

// Lists stand in one column each, since they are read and replaced as a whole: numbers as varints, keys as they are.

// encodeRanges writes, for each range, how far it begins behind the end of the one before, and how far it goes.
func encodeRanges(set protocol.RangeSet) []byte {
	b := []byte{}
	end := uint64(0)
	for _, r := range set {
		b = binary.AppendUvarint(b, r.First-end)
		b = binary.AppendUvarint(b, r.Last-r.First)
		end = r.Last
	}
	return b
}

func decodeRanges(b []byte) (protocol.RangeSet, error) {
	d := decoder{b: b}
	var set protocol.RangeSet
	end := uint64(0)
	for d.more() {
		first := end + d.uint()
		last := first + d.uint()
		if first < end || last < first {
			d.bad = true
			break
		}
		set = append(set, protocol.Range{First: first, Last: last})
		end = last
	}
	return set, d.err("ranges")
}

func encodePeers(peers []protocol.PeerID) []byte {
	b := make([]byte, 0, len(peers)*len(protocol.PeerID{}))
	for _, p := range peers {
		b = append(b, p[:]...)
	}
	return b
}

func decodePeers(b []byte) ([]protocol.PeerID, error) {
	d := decoder{b: b}
	var peers []protocol.PeerID
	for d.more() {
		peers = append(peers, d.peer())
	}
	return peers, d.err("audience")
}

func encodeReceipts(receipts []replica.Receipt) []byte {
	b := []byte{}
	for _, r := range receipts {
		b = append(b, r.Peer[:]...)
		b = binary.AppendVarint(b, r.At.UnixMilli())
		b = binary.AppendUvarint(b, r.Sendings)
	}
	return b
}

func decodeReceipts(b []byte) ([]replica.Receipt, error) {
	d := decoder{b: b}
	var receipts []replica.Receipt
	for d.more() {
		receipts = append(receipts, replica.Receipt{Peer: d.peer(), At: time.UnixMilli(d.int()), Sendings: d.uint()})
	}
	return receipts, d.err("receipts")
}

func encodeStrings(list []string) []byte {
	b := []byte{}
	for _, s := range list {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

func decodeStrings(b []byte) ([]string, error) {
	d := decoder{b: b}
	var list []string
	for d.more() {
		n := d.uint()
		if n > uint64(len(d.b)) {
			d.bad = true
			break
		}
		list = append(list, string(d.b[:n]))
		d.b = d.b[n:]
	}
	return list, d.err("strings")
}

// decoder reads a column that this package wrote. After the first thing that cannot be, it reads zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) more() bool { return !d.bad && len(d.b) > 0 }

func (d *decoder) uint() uint64 {
	u, n := binary.Uvarint(d.b)
	return number(d, u, n)
}

func (d *decoder) int() int64 {
	i, n := binary.Varint(d.b)
	return number(d, i, n)
}

func number[T uint64 | int64](d *decoder, value T, n int) T {
	if n <= 0 || d.bad {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return value
}

func (d *decoder) peer() (p protocol.PeerID) {
	if len(d.b) < len(p) {
		d.bad = true
		return p
	}
	copy(p[:], d.b)
	d.b = d.b[len(p):]
	return p
}

func (d *decoder) err(what string) error {
	if d.bad {
		return fmt.Errorf("%w (unreadable %s)", replica.ErrCorrupt, what)
	}
	return nil
}

// fixed copies a column of known length into dst.
func fixed(dst, column []byte) error {
	if len(column) != len(dst) {
		return fmt.Errorf("%w (%d bytes where %d belong)", replica.ErrCorrupt, len(column), len(dst))
	}
	copy(dst, column)
	return nil
}

// integer is a number as SQLite can hold it. Those of entries are all below 2^53.
func integer[T ~uint64](u T) int64 { return int64(min(uint64(u), math.MaxInt64)) }

// encodeTime is a time that may be none.
func encodeTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func decodeTime(milli int64) time.Time {
	if milli == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milli)
}
