package replica

import (
	"errors"
	"math/rand/v2"
	"testing"

	"earshot/protocol"
)

// ledger is an index that is told a story, with the entries that it kept.
type ledger struct {
	*testing.T
	x    *Index
	kept map[uint64]Verified
}

func newLedger(t *testing.T) *ledger {
	return &ledger{t, NewIndex(nil), map[uint64]Verified{}}
}

func (l *ledger) accept(v Verified, want Status) {
	l.Helper()
	got := l.x.Accept(v)
	if got != want {
		l.Errorf("number %d is %s, want %s", v.entry.Seq, got, want)
	}
	if got == New {
		l.kept[v.entry.Seq] = v
	}
}

// conflict wants one conflict that proves itself, about the held number, or (0) none.
func (l *ledger) conflict(held uint64) {
	l.Helper()
	found := l.x.Conflicts()
	if held == 0 {
		if len(found) > 0 {
			l.Errorf("conflict with %d", found[0].Held)
		}
		return
	}
	if len(found) != 1 || found[0].Held != held {
		l.Fatalf("conflicts %v, want one with %d", found, held)
	}
	proof, err := found[0].Proof(l.kept[held].raw)
	if err != nil {
		l.Errorf("no proof: %v", err)
	}
	if log, err := CheckProof(Proof{proof.Second, proof.First}); err != nil || log != found[0].Log {
		l.Errorf("the proof the other way round: %v", err)
	}
	if !l.x.Forked(found[0].Log.Author) {
		l.Error("the author is not marked")
	}
}

func TestEntriesInAnyOrderAreNewOnce(t *testing.T) {
	said := writes("alice", 1).says(40)
	for seed := range uint64(20) {
		l := newLedger(t)
		order := rand.New(rand.NewPCG(seed, 1)).Perm(len(said))
		for _, i := range order {
			l.accept(said[i], New)
			l.accept(said[i], Duplicate)
		}
		for _, i := range order {
			l.accept(said[i], Duplicate)
		}
		l.conflict(0)
		if spans := l.x.log(said[0].entry.Log).spans; len(spans) != 1 {
			t.Fatalf("%d spans for a log without holes", len(spans))
		}
		if seq, hash := l.x.Last(said[0].entry.Log); seq != 40 || hash != said[39].hash {
			t.Errorf("the log ends at %d", seq)
		}
	}
}

func TestTwoContentsUnderOneNumber(t *testing.T) {
	l, w := newLedger(t), writes("alice", 1)
	l.accept(w.say("one"), New)
	twin := w.fork()
	yes, no := w.say("yes"), twin.say("no")
	l.accept(yes, New)
	if seen, err := l.x.Seen(yes.raw); !seen || err != nil {
		t.Error("a copy of what is here is not dropped unchecked")
	}
	if seen, err := l.x.Seen(no.raw); seen || err != nil {
		t.Error("another content under its number is dropped unchecked")
	}
	l.accept(no, Fork)
	l.conflict(2)
	// Once is enough.
	l.accept(no, Fork)
	l.accept(twin.say("and on"), New)
	l.conflict(0)
}

// Each half of a fork reaches somebody first. Whoever goes on from the other half gives the author away.
func TestForkIsFoundWhenItGoesOn(t *testing.T) {
	l, w := newLedger(t), writes("alice", 1)
	l.accept(w.say("one"), New)
	twin := w.fork()
	l.accept(w.say("yes"), New)
	twin.say("no")
	l.accept(twin.say("as I said"), New)
	l.conflict(2)
}

func TestForkIsFoundBackwards(t *testing.T) {
	l, w := newLedger(t), writes("alice", 1)
	l.accept(w.say("one"), New)
	twin := w.fork()
	twin.say("no")
	w.say("yes")
	l.accept(w.say("as I said"), New)
	l.conflict(0)
	l.accept(twin.last, New)
	l.conflict(3)
}

func TestForkIsFoundAfterARestart(t *testing.T) {
	w := writes("alice", 1)
	first := w.says(100)
	twin := w.fork()
	yes := w.say("yes")
	s := NewMemStore()
	_ = s.Commit(Batch{Entries: append(first, yes)})
	state, _ := s.State()
	l := newLedger(t)
	l.x, l.kept[101] = NewIndex(state.Logs), yes
	l.accept(yes, Duplicate)
	l.accept(first[3], Duplicate)
	l.conflict(0)
	l.accept(twin.say("no"), Fork)
	l.conflict(101)
}

