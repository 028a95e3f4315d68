package peer

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"earshot/protocol"
	"earshot/protocol/mail"
	"earshot/protocol/replica"
)

// post is what is sealed for this node, and what it carries for others (SPEC sections 7.7 and 8.5).
type post struct {
	ring      *mail.Ring
	carrier   *mail.Carrier
	statement []byte    // of the own mail key, for Self
	trouble   string    // what the start found wrong
	saving    string    // the ring on its way to the store, with a newer key than that of statement; empty: none
	again     time.Time // when others are asked to carry what has found no carrier
}

// ringSetting is where the store keeps the private halves; it never leaves the profile.
const ringSetting = "mail-ring"

func (c *Core) openPost(now time.Time, s replica.State) error {
	c.post = post{ring: mail.NewRing(c.cfg.Rand), carrier: mail.NewCarrier(c.id, c.cfg.Network)}
	if text := s.Setting(ringSetting); text != "" {
		b, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			var ring *mail.Ring
			if ring, err = mail.UnmarshalRing(b, c.cfg.Rand); err == nil {
				c.post.ring = ring
			}
		}
		if err != nil {
			c.post.trouble = "the mail keys are damaged; what was sealed to them cannot be read, new ones are drawn"
		}
	}
	for _, m := range s.Mail {
		v, err := replica.Verify(m.Raw)
		if err == nil {
			err = c.post.carrier.Restore(now, mail.Item{Entry: v, Accepted: m.Accepted})
		}
		if err != nil { // damaged, or over a quota: nothing else would ever delete it
			c.dropMail([]mail.Ref{{Log: m.Log, Seq: m.Seq}})
		}
	}
	return c.advanceRing(now)
}

func (p *post) deadline() time.Time {
	return earliest(p.ring.Deadline(), p.carrier.Deadline(), p.again)
}

func (c *Core) advancePost(now time.Time) {
	if !due(now, c.post.deadline()) {
		return
	}
	c.dropMail(c.post.carrier.Advance(now))
	if due(now, c.post.again) {
		c.post.again = time.Time{}
		for _, l := range c.outbox.list {
			c.handOut(now, l)
		}
	}
	if err := c.advanceRing(now); err != nil {
		c.emit(Note{Trouble: true, Text: err.Error()})
	}
}

// advanceRing draws a new mail key when it is time. It is told once it is stored: nobody could read what is sealed to a key
// that was lost in a crash.
func (c *Core) advanceRing(now time.Time) error {
	before, known := c.post.ring.Current()
	if known && c.post.statement == nil && c.post.saving == "" {
		c.post.statement = mail.Statement(c.cfg.Identity, c.cfg.Network, before)
	}
	save, err := c.post.ring.Advance(now, now.Sub(c.started))
	if err != nil || !save {
		return err
	}
	value := base64.StdEncoding.EncodeToString(c.post.ring.Marshal())
	if key, _ := c.post.ring.Current(); key != before || c.post.saving != "" {
		c.post.saving = value
	}
	c.keep.setting(replica.Setting{Key: ringSetting, Value: value})
	return nil
}

// ringStored tells everybody the newest mail key if a batch has stored it.
func (c *Core) ringStored(now time.Time, b *Batch) {
	for _, s := range b.kept.setup {
		if s.Key != ringSetting || s.Value != c.post.saving {
			continue
		}
		c.post.saving = ""
		if key, ok := c.post.ring.Current(); ok {
			c.post.statement = mail.Statement(c.cfg.Identity, c.cfg.Network, key)
			if len(c.conns) > 0 {
				c.tellAll(now)
			}
		}
	}
}

// sealed makes the body of a direct line, which others can carry should its recipient be away, or just have gone without
// anybody's knowing. ok is false if their key is not known, or if their instances have different ones: then only a body that
// is not sealed can be read at each of them.
func (c *Core) sealed(now time.Time, r *room, e replica.Entry, text string) (body []byte, ok bool) {
	if !r.Direct() {
		return nil, false
	}
	p := c.people.get(r.With, now)
	for _, cn := range p.conns {
		if cn.self.met && !bytes.Equal(cn.self.key, p.key) {
			return nil, false
		}
	}
	key, err := mail.ParseStatement(p.key, p.id, c.cfg.Network)
	if err != nil {
		return nil, false
	}
	body, err = mail.Seal(key, mail.PlaceOf(c.cfg.Network, e, p.id), e.Kind, c.people.me.Name, text)
	return body, err == nil
}

// unseal opens a line that was sealed for this node.
func (c *Core) unseal(v replica.Verified) *replica.Body {
	e := v.Entry()
	kind, name, text, err := mail.Open(c.post.ring, mail.PlaceOf(c.cfg.Network, e, c.id), e.Body)
	if errors.Is(err, mail.ErrUnknownKey) {
		c.emit(Note{Trouble: true, Text: "a line of " + c.nameOf(e.Author) + " was sealed to a key that this profile no longer has"})
	}
	if err != nil {
		return nil
	}
	return &replica.Body{Log: e.Log, Seq: e.Seq, Kind: kind, Name: name, Text: text}
}

