package peer

import (
	"encoding/hex"
	"strconv"
	"strings"

	"earshot/protocol/replica"
)

// beginEpoch goes on with the epoch of Config.Resume if the store holds exactly what it was given for, and else draws a new
// one (SPEC section 7.3).
func (c *Core) beginEpoch() (err error) {
	number, mark, _ := strings.Cut(c.cfg.Resume, " ")
	if epoch, err := strconv.ParseUint(number, 10, 64); err == nil {
		if m, ok := c.logs.index.Mark(c.id, epoch); ok && mark == hex.EncodeToString(m[:]) {
			c.rooms.epoch = epoch
			return nil
		}
	}
	c.rooms.epoch, err = replica.NewEpoch(c.cfg.Rand)
	return err
}

// Resume is what the next start needs to go on with the epoch of this one; see Config.Resume. It is empty unless this node
// has left, with all that it said stored.
func (c *Core) Resume() string {
	m, ok := c.logs.index.Mark(c.id, c.rooms.epoch)
	if !ok || !c.leaving.left {
		return ""
	}
	return strconv.FormatUint(c.rooms.epoch, 10) + " " + hex.EncodeToString(m[:])
}
