package peer

import (
	"time"

	"earshot/protocol/replica"
)

// forks has the proof of each fork that was just found made and stored, and its author marked (SPEC section 7.4).
func (c *Core) forks(now time.Time) {
	for _, x := range c.logs.index.Conflicts() {
		c.emit(Note{Trouble: true, Text: c.nameOf(x.Log.Author) + " has signed two different lines for one place: their key is in use twice, or they cheat"})
		if p := c.people.byID[x.Log.Author]; p != nil && p.told {
			c.emit(Changed{Person: c.view(p)})
		}
		c.logs.ask(func(s replica.Store) func(time.Time) { // the entry that was taken is stored by this batch at the latest
			raws, err := s.Load(x.Log, x.Held, x.Held, 1)
			return func(time.Time) {
				if err != nil || len(raws) == 0 {
					return // the mark holds until the end, and is made again when the log goes on
				}
				if proof, err := x.Proof(raws[0]); err == nil {
					c.keep.forks = append(c.keep.forks, proof)
				}
			}
		})
	}
}

// restoreForks marks the authors for whom the store has a proof.
func (c *Core) restoreForks(proofs []replica.Proof) {
	for _, p := range proofs {
		if log, err := replica.CheckProof(p); err == nil { // the disk errs too, and nobody is accused without proof
			c.logs.index.MarkForked(log.Author)
		}
	}
}