func TestNoProofAgainstAnHonestAuthor(t *testing.T) {
	w := writes("alice", 1)
	said := w.says(4)
	bob := writes("bob", 1).says(2)
	for name, p := range map[string]Proof{
		"neighbours":       {said[0].raw, said[1].raw},
		"far apart":        {said[0].raw, said[3].raw},
		"one entry twice":  {said[0].raw, said[0].raw},
		"two authors":      {said[0].raw, bob[0].raw},
		"two epochs":       {said[0].raw, writes("alice", 2).say("line 0").raw},
		"not even entries": {said[0].raw, []byte("no")},
	} {
		if log, err := CheckProof(p); err == nil {
			t.Errorf("%s prove a fork of %s", name, log)
		}
	}
	c := Conflict{Log: said[0].entry.Log, Held: 1, Other: bob[0]}
	if _, err := c.Proof(said[0].raw); !errors.Is(err, ErrNoProof) {
		t.Errorf("a conflict of two authors: %v", err)
	}
}

func TestSeenIsForWhatIsAccepted(t *testing.T) {
	x, w := NewIndex(nil), writes("alice", 1)
	said := w.says(100)
	for _, v := range said[:50] {
		if seen, err := x.Seen(v.raw); seen || err != nil {
			t.Fatalf("number %d was seen before it came (%v)", v.entry.Seq, err)
		}
		x.Accept(v)
	}
	for _, v := range said {
		if seen, _ := x.Seen(v.raw); seen != (v.entry.Seq <= 50) || seen != x.Accepted(w.log, v.entry.Seq) {
			t.Errorf("number %d: seen %t", v.entry.Seq, seen)
		}
	}
	if _, err := x.Seen([]byte{0x9b, 0x01}); !errors.Is(err, ErrMalformed) {
		t.Errorf("rubbish: %v", err)
	}
}

func TestOnlyWhatIsStoredIsShown(t *testing.T) {
	x, w := NewIndex(nil), writes("alice", 1)
	said := w.says(3)
	empty := x.Digest(lobby, w.id.ID())
	for _, v := range said {
		x.Accept(v)
	}
	if len(x.Ranges(w.log)) != 0 || x.Digest(lobby, w.id.ID()) != empty {
		t.Error("what is accepted passes for stored")
	}
	x.Stored(said[1])
	if got := x.Ranges(w.log).String(); got != "2" {
		t.Errorf("stored %s", got)
	}
}

func TestRefusedNumbersCountAsHad(t *testing.T) {
	x, w := NewIndex(nil), writes("alice", 1)
	said := w.says(10)
	for _, v := range said[3:8] {
		x.Accept(v)
		x.Stored(v)
	}
	x.Refuse(w.log, protocol.Range{First: 1, Last: 5})
	if got := x.Ranges(w.log).String(); got != "6-8" {
		t.Errorf("stored %s", got)
	}
	for seq := uint64(1); seq <= 10; seq++ {
		if got := x.Accepted(w.log, seq); got != (seq <= 8) {
			t.Errorf("number %d accepted: %t", seq, got)
		}
	}
	if got := x.Accept(said[1]); got != Duplicate {
		t.Errorf("a refused entry is %s", got)
	}
	if got := x.Accept(said[8]); got != New {
		t.Errorf("the entry after them is %s", got)
	}
	if len(x.Conflicts()) > 0 {
		t.Error("a gap that was given up looks like a fork")
	}
}

func TestReleasedNumbersAreMissingAgain(t *testing.T) {
	said := writes("alice", 1).says(40)
	for seed := range uint64(20) {
		l := newLedger(t)
		r := rand.New(rand.NewPCG(seed, 2))
		for _, i := range r.Perm(len(said)) {
			l.accept(said[i], New)
		}
		l.x.Stored(said[20])
		for _, i := range r.Perm(len(said)) {
			l.x.Release(said[i])
			if got := l.x.Accepted(said[i].entry.Log, said[i].entry.Seq); got != (i == 20) {
				t.Errorf("number %d, released, is accepted: %t", i+1, got)
			}
		}
		for _, i := range r.Perm(len(said)) {
			if i != 20 {
				l.accept(said[i], New)
			}
		}
		l.conflict(0)
		if spans := l.x.log(said[0].entry.Log).spans; len(spans) != 1 {
			t.Fatalf("%d spans for a log without holes", len(spans))
		}
	}
}

