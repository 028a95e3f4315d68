package sim

import (
	"cmp"
	"container/heap"
	"net/netip"
	"time"
)

// order is what deliveries are sorted by. Nothing in it depends on who called Send first.
type order struct {
	at       time.Time
	from, to int    // hosts, in the order in which they were added
	port     uint16 // of the sending socket
	outIf    int    // interfaces
	inIf     int
	n        uint64 // in its flow
}

func (o order) compare(p order) int {
	return cmp.Or(
		o.at.Compare(p.at), cmp.Compare(o.from, p.from), cmp.Compare(o.to, p.to),
		cmp.Compare(o.port, p.port), cmp.Compare(o.outIf, p.outIf), cmp.Compare(o.inIf, p.inIf), cmp.Compare(o.n, p.n),
	)
}

// frame is a datagram under way to one interface.
type frame struct {
	order
	src, dst  netip.AddrPort
	broadcast bool
	host      *Host
	in        *Interface
	local     bool // within one host
	data      []byte
}

type frames []*frame

func (f frames) Len() int           { return len(f) }
func (f frames) Less(i, j int) bool { return f[i].compare(f[j].order) < 0 }
func (f frames) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *frames) Push(x any)        { *f = append(*f, x.(*frame)) }
func (f *frames) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	(*f)[last], *f = nil, (*f)[:last]
	return x
}

func (f *frames) push(x *frame) { heap.Push(f, x) }
func (f *frames) pop() *frame   { return heap.Pop(f).(*frame) }
