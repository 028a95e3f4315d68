package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"earshot/peer"
	"earshot/peer/store"
	"earshot/protocol"
	"earshot/protocol/replica"
)

// archive is what a profile remembers, without a node: it is only read, and nothing of it goes on the network.
// An instance may have the profile meanwhile.
type archive struct {
	store replica.Store
	state replica.State
	self  protocol.PeerID // zero where the key cannot be read, which history does not need
}

// openArchive opens what the profile remembers. A profile that never was remembers nothing.
func (o *options) openArchive() (*archive, error) {
	a := &archive{store: replica.NewMemStore()}
	path := historyPath(o.home, o.profile)
	switch info, err := os.Stat(path); {
	case err == nil && info.Size() > 0:
		s, err := store.OpenReadOnly(path)
		if err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "store: "))
		}
		a.store = s
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if id, err := readKey(filepath.Join(o.home, o.profile, keyFile)); err == nil {
		a.self = id.ID()
	}
	return a, a.load()
}

// newArchive looks into a store that is open already.
func newArchive(s replica.Store, self protocol.PeerID) (*archive, error) {
	a := &archive{store: s, self: self}
	return a, a.load()
}

func (a *archive) load() (err error) {
	if a.state, err = a.store.State(); err != nil {
		_ = a.store.Close()
		err = errors.New(storeTrouble(err))
	}
	return err
}

func (a *archive) close() { _ = a.store.Close() }

// room is what is known of a room.
func (a *archive) room(id protocol.RoomID) peer.Room {
	for _, r := range a.state.Rooms {
		if r.ID == id {
			return named(r)
		}
	}
	for _, l := range a.state.Logs { // a conversation whose other one has spoken
		if l.Room == id && l.Author != a.self && protocol.OpenNetwork().DirectRoom(a.self, l.Author) == id {
			return peer.Room{ID: id, Name: "@" + a.called(l.Author), With: l.Author}
		}
	}
	return peer.Room{ID: id, Name: "(unknown)"}
}

func named(r replica.RoomState) peer.Room {
	name := "#" + r.Name
	if !r.With.IsZero() {
		name = "@" + r.Name
	}
	return peer.Room{ID: r.ID, Name: name, With: r.With, Topic: r.Topic}
}

// called is the last known name of somebody.
func (a *archive) called(id protocol.PeerID) string {
	for _, c := range a.state.Contacts {
		if c.ID == id {
			return c.Name
		}
	}
	return "·" + id.Short()
}

// rooms is all that something is stored of, in the order in which they were entered.
func (a *archive) rooms() []peer.Room {
	var all []peer.Room
	for _, l := range a.state.Logs {
		if len(l.Ranges) > 0 && !slices.ContainsFunc(all, func(r peer.Room) bool { return r.ID == l.Room }) {
			all = append(all, a.room(l.Room))
		}
	}
	rank := func(r peer.Room) int {
		if i := slices.IndexFunc(a.state.Rooms, func(x replica.RoomState) bool { return x.ID == r.ID }); i >= 0 {
			return i
		}
		return len(a.state.Rooms)
	}
	slices.SortStableFunc(all, func(x, y peer.Room) int { return cmp.Compare(rank(x), rank(y)) })
	return all
}

// find is the room that a person means, whether it was left or not. Errors: peer.ErrUnknown, ErrAmbiguous, ErrBadName.
func (a *archive) find(name string) (peer.Room, error) {
	if strings.HasPrefix(name, "#") {
		clean, err := peer.CleanRoom(name)
		if err != nil {
			return peer.Room{}, err
		}
		id := protocol.OpenNetwork().PublicRoom(clean)
		r := a.room(id)
		if r.With.IsZero() && !a.holds(id) && !slices.ContainsFunc(a.state.Rooms, func(x replica.RoomState) bool { return x.ID == id }) {
			return r, fmt.Errorf("#%s: %w, as far as this profile remembers", clean, peer.ErrUnknown)
		}
		r.Name = "#" + clean
		return r, nil
	}
	who := strings.TrimPrefix(name, "@")
	var found []peer.Room
	for _, r := range a.directs() {
		if a.means(who, r.With, strings.TrimPrefix(r.Name, "@")) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return peer.Room{}, fmt.Errorf("%s: %w that something is stored of; a room begins with #", name, peer.ErrUnknown)
	case 1:
		return found[0], nil
	}
	var names []string
	for _, r := range found {
		names = append(names, label(strings.TrimPrefix(r.Name, "@"), r.With))
	}
	return peer.Room{}, fmt.Errorf("%s: %w: %s", name, peer.ErrAmbiguous, strings.Join(names, ", "))
}

