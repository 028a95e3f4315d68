package protocol

import "fmt"

// What a bench cast costs besides its messages, for packing: bytes for the datagram, and for each message, at most.
const (
	BenchCastOverhead        = 2 + 1 + 18 + 9 + 9 + 3
	BenchCastMessageOverhead = 3
)

// BenchCast is messages of a bench with everybody, broadcast (SPEC section 5.14). Nothing about it is proven: a receiver
// counts it for a run that was opened through a session, and for nothing else.
type BenchCast struct {
	Instance Instance `json:"instance"` // who asks
	Run      uint64   `json:"run"`
	First    uint64   `json:"first"` // the number of the first message; the others follow it
	Data     [][]byte `json:"data"`  // of each message, at least one

	d Decoder
}

// Append writes the whole datagram.
func (c *BenchCast) Append(e *Encoder) {
	e.Array(6)
	e.Uint(Version)
	e.Uint(uint64(KindBench))
	e.Bin(c.Instance[:])
	e.Uint(c.Run)
	e.Uint(c.First)
	e.Array(len(c.Data))
	for _, b := range c.Data {
		e.Bin(b)
	}
}

// Last is the number of the last message.
func (c *BenchCast) Last() uint64 { return c.First + uint64(len(c.Data)) - 1 }

// Parse reads a whole datagram into c, whose memory is used again; Data shares b. Its errors are those of ParseKind, ErrKind
// and ErrFields.
func (c *BenchCast) Parse(b []byte) error {
	switch kind, err := ParseKind(b); {
	case err != nil:
		return err
	case kind != KindBench:
		return ErrKind
	}
	d := &c.d
	d.Reset(b)
	d.ArrayOf(6)
	d.Uint()
	d.Uint()
	c.Instance = Instance(d.BinOf(len(c.Instance)))
	c.Run, c.First, c.Data = d.UintMax(MaxSafeInteger), d.UintMax(MaxSafeInteger), c.Data[:0]
	n := d.Array()
	if n < 1 {
		d.Fail("protocol: a bench cast of no messages")
	}
	for range n {
		c.Data = append(c.Data, d.Bin())
	}
	if c.Instance == (Instance{}) {
		d.Fail("protocol: no instance")
	}
	if c.First+uint64(n) > MaxSafeInteger+1 {
		d.Fail("protocol: messages beyond %d", uint64(MaxSafeInteger))
	}
	if err := d.End(); err != nil {
		return fmt.Errorf("%w: %w", ErrFields, err)
	}
	return nil
}
