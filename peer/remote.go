package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"earshot/protocol"
)

// Remote is the Chat of an instance that runs already, reached through its control socket.
// Any number of goroutines may use it.
type Remote struct {
	mu   sync.Mutex
	wire *wire
	last uint64
}

// wire is one connection of a Remote.
type wire struct {
	conn net.Conn
	gone chan struct{} // closed once it has ended

	writing sync.Mutex

	ended bool                     // under Remote.mu, as is
	calls map[uint64]chan response // waiting for their answer; each holds one, or is closed when none will come
}

var _ Chat = (*Remote)(nil)

// Dial connects to the control socket at path. Close ends the connection.
func Dial(path string) (*Remote, error) {
	r := &Remote{}
	if err := r.Redial(path); err != nil {
		return nil, err
	}
	return r, nil
}

// Redial connects to the instance that now answers at path. What was asked of the one before ends with ErrClosed, its
// feeds too. After an error it is as it was.
func (r *Remote) Redial(path string) error {
	conn, err := net.DialTimeout("unix", path, controlPatience)
	if err != nil {
		return fmt.Errorf("peer: control: %w", err)
	}
	answers := json.NewDecoder(conn)
	var hello greeting
	_ = conn.SetReadDeadline(time.Now().Add(controlPatience))
	if err := answers.Decode(&hello); err != nil {
		_ = conn.Close()
		return fmt.Errorf("peer: control: %w", err)
	}
	if hello.Control != controlVersion {
		_ = conn.Close()
		return fmt.Errorf("peer: control: %w (control %d, here %d): end it and start it again", ErrVersion, hello.Control, controlVersion)
	}
	_ = conn.SetReadDeadline(time.Time{})
	w := &wire{conn: conn, gone: make(chan struct{}), calls: map[uint64]chan response{}}
	r.mu.Lock()
	was := r.wire
	r.wire = w
	r.mu.Unlock()
	go r.read(w, answers)
	if was != nil {
		_ = was.conn.Close()
		<-was.gone
	}
	return nil
}

// Close ends the connection and all its feeds. The instance goes on.
func (r *Remote) Close() error {
	r.mu.Lock()
	w := r.wire
	r.mu.Unlock()
	err := w.conn.Close()
	<-w.gone
	return err
}

func (r *Remote) read(w *wire, answers *json.Decoder) {
	defer close(w.gone)
	defer w.conn.Close()
	for {
		var a response
		err := answers.Decode(&a)
		r.mu.Lock()
		if err != nil {
			w.ended = true
			for _, ch := range w.calls {
				close(ch)
			}
			r.mu.Unlock()
			return
		}
		ch := w.calls[a.ID]
		delete(w.calls, a.ID)
		r.mu.Unlock()
		if ch != nil {
			ch <- a
		}
	}
}

// send writes a request and returns its number and where its answer comes.
func (r *Remote) send(q request) (uint64, <-chan response, error) {
	ch := make(chan response, 1)
	r.mu.Lock()
	r.last++
	q.ID = r.last
	w := r.wire
	if w.ended {
		close(ch)
	} else {
		w.calls[q.ID] = ch
	}
	r.mu.Unlock()
	return q.ID, ch, w.write(q)
}

func (w *wire) write(q request) error {
	b, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("peer: control: %w", err)
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	_ = w.conn.SetWriteDeadline(time.Now().Add(controlPatience))
	if _, err := w.conn.Write(append(b, '\n')); err != nil {
		_ = w.conn.Close() // half a line would spoil what follows
		return fmt.Errorf("peer: control: %w", ErrClosed)
	}
	return nil
}

// wait returns the answer, whatever it says. An error means that none came: ctx ended first, or the connection did.
func (r *Remote) wait(ctx context.Context, ch <-chan response) (response, error) {
	select {
	case a, ok := <-ch:
		if !ok {
			return a, fmt.Errorf("peer: control: %w", ErrClosed)
		}
		return a, nil
	case <-ctx.Done():
		return response{}, context.Cause(ctx)
	}
}

