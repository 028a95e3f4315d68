package lan

import "net/netip"

// Datagram is one UDP datagram on its way.
type Datagram struct {
	Data      []byte
	Addr      netip.AddrPort // whence it came when read, where it goes when written
	Interface int            // index of the one it came in by, or shall leave by; 0: the system does not say, or chooses
}

// Batch is what one Read brings. Its memory is used again by the next Read into it.
type Batch struct {
	Datagrams []Datagram
	memory    [][]byte // one buffer for each message of the system's, made by the first Read that needs it
}

// NewBatch is an empty batch. It fits every Conn, and is best used with one.
func NewBatch() *Batch { return &Batch{} }

// buffers are so many of a size.
func (b *Batch) buffers(count, size int) [][]byte {
	if len(b.memory) < count || len(b.memory[0]) < size {
		b.memory = make([][]byte, count)
		all := make([]byte, count*size)
		for i := range b.memory {
			b.memory[i] = all[i*size : (i+1)*size : (i+1)*size]
		}
	}
	return b.memory
}
