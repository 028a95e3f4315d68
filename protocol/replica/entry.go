package replica

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"earshot/protocol"
)

// EntryKind says what an entry's body is. Entries of kinds unknown here are kept and served, only not understood.
type EntryKind uint8

// The kinds of entries.
const (
	KindText   EntryKind = 1 // a line
	KindAction EntryKind = 2 // a line said with /me
	KindTopic  EntryKind = 4 // what a room is about from then on
	KindSealed EntryKind = 3 // a line of a direct conversation that only the other person can read (SPEC section 7.7)
)

func (k EntryKind) String() string {
	switch k {
	case KindText:
		return "text"
	case KindAction:
		return "action"
	case KindTopic:
		return "topic"
	case KindSealed:
		return "sealed"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Log names a log: what one author says in one room in one log-epoch.
type Log struct {
	Room   protocol.RoomID
	Author protocol.PeerID
	Epoch  uint64 // 1 to protocol.MaxSafeInteger
}

// Compare orders logs by room, author and epoch.
func (l Log) Compare(m Log) int {
	return cmp.Or(bytes.Compare(l.Room[:], m.Room[:]), l.Author.Compare(m.Author), cmp.Compare(l.Epoch, m.Epoch))
}

func (l Log) String() string { return fmt.Sprintf("%s/%s/%d", l.Room, l.Author.Short(), l.Epoch) }

// NewEpoch draws a log-epoch from r.
func NewEpoch(r io.Reader) (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, fmt.Errorf("replica: epoch: %w", err)
	}
	return binary.BigEndian.Uint64(b[:])%protocol.MaxSafeInteger + 1, nil
}

// Place orders the entries of a room: Lamport clock, then author, then the author's own order.
// The zero Place comes before every entry.
type Place struct {
	Lamport uint64
	Author  protocol.PeerID
	Epoch   uint64
	Seq     uint64
}

// Compare orders places.
func (p Place) Compare(q Place) int {
	return cmp.Or(cmp.Compare(p.Lamport, q.Lamport), p.Author.Compare(q.Author),
		cmp.Compare(p.Epoch, q.Epoch), cmp.Compare(p.Seq, q.Seq))
}

// Entry is what an author says at one place of a log. SPEC section 7.1.
type Entry struct {
	Log
	Seq      uint64    // from 1
	Previous [32]byte  // hash of the entry before, zero at Seq 1
	Lamport  uint64    // the room's clock, from 1
	Wall     time.Time // the author's clock: shown, never trusted; kept in whole milliseconds
	Kind     EntryKind
	Body     []byte // at most protocol.MaxBody bytes
}

// Place is where the entry stands in its room.
func (e Entry) Place() Place { return Place{e.Lamport, e.Author, e.Epoch, e.Seq} }

// Verified is an entry whose signature has been checked, or that was signed here. Only Verify and Sign make one.
type Verified struct {
	entry Entry
	raw   []byte
	hash  [32]byte
}

// Entry is what was said. Its Body must not be changed.
func (v Verified) Entry() Entry { return v.entry }

// Raw is the signed bytes with the signature, as they travel and are stored. They must not be changed.
func (v Verified) Raw() []byte { return v.raw }

// Hash is SHA-256 over Raw: what the next entry names as its Previous.
func (v Verified) Hash() [32]byte { return v.hash }

// Text is the name of the author at the time and the text. ok is false for kinds that have none.
func (v Verified) Text() (name, text string, ok bool) {
	if v.entry.Kind != KindText && v.entry.Kind != KindAction {
		return "", "", false
	}
	name, text, err := DecodeBody(v.entry.Body)
	return name, text, err == nil
}

// ID is a UUID of version 7 (RFC 9562 section 5.7), the same on every host:
// the wall time in milliseconds, then bits of the hash where others have random ones.
func (v Verified) ID() uuid.UUID {
	var id uuid.UUID
	ms := uint64(v.entry.Wall.UnixMilli())
	copy(id[:6], binary.BigEndian.AppendUint64(nil, ms)[2:])
	copy(id[6:], v.hash[:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Errors of Verify. Each is wrapped with what it is about.
var (
	// ErrMalformed is an entry that breaks the rules of its encoding.
	ErrMalformed = errors.New("replica: malformed entry")
	// ErrSignature is an entry that its author did not sign.
	ErrSignature = errors.New("replica: bad signature")
)

const (
	entryFields = 11
	// signatureSize is what the signature takes with its header: it stands last.
	signatureSize = 2 + 64
	// context keeps a signature over an entry from being taken for one over anything else.
	context = "earshot 1 entry\x00"
)

func signed(raw []byte) []byte {
	message := make([]byte, 0, len(context)+len(raw))
	return append(append(message, context...), raw[:len(raw)-signatureSize]...)
}

// Sign makes id the author of e and signs it. It panics if e breaks the bounds of SPEC section 7.1,
// which the caller has checked before it let somebody say it.
func Sign(id *protocol.Identity, e Entry) Verified {
	e.Author = id.ID()
	if err := e.check(); err != nil {
		panic(fmt.Sprintf("replica: signing a bad entry: %v", err))
	}
	enc := protocol.NewEncoder()
	enc.Array(entryFields)
	enc.Uint(protocol.Version)
	enc.Bin(e.Author[:])
	enc.Bin(e.Room[:])
	enc.Uint(e.Epoch)
	enc.Uint(e.Seq)
	enc.Bin(e.Previous[:])
	enc.Uint(e.Lamport)
	enc.Uint(uint64(e.Wall.UnixMilli()))
	enc.Uint(uint64(e.Kind))
	enc.Bin(e.Body)
	enc.Bin(make([]byte, 64))
	raw := bytes.Clone(enc.Bytes())
	copy(raw[len(raw)-64:], id.Sign(signed(raw)))
	e, err := parse(raw)
	if err != nil {
		panic(fmt.Sprintf("replica: signed a bad entry: %v", err))
	}
	return Verified{e, raw, sha256.Sum256(raw)}
}

// Verify checks encoding, bounds and signature of an entry from outside. It keeps a copy of raw.
func Verify(raw []byte) (Verified, error) {
	if len(raw) > protocol.MaxEntry {
		return Verified{}, fmt.Errorf("%w: %d bytes", ErrMalformed, len(raw))
	}
	raw = bytes.Clone(raw)
	e, err := parse(raw)
	if err != nil {
		return Verified{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if !protocol.VerifySignature(e.Author, signed(raw), raw[len(raw)-64:]) {
		return Verified{}, fmt.Errorf("%w: %s", ErrSignature, e.Author.Short())
	}
	return Verified{e, raw, sha256.Sum256(raw)}, nil
}

// Peek reads which log and number an entry claims, unchecked: enough to drop what is here already before the signature
// is checked, which costs a hundred times as much. It does not look behind the number.
func Peek(raw []byte) (Log, uint64, error) {
	d := protocol.NewDecoder(raw)
	log, seq := head(d)
	if err := d.Err(); err != nil {
		return Log{}, 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return log, seq, nil
}

func head(d *protocol.Decoder) (log Log, seq uint64) {
	d.ArrayOf(entryFields)
	if v := d.Uint(); v != protocol.Version {
		d.Fail("version %d", v)
	}
	log.Author = protocol.PeerID(d.BinOf(len(log.Author)))
	log.Room = protocol.RoomID(d.BinOf(len(log.Room)))
	log.Epoch = d.UintMax(protocol.MaxSafeInteger)
	seq = d.UintMax(protocol.MaxSafeInteger)
	return log, seq
}

// parse reads an entry but for its signature. Body shares raw.
func parse(raw []byte) (Entry, error) {
	if err := protocol.Scan(raw); err != nil {
		return Entry{}, err
	}
	d := protocol.NewDecoder(raw)
	var e Entry
	e.Log, e.Seq = head(d)
	e.Previous = [32]byte(d.BinOf(32))
	e.Lamport = d.Uint()
	e.Wall = time.UnixMilli(int64(d.UintMax(protocol.MaxWall)))
	e.Kind = EntryKind(d.UintMax(255))
	e.Body = d.BinMax(protocol.MaxBody)
	d.BinOf(64)
	if err := d.End(); err != nil {
		return Entry{}, err
	}
	return e, e.check()
}

// check holds an entry to the bounds of SPEC section 7.1.
func (e Entry) check() error {
	ms := e.Wall.UnixMilli()
	switch {
	case e.Epoch == 0 || e.Epoch > protocol.MaxSafeInteger:
		return fmt.Errorf("epoch %d", e.Epoch)
	case e.Seq == 0 || e.Seq > protocol.MaxSafeInteger:
		return fmt.Errorf("number %d", e.Seq)
	case (e.Seq == 1) != (e.Previous == [32]byte{}):
		return errors.New("only the first entry has no previous one")
	case e.Lamport == 0 || e.Lamport > protocol.MaxSafeInteger:
		return fmt.Errorf("lamport clock %d", e.Lamport)
	case ms < 0 || ms > protocol.MaxWall:
		return fmt.Errorf("wall time %d ms", ms)
	case e.Kind == 0:
		return errors.New("kind 0")
	case len(e.Body) > protocol.MaxBody:
		return fmt.Errorf("body of %d bytes", len(e.Body))
	}
	var err error
	switch e.Kind {
	case KindText, KindAction, KindTopic:
		_, _, err = DecodeBody(e.Body)
	case KindSealed:
		_, _, err = DecodeSealed(e.Body)
	}
	return err
}
