package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// stream carries bytes in both directions.
type stream = io.ReadWriteCloser

// streams is a contender that carries streams. A stream begins with the size of its messages in 4 bytes, 0 for bulk.
// Messages begin with their number in 8 bytes, and their acknowledgement is that number; bulk is answered by progress.
type streams struct {
	listen func(addr string) (accept func() (stream, error), err error)
	dial   func(addr string) (stream, error)
}

func (c streams) serve(addr string, ready func()) error {
	accept, err := c.listen(addr)
	if err != nil {
		return err
	}
	ready()
	for {
		s, err := accept()
		if err != nil {
			return err
		}
		go func() {
			defer s.Close()
			_ = answer(s) // however it ends, the other side says what came of it
		}()
	}
}

// answer serves one stream.
func answer(s stream) error {
	var header [4]byte
	if _, err := io.ReadFull(s, header[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(header[:])
	if size == 0 {
		return answerBulk(s)
	}
	in, out := bufio.NewReaderSize(s, 64<<10), bufio.NewWriterSize(s, 4<<10)
	message := make([]byte, size)
	for {
		if _, err := io.ReadFull(in, message); err != nil {
			return err
		}
		if _, err := out.Write(message[:8]); err != nil {
			return err
		}
		if in.Buffered() < int(size) { // nothing more can be acknowledged now
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

func answerBulk(s stream) error {
	p := newProgress()
	done := make(chan struct{})
	defer close(done)
	go p.report(s, done)
	buffer := make([]byte, 256<<10)
	for {
		n, err := s.Read(buffer)
		p.bytes.Add(uint64(n))
		if err != nil {
			return err
		}
	}
}

// progress tells the sender of bulk what has arrived: bytes, nanoseconds since the first, processor time spent on it.
type progress struct {
	began time.Time
	cpu   time.Duration
	bytes atomic.Uint64
}

const progressSize = 24

func newProgress() *progress { return &progress{began: time.Now(), cpu: cpu()} }

func (p *progress) report(w io.Writer, done <-chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		var b [progressSize]byte
		binary.BigEndian.PutUint64(b[0:], p.bytes.Load())
		binary.BigEndian.PutUint64(b[8:], uint64(time.Since(p.began)))
		binary.BigEndian.PutUint64(b[16:], uint64(cpu()-p.cpu))
		if _, err := w.Write(b[:]); err != nil {
			return
		}
	}
}

// progressOf is the result as far as the receiver reported it.
func progressOf(b []byte) result {
	seconds := func(b []byte) float64 { return time.Duration(binary.BigEndian.Uint64(b)).Seconds() }
	return result{Bytes: binary.BigEndian.Uint64(b), Elapsed: seconds(b[8:]), CPU: seconds(b[16:])}
}

func (c streams) open(to string, size int) (stream, error) {
	var s stream
	err := fmt.Errorf("%s: no connection in %v", to, timeToConnect)
	for end := time.Now().Add(timeToConnect); s == nil && time.Now().Before(end); {
		if s, err = c.dial(to); err != nil {
			time.Sleep(50 * time.Millisecond)
		}
	}
	if err != nil {
		return nil, err
	}
	_, err = s.Write(binary.BigEndian.AppendUint32(nil, uint32(size)))
	return s, err
}

func (c streams) bulk(to string, duration time.Duration) (result, error) {
	s, err := c.open(to, 0)
	if err != nil {
		return result{}, err
	}
	began, before := time.Now(), cpu()
	defer time.AfterFunc(duration+patience, func() { s.Close() }).Stop()
	go func() {
		chunk := make([]byte, 256<<10)
		for {
			if _, err := s.Write(chunk); err != nil {
				return
			}
		}
	}()
	var r result
	for b := make([]byte, progressSize); ; {
		if _, err := io.ReadFull(s, b); err != nil {
			if r.Bytes == 0 {
				return result{}, fmt.Errorf("nothing arrived: %w", err)
			}
			break
		}
		if r = progressOf(b); time.Since(began) > duration {
			break
		}
	}
	r.CPU += (cpu() - before).Seconds()
	return r, nil
}

func (c streams) link(to []string, size int) (link, error) {
	links, errs := make([]link, len(to)), make([]error, len(to))
	var opening sync.WaitGroup
	for i, addr := range to {
		opening.Go(func() {
			s, err := c.open(addr, size)
			links[i], errs[i] = &streamLink{stream: s, in: bufio.NewReader(s), message: make([]byte, 0, size)}, err
		})
	}
	opening.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(links) == 1 {
		return links[0], nil
	}
	return newFan(links), nil
}

// streamLink is a link over a stream, with a write for each message.
type streamLink struct {
	stream
	in      *bufio.Reader
	message []byte
	ack     [8]byte
}

func (l *streamLink) send(number uint64, body []byte) error {
	l.message = append(binary.BigEndian.AppendUint64(l.message[:0], number), body...)
	_, err := l.Write(l.message)
	return err
}

func (l *streamLink) acked() (uint64, error) {
	_, err := io.ReadFull(l.in, l.ack[:])
	return binary.BigEndian.Uint64(l.ack[:]), err
}
