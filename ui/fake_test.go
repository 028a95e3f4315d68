package ui

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/protocol"
)

// village is a peer.Chat fed by scripts: its people do what the script says.
type village struct {
	mu      sync.Mutex
	ready   peer.Ready
	feed    chan peer.Event
	history map[protocol.RoomID][]peer.Message
	people  []peer.Person
	said    []string
	now     func() time.Time
	lamport uint64
	net     *protocol.Network
	refuse  error
	slow    time.Duration // what Say takes

	public   []peer.PublicRoom
	reads    []read
	searches []string
	torn     bool // the history is damaged
	pages    int  // how often History was asked
}

func newVillage(now func() time.Time) *village {
	v := &village{feed: make(chan peer.Event, 1<<18), history: map[protocol.RoomID][]peer.Message{}, now: now, net: protocol.OpenNetwork()}
	v.ready = peer.Ready{
		Self: peer.Person{ID: key("alice"), Name: "alice", Online: true}, Network: "open", Rooms: []peer.Room{v.room("#lobby")},
		Status: peer.Status{Interfaces: []string{"wlan0"}, Port: 40001},
	}
	return v
}

// key is the key of a person of the village.
func key(name string) (id protocol.PeerID) {
	seed := make([]byte, 32)
	copy(seed, name)
	identity, err := protocol.IdentityFromSeed(seed)
	if err != nil {
		panic(err)
	}
	return identity.ID()
}

func (v *village) room(name string) peer.Room {
	if who, ok := strings.CutPrefix(name, "@"); ok {
		return peer.Room{ID: v.net.DirectRoom(v.ready.Self.ID, key(who)), Name: name, With: key(who)}
	}
	return peer.Room{ID: v.net.PublicRoom(name[1:]), Name: name}
}

func (v *village) person(who string) *peer.Person {
	for i := range v.people {
		if v.people[i].ID == key(who) {
			return &v.people[i]
		}
	}
	v.people = append(v.people, peer.Person{
		ID: key(who), Name: who, Rooms: []string{"#lobby"}, RTT: 1200 * time.Microsecond, Interface: "wlan0",
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 1, byte(10 + len(v.people))}), 40001), Since: v.now(),
	})
	return &v.people[len(v.people)-1]
}

// says puts a line of somebody into a room and its history.
func (v *village) says(who string, room peer.Room, text string, change func(*peer.Message)) peer.Message {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lamport++
	m := peer.Message{
		Room: room, Author: key(who), Name: who, Own: who == "alice", Text: text, Time: v.now(),
		Place: peer.Place{Lamport: v.lamport, Author: key(who), Seq: v.lamport},
		ID:    uuid.NewSHA1(uuid.Nil, fmt.Append(nil, v.lamport, who)),
	}
	if m.Own {
		for _, p := range v.people {
			if p.Online && (!room.Direct() || room.With == p.ID) {
				m.Audience++
			}
		}
	}
	if change != nil {
		change(&m)
	}
	at, _ := slices.BinarySearchFunc(v.history[room.ID], m.Place, func(x peer.Message, p peer.Place) int { return x.Place.Compare(p) })
	v.history[room.ID] = slices.Insert(v.history[room.ID], at, m)
	return m
}

func (v *village) find(who string) (protocol.PeerID, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.people {
		if p.ID.String() == who || strings.EqualFold(p.Name, strings.TrimPrefix(who, "@")) {
			return p.ID, nil
		}
	}
	return protocol.PeerID{}, fmt.Errorf("%w: %s", peer.ErrUnknown, who)
}

func (v *village) Feed(context.Context) (peer.Feed, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.feed <- v.ready
	return villageFeed{v}, nil
}

type villageFeed struct{ v *village }

func (f villageFeed) Close() {}