// handOutTo gives all lines for somebody who has just gone to those who are here.
func (c *Core) handOutTo(now time.Time, p *person) {
	for _, l := range c.outbox.list {
		if l.room.With == p.id {
			c.handOut(now, l)
		}
	}
}

// handOut gives a sealed line whose recipient is away to a few peers who are here.
func (c *Core) handOut(now time.Time, l *line) {
	if len(l.carried) >= protocol.MailCarriers || now.Sub(l.at) > protocol.MailAge || l.room.public != "" || l.v.Entry().Kind != replica.KindSealed || len(l.missing()) > 0 || len(l.reached) > 0 {
		return
	}
	var here []*person
	for _, p := range c.people.list {
		if p.online() && p.id != l.room.With && p.id != c.id && !slices.Contains(l.carriers, p) {
			here = append(here, p)
		}
	}
	c.rand.Shuffle(len(here), func(i, j int) { here[i], here[j] = here[j], here[i] })
	for _, p := range here[:min(len(here), protocol.MailCarriers-len(l.carried))] {
		c.post.again = earliest(c.post.again, now.Add(protocol.MailAnswer))
		l.carriers = append(l.carriers, p)
		p.best().deliver(l.place, l.raw, classBulk)
	}
}

// carry takes an entry of others' conversation from its author, to keep it for the recipient.
func (c *Core) carry(now time.Time, raw []byte, from *conn) error {
	v, err := replica.Verify(raw)
	if err != nil {
		return err
	}
	e := v.Entry()
	switch err := c.post.carrier.Offer(now, v, from.person.id); {
	case errors.Is(err, mail.ErrCarried):
		if l := c.unstoredLetter(e.Log, e.Seq); l != nil {
			l.from = from
		} else {
			c.oweTo(now, from, e.Log, e.Seq)
		}
		return nil
	case err != nil:
		return errNotMember
	}
	c.keep.letter(replica.Mail{Log: e.Log, Seq: e.Seq, Raw: raw, Accepted: now}, from)
	for _, cn := range c.conns {
		if c.cfg.Network.DirectRoom(e.Author, cn.person.id) == e.Room {
			cn.deliver(place{e.Log, e.Seq}, raw, classBulk) // the recipient is here, though not for the author
		}
	}
	return nil
}

// letter is an entry carried for others, or the end of one, on its way to the store.
type letter struct {
	replica.Mail
	from *conn // who is to know that it is stored, nil at the end
}

// unstoredLetter is one that the store does not have yet, nil if it does.
func (c *Core) unstoredLetter(log replica.Log, seq uint64) *letter {
	waiting := c.keep.mail
	if c.logs.busy != nil {
		waiting = slices.Concat(waiting, c.logs.busy.kept.mail)
	}
	for _, l := range waiting {
		if l.Log == log && l.Seq == seq && len(l.Raw) > 0 {
			return l
		}
	}
	return nil
}

// mailStored gives its word for what is carried from now on.
func (c *Core) mailStored(now time.Time, b *Batch) {
	for _, l := range b.kept.mail {
		if l.from != nil && c.conn(l.from.instance) == l.from {
			c.oweTo(now, l.from, l.Log, l.Seq)
		}
	}
}

// bring gives somebody who is back what others left here for them.
func (c *Core) bring(cn *conn) {
	for _, it := range c.post.carrier.To(cn.person.id) {
		e := it.Entry.Entry()
		cn.deliver(place{e.Log, e.Seq}, it.Entry.Raw(), classBulk)
	}
}

func (c *Core) dropMail(refs []mail.Ref) {
	for _, r := range refs {
		c.keep.letter(replica.Mail{Log: r.Log, Seq: r.Seq}, nil)
	}
}

// carries takes somebody's word that they carry an own line, or that they need not, since its recipient has it.
func (c *Core) carries(now time.Time, cn *conn, log replica.Log, ranges protocol.RangeSet) {
	for _, l := range c.outbox.list {
		if l.place.log == log && ranges.Contains(l.place.seq) && slices.Contains(l.carriers, cn.person) && !slices.Contains(l.carried, cn.person) {
			l.carried = append(l.carried, cn.person)
		}
	}
}

// relieve tells those who carry an own line that they need not any more.
func (c *Core) relieve(now time.Time, l *line) {
	for _, p := range l.carried {
		for _, cn := range p.conns {
			c.oweTo(now, cn, l.place.log, l.place.seq)
		}
	}
}

// carried takes somebody's word that they have a line of others: if it is theirs, it need not be carried any more.
func (c *Core) carried(by *person, log replica.Log, ranges []protocol.Range) {
	c.dropMail(c.post.carrier.Done(by.id, log, ranges))
}