func TestForkIsFoundBesideAReleasedNumber(t *testing.T) {
	l, w := newLedger(t), writes("alice", 1)
	l.accept(w.say("one"), New)
	twin := w.fork()
	yes := w.say("yes")
	l.accept(yes, New)
	l.accept(w.say("as I said"), New)
	l.x.Release(yes)
	l.accept(twin.say("no"), New)
	l.conflict(3)
}

func TestGapsLieBetweenWhatIsHere(t *testing.T) {
	x, w := NewIndex(nil), writes("alice", 1)
	said := w.says(20)
	first := uint64(0)
	old := func(Log, uint64) bool { return false }
	began := func(log Log, seq uint64) bool {
		first = seq
		return log == w.log
	}
	if len(x.Gaps(lobby, began)) != 0 {
		t.Error("gaps in an empty room")
	}
	for _, seq := range []int{5, 6, 9, 15} {
		x.Accept(said[seq-1])
	}
	gaps := x.Gaps(lobby, old)
	if len(gaps) != 1 || gaps[0].Log != w.log || gaps[0].Missing.String() != "7-8,10-14" {
		t.Errorf("gaps %v", gaps)
	}
	if gaps := x.Gaps(lobby, began); len(gaps) != 1 || gaps[0].Missing.String() != "1-4,7-8,10-14" || first != 5 {
		t.Errorf("gaps %v of a log that has begun in the room and is here from %d on", gaps, first)
	}
	x.Refuse(w.log, protocol.Range{First: 7, Last: 14})
	if gaps := x.Gaps(lobby, old); len(gaps) != 0 {
		t.Errorf("gaps %v after they were given up", gaps)
	}
	x.Refuse(w.log, protocol.Range{First: 1, Last: 4})
	if gaps := x.Gaps(lobby, began); len(gaps) != 0 {
		t.Errorf("gaps %v after all were given up", gaps)
	}
}

func TestLogsAreSorted(t *testing.T) {
	x := NewIndex(nil)
	for _, name := range []string{"dave", "alice", "carol", "bob"} {
		for _, epoch := range []uint64{9, 3, 7} {
			x.Accept(writes(name, epoch).say("hi"))
		}
	}
	logs := x.Logs(lobby)
	if len(logs) != 12 {
		t.Fatalf("%d logs", len(logs))
	}
	for i := range logs[1:] {
		if logs[i].Compare(logs[i+1]) >= 0 {
			t.Errorf("%v before %v", logs[i], logs[i+1])
		}
	}
	if len(x.Logs(other)) != 0 {
		t.Error("logs of another room")
	}
}

func TestDigestsDependOnWhatIsStoredAlone(t *testing.T) {
	all := conversation(12)
	x, y := NewIndex(nil), NewIndex(nil)
	room := []protocol.RoomID{lobby}
	for i := range all {
		x.Stored(all[i])
		y.Stored(all[len(all)-1-i])
		if i < len(all)-1 && i != len(all)/2-1 && x.Heads(room) == y.Heads(room) {
			t.Fatalf("one digest for two sets after %d entries", i+1)
		}
	}
	if x.Heads(room) != y.Heads(room) {
		t.Error("the order of coming is in the digest")
	}
	if x.Heads([]protocol.RoomID{lobby, other}) != x.Heads([]protocol.RoomID{other, lobby, lobby}) {
		t.Error("the order of the rooms is in the digest")
	}
	if x.Heads(nil) != (protocol.Digest{}) || x.Heads([]protocol.RoomID{other}) != (protocol.Digest{}) {
		t.Error("nothing has a digest")
	}
	// A second program computes it as SPEC section 7.6 says.
	z := NewIndex(nil)
	for _, v := range writes("alice", 300).says(3) {
		z.Stored(v)
	}
	if d := z.Digest(lobby, who("alice").ID()).String(); d != "be0ec3bb12b98088" {
		t.Errorf("the digest of 1-3 of epoch 300 is %s", d)
	}
}