func (f villageFeed) Next(ctx context.Context) ([]peer.Event, error) {
	var batch []peer.Event
	for {
		select {
		case e := <-f.v.feed:
			if e == nil {
				return nil, peer.ErrClosed
			}
			batch = append(batch, e)
			continue
		default:
		}
		if len(batch) > 0 {
			return batch, nil
		}
		select {
		case e := <-f.v.feed:
			if e == nil {
				return nil, peer.ErrClosed
			}
			batch = append(batch, e)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (v *village) Say(_ context.Context, to, text string, action bool) (peer.Message, error) {
	time.Sleep(v.slow)
	if v.refuse != nil {
		return peer.Message{}, v.refuse
	}
	if !strings.HasPrefix(to, "#") {
		id, err := v.find(to)
		if err != nil {
			return peer.Message{}, err
		}
		for _, p := range v.people {
			if p.ID == id {
				to = "@" + p.Name
			}
		}
	}
	m := v.says("alice", v.room(to), text, func(m *peer.Message) { m.Action = action })
	v.mu.Lock()
	v.said = append(v.said, to+" "+text)
	v.mu.Unlock()
	v.feed <- m
	return m, nil
}

func (v *village) Join(_ context.Context, name string) (peer.Room, error) {
	if strings.Contains(name, " ") {
		return peer.Room{}, fmt.Errorf("%w: a room has no spaces", peer.ErrBadName)
	}
	v.feed <- peer.RoomJoined{Room: v.room(name)}
	return v.room(name), nil
}

func (v *village) Part(_ context.Context, name string) error {
	v.feed <- peer.RoomParted{Room: v.room(name)}
	return nil
}

func (v *village) Query(_ context.Context, who string) (peer.Room, error) {
	id, err := v.find(who)
	if err != nil {
		return peer.Room{}, err
	}
	i := slices.IndexFunc(v.people, func(p peer.Person) bool { return p.ID == id })
	return peer.Room{ID: v.net.DirectRoom(v.ready.Self.ID, id), Name: "@" + v.people[i].Name, With: id}, nil
}

func (v *village) Rename(_ context.Context, name string) error {
	was := v.ready.Self
	v.ready.Self.Name = name
	v.feed <- peer.Changed{Person: v.ready.Self, Was: was.Name}
	return nil
}

func (v *village) People(context.Context) ([]peer.Person, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.people), nil
}

func (v *village) History(_ context.Context, room protocol.RoomID, before peer.Place, n int) ([]peer.Message, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pages++
	all := v.history[room]
	end := len(all)
	if before != (peer.Place{}) {
		end, _ = slices.BinarySearchFunc(all, before, func(m peer.Message, p peer.Place) int { return m.Place.Compare(p) })
	}
	page := slices.Clone(all[max(0, end-n):end])
	for i := range page {
		page[i].Old = true
	}
	return page, nil
}

func (v *village) Ping(context.Context, string) (time.Duration, error) { return time.Millisecond, nil }

// errQuery is what a chat says of a query that it cannot answer.
var errQuery = errors.New("peer: search: nothing to look for")

// errTorn is what a chat says of a history that is damaged in part.
var errTorn = errors.New("peer: search: 1 entry is damaged")

// searchPart is how many hits come at once at the most, as of a search that takes long. The first part has none.
const searchPart = 20

// Search finds texts that contain the query. The older result begins where Older says, counted in hits from 1 on.
func (v *village) Search(_ context.Context, query string, older uint64, n int) (_ peer.Found, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if older == 0 {
		v.searches = append(v.searches, query)
	}
	if query == "" || query == "from:" {
		return peer.Found{}, errQuery
	}
	var hits []peer.Message
	for _, page := range v.history {
		for _, m := range page {
			if strings.Contains(m.Text, query) {
				hits = append(hits, m)
			}
		}
	}
	slices.SortFunc(hits, func(a, b peer.Message) int { return b.Place.Compare(a.Place) })
	if older == 0 {
		return peer.Found{Older: 1}, nil
	}
	hits = hits[min(int(older-1), len(hits)):]
	found := peer.Found{Messages: hits}
	if v.torn {
		defer func() { err = errTorn }()
	}
	if n = min(n, searchPart); len(hits) > n {
		found.Messages, found.Older = hits[:n], older+uint64(n)
	}
	return found, nil
}

func (v *village) SetTopic(_ context.Context, name, topic string) error {
	room := v.room(name)
	room.Topic = topic
	v.feed <- peer.Topic{Room: room, By: v.ready.Self.Name}
	return nil
}

func (v *village) PublicRooms(context.Context) ([]peer.PublicRoom, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.public), nil
}

func (v *village) Forget(_ context.Context, name string) error {
	room := peer.Room{}
	if strings.HasPrefix(name, "#") {
		room = v.room(name)
	} else {
		for _, p := range v.people {
			if p.ID.String() == name {
				room = v.room("@" + p.Name)
			}
		}
	}
	v.mu.Lock()
	delete(v.history, room.ID)
	v.mu.Unlock()
	v.feed <- peer.RoomParted{Room: room}
	return nil
}

func (v *village) Read(_ context.Context, room protocol.RoomID, upTo peer.Place) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reads = append(v.reads, read{room, upTo})
	return nil
}

// SetReadMarks is in the status from then on.
func (v *village) SetReadMarks(_ context.Context, on bool) error {
	if v.refuse != nil {
		return v.refuse
	}
	v.ready.Status.ReadMarks = on
	v.feed <- v.ready.Status
	return nil
}

// read is a call of Read.
type read struct {
	room protocol.RoomID
	upTo peer.Place
}

// Detail says that everybody online has an own line after as many sendings as their name has letters.
func (v *village) Detail(_ context.Context, room protocol.RoomID, line peer.Place) (peer.Detail, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.history[room] {
		if m.Place != line {
			continue
		}
		d := peer.Detail{Said: m.Time}
		for i, p := range v.people {
			if m.Room.Direct() && m.Room.With != p.ID {
				continue
			}
			if p.Online {
				r := peer.Receipt{Peer: p.ID, Name: p.Name, At: m.Time.Add(time.Duration(12+i) * time.Millisecond), Sendings: i + 1}
				if m.Read {
					r.Read = v.now()
				}
				d.Reached = append(d.Reached, r)
			} else {
				d.Missing = append(d.Missing, p)
			}
		}
		return d, nil
	}
	return peer.Detail{}, fmt.Errorf("%w: no such line", peer.ErrUnknown)
}

func (v *village) Bench(context.Context, string, peer.BenchSpec) (peer.BenchReport, error) {
	return peer.BenchReport{}, peer.ErrNoBench
}

func (v *village) BenchProgress(context.Context) ([]peer.BenchReport, error) { return nil, nil }
func (v *village) ServeBench(context.Context) error                          { return nil }