func (r *Remote) call(ctx context.Context, q request) (response, error) {
	if err := ctx.Err(); err != nil {
		return response{}, err
	}
	id, ch, err := r.send(q)
	if err != nil {
		return response{}, err
	}
	a, err := r.wait(ctx, ch)
	if err != nil {
		r.abandon(id, q)
		return a, err
	}
	if a.Error != nil {
		return a, a.Error
	}
	return a, nil
}

// abandon tells the server that nobody waits for the request any more. It holds for a feed that is open already too.
func (r *Remote) abandon(id uint64, q request) {
	r.mu.Lock()
	delete(r.wire.calls, id)
	r.mu.Unlock()
	r.cancel(id)
	if q.Do == "feed" {
		_, _, _ = r.send(request{Do: "end", Of: id})
	}
}

// cancel asks the server to end a request before its time.
func (r *Remote) cancel(id uint64) {
	r.mu.Lock()
	w := r.wire
	r.mu.Unlock()
	_ = w.write(request{Do: "cancel", Of: id})
}

// Say implements Chat.
func (r *Remote) Say(ctx context.Context, to, text string, action bool) (Message, error) {
	if len(text) > protocol.MaxText {
		return Message{}, fmt.Errorf("peer: %w: %d bytes, at most %d", ErrTooLong, len(text), protocol.MaxText)
	}
	a, err := r.call(ctx, request{Do: "say", Name: to, Text: text, Action: action})
	return value(a.Message, err)
}

// Join implements Chat.
func (r *Remote) Join(ctx context.Context, name string) (Room, error) {
	a, err := r.call(ctx, request{Do: "join", Name: name})
	return value(a.Room, err)
}

// Part implements Chat.
func (r *Remote) Part(ctx context.Context, name string) error {
	_, err := r.call(ctx, request{Do: "part", Name: name})
	return err
}

// Query implements Chat.
func (r *Remote) Query(ctx context.Context, who string) (Room, error) {
	a, err := r.call(ctx, request{Do: "query", Name: who})
	return value(a.Room, err)
}

// Rename implements Chat.
func (r *Remote) Rename(ctx context.Context, name string) error {
	_, err := r.call(ctx, request{Do: "rename", Name: name})
	return err
}

// People implements Chat.
func (r *Remote) People(ctx context.Context) ([]Person, error) {
	a, err := r.call(ctx, request{Do: "people"})
	return a.People, err
}

// History implements Chat.
func (r *Remote) History(ctx context.Context, room protocol.RoomID, before Place, n int) ([]Message, error) {
	a, err := r.call(ctx, request{Do: "history", Room: room, Place: before, Count: n})
	return a.Messages, err
}

// Search implements Chat.
func (r *Remote) Search(ctx context.Context, query string, older uint64, n int) (Found, error) {
	if len(query) > protocol.MaxText {
		return Found{}, fmt.Errorf("peer: search: %w: %d bytes, at most %d", ErrTooLong, len(query), protocol.MaxText)
	}
	a, err := r.call(ctx, request{Do: "search", Text: query, Older: older, Count: n})
	if a.Found != nil && err != nil {
		return *a.Found, err // what was found although something is damaged
	}
	return value(a.Found, err)
}

// SetTopic implements Chat.
func (r *Remote) SetTopic(ctx context.Context, room, topic string) error {
	if len(topic) > protocol.MaxText {
		return fmt.Errorf("peer: topic: %w: %d bytes", ErrTooLong, len(topic))
	}
	_, err := r.call(ctx, request{Do: "topic", Name: room, Text: topic})
	return err
}

// PublicRooms implements Chat.
func (r *Remote) PublicRooms(ctx context.Context) ([]PublicRoom, error) {
	a, err := r.call(ctx, request{Do: "rooms"})
	return a.Rooms, err
}

// Forget implements Chat.
func (r *Remote) Forget(ctx context.Context, room string) error {
	_, err := r.call(ctx, request{Do: "forget", Name: room})
	return err
}