func (a *archive) holds(id protocol.RoomID) bool {
	return slices.ContainsFunc(a.state.Logs, func(l replica.LogState) bool { return l.Room == id })
}

// directs is all conversations of two.
func (a *archive) directs() []peer.Room {
	var all []peer.Room
	for _, r := range a.state.Rooms {
		if !r.With.IsZero() {
			all = append(all, named(r))
		}
	}
	for _, r := range a.rooms() {
		if r.Direct() && !slices.ContainsFunc(all, func(x peer.Room) bool { return x.ID == r.ID }) {
			all = append(all, r)
		}
	}
	return all
}

// means tells whether who (a name, a name·key, or a whole key) is somebody.
func (a *archive) means(who string, id protocol.PeerID, name string) bool {
	if key, err := protocol.ParsePeerID(who); err == nil {
		return key == id
	}
	said, key, _ := strings.Cut(who, "·")
	return (strings.EqualFold(said, name) || strings.EqualFold(said, a.called(id))) && strings.HasPrefix(id.String(), key)
}

// Search finds stored lines as peer.Chat's does.
func (a *archive) Search(_ context.Context, query string, older uint64, n int) (peer.Found, error) {
	parsed, err := replica.ParseQuery(query, time.Local)
	if err != nil {
		return peer.Found{}, err
	}
	q := parsed.Query
	q.Older, q.Limit = replica.Cursor(older), n
	if q.Author, q.Name, err = a.author(parsed.From); err != nil {
		return peer.Found{}, err
	}
	if parsed.In != "" {
		r, err := a.find(parsed.In)
		if err != nil {
			return peer.Found{}, err
		}
		q.Room = r.ID
	}
	hits, more, err := a.store.Search(q)
	found := peer.Found{Older: uint64(more)}
	for _, h := range hits {
		if m, ok := a.message(a.room(h.Entry().Room), h.Stored); ok {
			found.Messages = append(found.Messages, m)
		}
	}
	return found, err
}

// author is whom from: means: a key, or a name that was somebody's.
func (a *archive) author(from string) (protocol.PeerID, string, error) {
	from = strings.TrimPrefix(from, "@")
	if key, err := protocol.ParsePeerID(from); err == nil {
		return key, "", nil
	}
	if from == "me" && !a.self.IsZero() {
		return a.self, "", nil
	}
	if !strings.Contains(from, "·") {
		return protocol.PeerID{}, from, nil
	}
	var found []protocol.PeerID
	for _, l := range a.state.Logs {
		name, key, _ := strings.Cut(from, "·")
		if strings.HasPrefix(l.Author.String(), key) && (name == "" || l.Author == a.self || strings.EqualFold(name, a.called(l.Author))) &&
			!slices.Contains(found, l.Author) {
			found = append(found, l.Author)
		}
	}
	switch len(found) {
	case 0:
		return protocol.PeerID{}, "", fmt.Errorf("%s: %w that something is stored of", from, peer.ErrUnknown)
	case 1:
		return found[0], "", nil
	}
	return protocol.PeerID{}, "", fmt.Errorf("%s: %w: more of the key is needed", from, peer.ErrAmbiguous)
}

// message is a stored entry as a view shows it, if it is one.
func (a *archive) message(r peer.Room, s replica.Stored) (peer.Message, bool) {
	e := s.Entry()
	name, text, ok := s.Text()
	kind := s.Kind()
	if !ok || kind != replica.KindText && kind != replica.KindAction {
		return peer.Message{}, false
	}
	if clean, err := peer.CleanName(name); err == nil {
		name = clean
	} else {
		name = "·" + e.Author.Short()
	}
	r.Topic, r.Read = "", peer.Place{}
	return peer.Message{
		ID: s.ID(), Room: r, Author: e.Author, Name: name, Own: e.Author == a.self, Action: kind == replica.KindAction,
		Text: text, Time: e.Wall, Place: peer.Place(e.Place()), Old: true,
	}, true
}
