package stream

// ring keeps the bytes of a window of a stream, by their offset. Its length is a power of two.
type ring []byte

// at is the bytes from an offset on, at most n: less where the ring begins anew.
func (r ring) at(offset uint64, n int) []byte {
	from := int(offset & uint64(len(r)-1))
	return r[from:min(from+n, len(r))]
}

// put copies data to an offset.
func (r ring) put(offset uint64, data []byte) {
	n := copy(r.at(offset, len(data)), data)
	copy(r, data[n:])
}

// grown is a ring for at least n bytes with what r holds from first to end.
func (r ring) grown(n int, first, end uint64) ring {
	size := max(len(r), 4096)
	for size < n {
		size *= 2
	}
	if size == len(r) {
		return r
	}
	out := make(ring, size)
	for first < end {
		b := r.at(first, int(end-first))
		out.put(first, b)
		first += uint64(len(b))
	}
	return out
}
