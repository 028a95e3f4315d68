package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/protocol/replica/storetest"
)

// Whatever is done to it, the file gives the account that memory gives.
func TestSameAsInMemory(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			path := file(t)
			h := &history{
				T: t, r: rand.New(rand.NewPCG(seed, 1)), file: mustOpen(t, path), memory: replica.NewMemStore(),
				writers: map[replica.Log]*storetest.Writer{},
			}
			for step := range 60 {
				h.step()
				if step%20 == 19 {
					if err := h.file.Close(); err != nil {
						t.Fatal(err)
					}
					h.file = mustOpen(t, path)
				}
				if step%5 == 4 {
					h.compare(fmt.Sprint("step ", step))
				}
			}
		})
	}
}

// history is something done to two stores alike.
type history struct {
	*testing.T
	r       *rand.Rand
	file    *Store
	memory  *replica.MemStore
	writers map[replica.Log]*storetest.Writer
	said    []replica.Verified // some of it is stored
}

var (
	people = []string{"alice", "bob", "carol", "dave"}
	rooms  = []protocol.RoomID{storetest.Lobby, storetest.Garden}
	texts  = []string{"the build is green", "Café au lait", "build", "日本語", "green tea 🎉", "", "naïve green build", "?!"}
)

func pick[T any](h *history, of []T) T { return of[h.r.IntN(len(of))] }

func (h *history) person() protocol.PeerID { return storetest.Who(pick(h, people)).ID() }

func (h *history) time() time.Time {
	return storetest.Noon.Add(time.Duration(h.r.IntN(5000)) * time.Millisecond)
}

// entry is a number in a log, stored or not.
func (h *history) entry() (replica.Log, uint64) {
	if len(h.said) == 0 {
		return storetest.Writes("alice", 1).Log, 1
	}
	e := pick(h, h.said).Entry()
	return e.Log, e.Seq
}

func (h *history) step() {
	switch h.r.IntN(12) {
	case 0:
		upTo := replica.Place{}
		if h.r.IntN(2) == 0 && len(h.said) > 0 {
			upTo = pick(h, h.said).Entry().Place()
		}
		h.remove(func(s replica.Store) ([]replica.LogRanges, error) { return s.Delete(storetest.Garden, upTo) })
	case 1, 2:
		room, keep := pick(h, rooms), replica.Keep{}
		if h.r.IntN(2) == 0 {
			keep.Newest = uint64(5 + h.r.IntN(30))
		}
		if h.r.IntN(3) == 0 {
			keep.Since, keep.Until = h.time(), storetest.Noon.Add(time.Duration(h.r.IntN(9000))*time.Millisecond)
		}
		h.remove(func(s replica.Store) ([]replica.LogRanges, error) { return s.Prune(room, keep) })
	default:
		b := h.batch()
		for _, s := range []replica.Store{h.file, h.memory} {
			if err := s.Commit(b); err != nil {
				h.Fatal(err)
			}
		}
	}
}

func (h *history) remove(f func(replica.Store) ([]replica.LogRanges, error)) {
	h.Helper()
	a, err := f(h.file)
	b, _ := f(h.memory)
	if err != nil || storetest.Gone(a) != storetest.Gone(b) {
		h.Fatalf("the file lost %s, memory %s, %v", storetest.Gone(a), storetest.Gone(b), err)
	}
}