// Read implements Chat.
func (r *Remote) Read(ctx context.Context, room protocol.RoomID, upTo Place) error {
	_, err := r.call(ctx, request{Do: "read", Room: room, Place: upTo})
	return err
}

// SetReadMarks implements Chat.
func (r *Remote) SetReadMarks(ctx context.Context, on bool) error {
	_, err := r.call(ctx, request{Do: "read-marks", On: on})
	return err
}

// Detail implements Chat.
func (r *Remote) Detail(ctx context.Context, room protocol.RoomID, line Place) (Detail, error) {
	a, err := r.call(ctx, request{Do: "detail", Room: room, Place: line})
	return value(a.Detail, err)
}

// Ping implements Chat.
func (r *Remote) Ping(ctx context.Context, who string) (time.Duration, error) {
	a, err := r.call(ctx, request{Do: "ping", Name: who})
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("peer: %s: %w", who, ErrNoAnswer)
	}
	return a.RTT, err
}

// Bench implements Chat.
func (r *Remote) Bench(ctx context.Context, who string, spec BenchSpec) (BenchReport, error) {
	id, ch, err := r.send(request{Do: "bench", Name: who, Bench: &spec})
	if err != nil {
		return BenchReport{}, err
	}
	defer context.AfterFunc(ctx, func() { r.cancel(id) })() // it answers with what it has
	a, err := r.wait(context.WithoutCancel(ctx), ch)
	switch {
	case err != nil:
		return BenchReport{}, err
	case a.Error != nil:
		return BenchReport{}, a.Error
	case len(a.Benches) != 1:
		return value[BenchReport](nil, nil)
	}
	return a.Benches[0], nil
}

// BenchProgress implements Chat.
func (r *Remote) BenchProgress(ctx context.Context) ([]BenchReport, error) {
	a, err := r.call(ctx, request{Do: "benches"})
	return a.Benches, err
}

// ServeBench implements Chat.
func (r *Remote) ServeBench(ctx context.Context) error {
	_, err := r.call(ctx, request{Do: "serve-bench"})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// value is *v, or the zero value beside an error.
func value[T any](v *T, err error) (T, error) {
	if v == nil || err != nil {
		var zero T
		if err == nil {
			err = errors.New("peer: control: an answer without what was asked for")
		}
		return zero, err
	}
	return *v, nil
}

// Feed implements Chat.
func (r *Remote) Feed(ctx context.Context) (Feed, error) {
	a, err := r.call(ctx, request{Do: "feed"})
	if err != nil {
		return nil, err
	}
	f := &remoteFeed{r: r, id: a.ID}
	f.ctx, f.cancel = context.WithCancelCause(context.Background())
	return f, nil
}

// remoteFeed asks for one batch at a time. A batch whose reader gave up waiting is kept for the next one.
type remoteFeed struct {
	r      *Remote
	id     uint64
	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc

	reading sync.Mutex
	asked   <-chan response
}

// Next implements Feed.
func (f *remoteFeed) Next(ctx context.Context) ([]Event, error) {
	f.reading.Lock()
	defer f.reading.Unlock()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(f.ctx, func() { stop(context.Cause(f.ctx)) })()
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if f.asked == nil {
			_, ch, err := f.r.send(request{Do: "next", Of: f.id})
			if err != nil {
				return nil, err
			}
			f.asked = ch
		}
		a, err := f.r.wait(ctx, f.asked)
		if err != nil {
			return nil, err
		}
		f.asked = nil
		if a.Error != nil {
			return nil, a.Error
		}
		events := make([]Event, 0, len(a.Events))
		for _, w := range a.Events {
			if e := w.event(); e != nil {
				events = append(events, e)
			}
		}
		if len(events) > 0 {
			return events, nil
		}
	}
}

// Close implements Feed.
func (f *remoteFeed) Close() {
	f.cancel(fmt.Errorf("peer: feed: %w", ErrClosed))
	_, _, _ = f.r.send(request{Do: "end", Of: f.id})
}
