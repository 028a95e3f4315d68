package frame

import (
	"fmt"

	"earshot/protocol"
)

// Read says how far its sender has read the direct conversation of the two, whole each time: the greatest Counter holds.
// The last two name the newest of the receiver's own lines that has been read, both zero if none is told.
type Read struct {
	Counter uint64 `json:"counter"`
	Share   bool   `json:"share,omitempty"` // the sender shares read marks; if not, the rest is zero
	Epoch   uint64 `json:"epoch,omitempty"`
	Seq     uint64 `json:"seq,omitempty"`
}

// Type is TypeRead.
func (Read) Type() Type { return TypeRead }

// Append writes the frame.
func (f Read) Append(e *protocol.Encoder) {
	var share uint64
	if f.Share {
		share = 1
	}
	e.Array(5)
	e.Uint(uint64(TypeRead))
	e.Uint(f.Counter)
	e.Uint(share)
	e.Uint(f.Epoch)
	e.Uint(f.Seq)
}

func parseRead(d *protocol.Decoder, _ int) Frame {
	f := Read{
		Counter: d.Uint(), Share: d.UintMax(1) == 1, Epoch: d.UintMax(protocol.MaxSafeInteger), Seq: d.UintMax(protocol.MaxSafeInteger),
	}
	if f.Epoch == 0 != (f.Seq == 0) || f.Seq > 0 && !f.Share {
		d.Fail("half a mark")
	}
	return f
}

func (f Read) String() string {
	switch {
	case !f.Share:
		return "read not shared"
	case f.Seq == 0:
		return "read shared"
	}
	return fmt.Sprintf("read %d", f.Seq)
}
