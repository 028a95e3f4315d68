package peer

import (
	"slices"
)

// rider is a small frame that goes in some more packets than one, because too many are lost to wait and see (SPEC section 6.15).
type rider struct {
	item *item
	left int // packets
}

// maxRiders bounds how many frames ride at a time: one who repeats everything is heard no better.
const maxRiders = 32

// board lets a line that leaves for the first time ride ahead of loss. What nobody waits for does not.
func (cn *conn) board(it *item) {
	if it.once || it.class != classChat || it.boarded || len(cn.riding) >= maxRiders {
		return
	}
	if n := cn.link.sender.Copies(len(it.wire)); n > 0 {
		it.boarded = true
		cn.riding = append(cn.riding, rider{it, n})
	}
}

// ride adds items that go ahead of loss to those given, as far as they fit.
func (cn *conn) ride(items []*item, budget int) []*item {
	for k := range cn.riding {
		r := &cn.riding[k]
		if it := r.item; r.left > 0 && !it.done && !it.queued && len(it.wire) <= budget && !slices.Contains(items, it) {
			r.left--
			budget -= len(it.wire)
			items = append(items, it)
		}
	}
	cn.riding = slices.DeleteFunc(cn.riding, func(r rider) bool { return r.left <= 0 || r.item.done || r.item.queued })
	return items
}
