package main

import (
	"slices"
	"sync/atomic"
	"time"
)

const (
	outstanding = 4096            // messages of a flood without acknowledgement
	patience    = 2 * time.Second // for acknowledgements after the last message
)

// messages sends messages through l as s says. One that is not acknowledged in the end counts with its age then.
func messages(l link, s spec) (result, error) {
	m := &meter{l: l, body: make([]byte, s.size-8), began: time.Now(), cpu: cpu()}
	grace := time.AfterFunc(s.duration+patience, func() { m.late.Store(true); l.Close() })
	defer grace.Stop()
	var err error
	if s.rate == 0 {
		err = m.inTurn(s.duration)
	} else {
		err = m.ahead(s)
	}
	if m.late.Load() {
		err = nil // the close made it
	}
	return m.result(), err
}

// meter notes when messages go and are acknowledged.
type meter struct {
	l       link
	body    []byte
	began   time.Time
	ended   time.Duration // when the last acknowledgement came, from began
	cpu     time.Duration
	late    atomic.Bool
	sent    atomic.Uint64                 // how many
	times   [2 * outstanding]atomic.Int64 // when each was sent, from began; 0: acknowledged
	latency []time.Duration               // of the acknowledged
}

func (m *meter) send() error {
	n := m.sent.Load()
	m.times[n%uint64(len(m.times))].Store(int64(max(1, time.Since(m.began))))
	m.sent.Add(1)
	return m.l.send(n, m.body)
}

func (m *meter) ack() error {
	n, err := m.l.acked()
	if err != nil {
		return err
	}
	now := time.Since(m.began)
	if sent := m.times[n%uint64(len(m.times))].Swap(0); sent != 0 {
		m.latency = append(m.latency, now-time.Duration(sent))
		m.ended = now
	}
	return nil
}

// inTurn sends each message after the acknowledgement of the one before.
func (m *meter) inTurn(d time.Duration) error {
	for time.Since(m.began) < d {
		if err := m.send(); err != nil {
			return err
		}
		if err := m.ack(); err != nil {
			return err
		}
	}
	return nil
}

// ahead sends without waiting for acknowledgements, at the rate of s or as many as may be outstanding.
func (m *meter) ahead(s spec) error {
	slots := make(chan struct{}, outstanding)
	sender := make(chan error, 1)
	var over atomic.Bool
	go func() {
		for n := 0; !over.Load(); n++ {
			if s.rate != flood {
				time.Sleep(time.Until(m.began.Add(time.Duration(float64(n) / s.rate * float64(time.Second)))))
			}
			slots <- struct{}{}
			over.Store(time.Since(m.began) > s.duration) // before the last message, whose acknowledgement ends the loop below
			if err := m.send(); err != nil {
				sender <- err
				return
			}
		}
		sender <- nil
	}()
	for !over.Load() || len(m.latency) < int(m.sent.Load()) {
		before := len(m.latency)
		if err := m.ack(); err != nil {
			return err
		}
		if len(m.latency) > before {
			<-slots
		}
	}
	return <-sender
}

func (m *meter) result() result {
	r := result{Messages: len(m.latency), Elapsed: m.ended.Seconds(), CPU: (cpu() - m.cpu).Seconds()}
	all, now := m.latency, time.Since(m.began)
	for i := range m.times {
		if sent := m.times[i].Load(); sent != 0 {
			all = append(all, now-time.Duration(sent))
		}
	}
	if len(all) > 0 {
		slices.Sort(all)
		r.P50, r.P99 = all[len(all)/2].Seconds(), all[len(all)*99/100].Seconds()
	}
	return r
}

// fan is a link to many: a message is acknowledged when all have.
type fan struct {
	links []link
	acks  chan ack
	count map[uint64]int
}

type ack struct {
	number uint64
	err    error
}

func newFan(links []link) *fan {
	f := &fan{links: links, acks: make(chan ack, len(links)), count: make(map[uint64]int)}
	for _, l := range links {
		go func() {
			for {
				n, err := l.acked()
				f.acks <- ack{n, err}
				if err != nil {
					return
				}
			}
		}()
	}
	return f
}

func (f *fan) send(number uint64, body []byte) error {
	for _, l := range f.links {
		if err := l.send(number, body); err != nil {
			return err
		}
	}
	return nil
}

func (f *fan) acked() (uint64, error) {
	for a := range f.acks {
		if a.err != nil {
			return 0, a.err
		}
		if f.count[a.number]++; f.count[a.number] == len(f.links) {
			delete(f.count, a.number)
			return a.number, nil
		}
	}
	panic("unreachable: nobody closes acks")
}

func (f *fan) Close() error {
	for _, l := range f.links {
		l.Close()
	}
	return nil
}