// batch is some of everything.
func (h *history) batch() (b replica.Batch) {
	for range h.r.IntN(8) {
		name, room := pick(h, people), pick(h, rooms)
		log := storetest.WritesIn(room, name, uint64(1+h.r.IntN(2))).Log
		w := h.writers[log]
		if w == nil {
			w = storetest.WritesIn(room, name, log.Epoch)
			h.writers[log] = w
		}
		w.Wall = h.time()
		w.Lamport += h.r.Uint64N(3)
		v := w.Say(pick(h, texts))
		if h.r.IntN(5) == 0 {
			v = w.Seal()
		}
		h.said = append(h.said, v)
	}
	for range h.r.IntN(8) { // late, and some again
		if len(h.said) > 0 {
			b.Entries = append(b.Entries, pick(h, h.said))
		}
	}
	if h.r.IntN(4) == 0 {
		log, seq := h.entry()
		b.Refused = append(b.Refused, replica.LogRanges{Log: log, Ranges: protocol.RangeSet{{First: seq + 1, Last: seq + 1 + h.r.Uint64N(3)}}})
	}
	if h.r.IntN(4) == 0 {
		log, seq := h.entry()
		b.Restored = append(b.Restored, replica.LogRanges{Log: log, Ranges: protocol.RangeSet{{First: seq, Last: seq + h.r.Uint64N(3)}}})
	}
	for range h.r.IntN(3) {
		log, seq := h.entry()
		b.Bodies = append(b.Bodies, replica.Body{Log: log, Seq: seq, Kind: replica.KindText, Name: pick(h, people), Text: pick(h, texts)})
	}
	for range h.r.IntN(3) {
		log, seq := h.entry()
		l := replica.LineState{Log: log, Seq: seq, At: h.time(), Audience: []protocol.PeerID{h.person(), h.person()}}
		for range h.r.IntN(3) {
			l.Reached = append(l.Reached, replica.Receipt{Peer: h.person(), At: h.time(), Sendings: h.r.Uint64N(9)})
		}
		b.Lines = append(b.Lines, l)
	}
	if h.r.IntN(3) == 0 {
		b.Rooms = append(b.Rooms, replica.RoomState{ID: pick(h, rooms), Name: pick(h, people), Topic: pick(h, texts), Joined: h.r.IntN(2) == 0, JoinedAt: h.time()})
		b.Contacts = append(b.Contacts, replica.Contact{ID: h.person(), Name: pick(h, people), Seen: h.time(), Rooms: texts[:h.r.IntN(4)], Key: []byte(pick(h, texts))})
		b.Settings = append(b.Settings, replica.Setting{Key: pick(h, people), Value: pick(h, texts)})
		log, seq := h.entry()
		b.Marks = append(b.Marks, replica.Mark{Room: pick(h, rooms), Place: replica.Place{Lamport: h.r.Uint64N(9), Author: log.Author, Epoch: log.Epoch, Seq: seq}})
		b.Mail = append(b.Mail, replica.Mail{Log: log, Seq: seq, Raw: []byte(pick(h, texts)), Accepted: h.time()})
	}
	return b
}

func (h *history) compare(when string) {
	h.Helper()
	a, err := storetest.Account(h.file)
	b, _ := storetest.Account(h.memory)
	if err != nil || a != b {
		h.Fatalf("%s: %v\n--- the file has\n%s--- memory has\n%s", when, err, a, b)
	}
	for _, text := range []string{
		"build", `"green build"`, `"build green" build`, `"green bu"`, "gre*", "from:alice green", "in:#garden build", "from:bob in:#lobby", "本", "🎉",
		"after:2023-11-14T22:13:22Z build", "before:2023-11-14T22:13:22Z", "from:somebody build",
	} {
		q, err := storetest.Parse(text)
		if err != nil {
			h.Fatal(err)
		}
		q.Limit = 1 + h.r.IntN(20)
		h.file.pace = pace{first: 1 + h.r.IntN(10), most: 1 + h.r.IntN(20), time: time.Duration(h.r.IntN(2)) * time.Hour}
		for range 3 {
			a, older, err := h.file.Search(q)
			for rest := q; err == nil && older > 0 && len(a) < q.Limit; { // it comes in parts
				var more []replica.Hit
				rest.Older, rest.Limit = older, q.Limit-len(a)
				more, older, err = h.file.Search(rest)
				a = append(a, more...)
			}
			b, _, _ := h.memory.Search(q)
			if err != nil || storetest.Hits(a) != storetest.Hits(b) {
				h.Fatalf("%s: %s at %d: %v\nthe file finds %s\nmemory finds   %s", when, text, q.Older, err, storetest.Hits(a), storetest.Hits(b))
			}
			if older == 0 {
				break
			}
			q.Older = older
		}
	}
	for _, room := range rooms {
		log, seq := h.entry()
		at := replica.Place{Lamport: h.r.Uint64N(30), Author: log.Author, Epoch: log.Epoch, Seq: seq}
		for _, read := range []func(replica.Store) ([]replica.Stored, error){
			func(s replica.Store) ([]replica.Stored, error) { return s.Page(room, at, 7) },
			func(s replica.Store) ([]replica.Stored, error) { return s.PageAfter(room, at, 7) },
		} {
			a, err := read(h.file)
			b, _ := read(h.memory)
			if err != nil || storetest.Page(a) != storetest.Page(b) {
				h.Fatalf("%s: pages at %v differ: %v\n%s---\n%s", when, at, err, storetest.Page(a), storetest.Page(b))
			}
		}
	}
}
