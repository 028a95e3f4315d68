package replica

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"

	"earshot/protocol"
)

// Mark stands for all that an author has said in an epoch, whatever the room: two states with one mark go on alike. ok is
// false if nothing has been said, or if a last entry is not stored or its hash not known, so that nothing could go on.
func (x *Index) Mark(author protocol.PeerID, epoch uint64) (mark [32]byte, ok bool) {
	b := append([]byte(nil), author[:]...)
	b = binary.BigEndian.AppendUint64(b, epoch)
	compare := func(r, s protocol.RoomID) int { return bytes.Compare(r[:], s[:]) }
	for _, room := range slices.SortedFunc(maps.Keys(x.rooms), compare) {
		l := x.log(Log{room, author, epoch})
		if l == nil || len(l.spans) == 0 {
			continue
		}
		end := l.spans[len(l.spans)-1]
		if end.head == [32]byte{} || l.stored.Max() != end.last {
			return mark, false
		}
		b = append(b, room[:]...)
		b = binary.BigEndian.AppendUint64(b, end.last)
		b = append(b, end.head[:]...)
		ok = true
	}
	return sha256.Sum256(b), ok
}
