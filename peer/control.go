package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// ServeControl answers with chat whoever connects to l. It returns when l is closed and the last client
// has gone, or when ctx ends, which closes l and sends the clients away.
func ServeControl(ctx context.Context, l net.Listener, chat Chat) {
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed) || ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return
		case err != nil: // out of descriptors, perhaps: passes
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		default:
			clients.Go(func() { serveClient(ctx, conn, chat) })
		}
	}
}

// client is one connection, on the server's side.
type client struct {
	conn net.Conn
	chat Chat

	writing sync.Mutex

	mu      sync.Mutex
	running map[uint64]context.CancelFunc // requests
	feeds   map[uint64]*servedFeed
}

// servedFeed is read by one request at a time; reading is held meanwhile.
type servedFeed struct {
	Feed
	ctx     context.Context
	cancel  context.CancelFunc
	reading sync.Mutex
}

// end waits for the reading request, so that Close never meets a Next.
func (f *servedFeed) end() {
	f.cancel()
	f.reading.Lock()
	defer f.reading.Unlock()
	f.Close()
}

func serveClient(ctx context.Context, conn net.Conn, chat Chat) {
	c := &client{conn: conn, chat: chat, running: map[uint64]context.CancelFunc{}, feeds: map[uint64]*servedFeed{}}
	serving := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() {
		_ = conn.Close()
		for _, f := range c.feeds { // nobody else is left to touch them
			f.end()
		}
	}()
	var requests sync.WaitGroup
	defer requests.Wait()
	defer cancel()

	c.write(greeting{controlVersion})
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, controlLine)
	for lines.Scan() {
		var q request
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			c.write(response{Error: &wireError{Text: "control: " + err.Error()}})
			return
		}
		if q.Do == "cancel" {
			c.mu.Lock()
			if stop := c.running[q.Of]; stop != nil {
				stop()
			}
			c.mu.Unlock()
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		c.mu.Lock()
		c.running[q.ID] = stop
		c.mu.Unlock()
		requests.Go(func() {
			defer stop()
			a, err := c.do(ctx, q)
			if err != nil && serving.Err() != nil { // it is the instance that gave up, not the client
				err = fmt.Errorf("peer: control: %w", ErrClosed)
			}
			a.ID, a.Error = q.ID, wrapError(err)
			c.mu.Lock()
			delete(c.running, q.ID)
			c.mu.Unlock()
			c.write(a)
		})
	}
}

// write sends one line, or breaks the connection of a client that does not read.
func (c *client) write(line any) {
	b, err := json.Marshal(line)
	if err != nil {
		panic(fmt.Sprintf("peer: control: %v", err))
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(controlPatience))
	if _, err := c.conn.Write(append(b, '\n')); err != nil {
		_ = c.conn.Close()
	}
}

func (c *client) do(ctx context.Context, q request) (a response, err error) {
	switch q.Do {
	case "say":
		var m Message
		m, err = c.chat.Say(ctx, q.Name, q.Text, q.Action)
		a.Message = &m
	case "join":
		var r Room
		r, err = c.chat.Join(ctx, q.Name)
		a.Room = &r
	case "part":
		err = c.chat.Part(ctx, q.Name)
	case "query":
		var r Room
		r, err = c.chat.Query(ctx, q.Name)
		a.Room = &r
	case "rename":
		err = c.chat.Rename(ctx, q.Name)
	case "people":
		a.People, err = c.chat.People(ctx)
	case "history":
		a.Messages, err = c.chat.History(ctx, q.Room, q.Place, q.Count)
	case "search":
		var f Found
		f, err = c.chat.Search(ctx, q.Text, q.Older, q.Count)
		a.Found = &f
	case "topic":
		err = c.chat.SetTopic(ctx, q.Name, q.Text)
	case "rooms":
		a.Rooms, err = c.chat.PublicRooms(ctx)
	case "forget":
		err = c.chat.Forget(ctx, q.Name)
	case "read":
		err = c.chat.Read(ctx, q.Room, q.Place)
	case "read-marks":
		err = c.chat.SetReadMarks(ctx, q.On)
	case "detail":
		var d Detail
		d, err = c.chat.Detail(ctx, q.Room, q.Place)
		a.Detail = &d
	case "ping":
		a.RTT, err = c.chat.Ping(ctx, q.Name)
	case "bench":
		if q.Bench == nil {
			return a, ErrBench
		}
		var r BenchReport
		r, err = c.chat.Bench(ctx, q.Name, *q.Bench)
		a.Benches = []BenchReport{r}
	case "benches":
		a.Benches, err = c.chat.BenchProgress(ctx)
	case "serve-bench":
		err = c.chat.ServeBench(ctx)
	case "feed":
		err = c.open(ctx, q.ID)
	case "next":
		a.Events, err = c.next(ctx, q.Of)
	case "end":
		c.mu.Lock()
		f := c.feeds[q.Of]
		delete(c.feeds, q.Of)
		c.mu.Unlock()
		if f != nil {
			f.end()
		}
	default:
		err = fmt.Errorf("peer: control: no request %q", q.Do)
	}
	return a, err
}

// open opens a feed, which outlives the request unless that was cancelled.
func (c *client) open(ctx context.Context, id uint64) error {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	feed, err := c.chat.Feed(life)
	if err != nil {
		cancel()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil {
		cancel()
		feed.Close()
		return ctx.Err()
	}
	c.feeds[id] = &servedFeed{Feed: feed, ctx: life, cancel: cancel}
	return nil
}

func (c *client) next(ctx context.Context, id uint64) ([]wireEvent, error) {
	c.mu.Lock()
	f := c.feeds[id]
	c.mu.Unlock()
	if f == nil {
		return nil, fmt.Errorf("peer: control: feed %d: %w", id, ErrClosed)
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(f.ctx, stop)()
	events, err := f.Next(ctx)
	wrapped := make([]wireEvent, len(events))
	for i, e := range events {
		wrapped[i] = wrapEvent(e)
	}
	return wrapped, err
}
