package main

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// arq is the plainest that works, near the ideal for messages: a datagram for each, another one every millisecond until the
// application at the other end has answered. It knows no order, no congestion and no keys. To many it broadcasts.
type arq struct{}

const arqTimer = time.Millisecond

func (arq) serve(addr string, ready func()) error {
	c, err := listenUDP(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	ready()
	for b := make([]byte, 2048); ; {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return err
		}
		if n < 8 {
			continue
		}
		if _, err := c.WriteToUDPAddrPort(b[:8], from); err != nil {
			return err
		}
	}
}

func (arq) bulk(string, time.Duration) (result, error) { return result{}, errors.ErrUnsupported }

func (arq) link(to []string, _ int) (link, error) {
	l := &arqLink{in: make([]byte, 2048)}
	for _, s := range to {
		addr, err := netip.ParseAddrPort(s)
		if err != nil {
			return nil, err
		}
		l.to = append(l.to, addr)
	}
	l.first = l.to[0]
	if len(to) > 1 {
		l.first = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), l.first.Port())
	}
	var err error
	if l.c, err = net.ListenUDP("udp4", nil); err != nil {
		return nil, err
	}
	return l, l.c.SetReadBuffer(4 << 20)
}

type arqLink struct {
	c     *net.UDPConn
	to    []netip.AddrPort
	first netip.AddrPort // to whom a message goes first
	in    []byte

	mu      sync.Mutex
	waiting []arqMessage // by due
}

// arqMessage is one that some have not acknowledged.
type arqMessage struct {
	number   uint64
	datagram []byte
	missing  []netip.AddrPort
	due      time.Time
}

func (l *arqLink) Close() error { return l.c.Close() }

func (l *arqLink) send(number uint64, body []byte) error {
	m := arqMessage{number, append(binary.BigEndian.AppendUint64(nil, number), body...), slices.Clone(l.to), time.Now().Add(arqTimer)}
	l.mu.Lock()
	l.waiting = append(l.waiting, m)
	l.mu.Unlock()
	_, err := l.c.WriteToUDPAddrPort(m.datagram, l.first)
	return err
}

func (l *arqLink) acked() (uint64, error) {
	for {
		if err := l.c.SetReadDeadline(l.due()); err != nil {
			return 0, err
		}
		n, from, err := l.c.ReadFromUDPAddrPort(l.in)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if err := l.repeat(); err != nil {
				return 0, err
			}
		case err != nil:
			return 0, err
		case n == 8:
			if number := binary.BigEndian.Uint64(l.in); l.answered(number, from) {
				return number, nil
			}
		}
	}
}

// due is when to repeat next: not before what has come already is read, or a slow machine is flooded.
func (l *arqLink) due() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if len(l.waiting) == 0 {
		return now.Add(arqTimer) // a message may be sent meanwhile
	}
	if soon := now.Add(arqTimer / 10); l.waiting[0].due.Before(soon) {
		return soon
	}
	return l.waiting[0].due
}

// repeat sends again what is due.
func (l *arqLink) repeat() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for len(l.waiting) > 0 && !l.waiting[0].due.After(now) {
		m := l.waiting[0]
		m.due = now.Add(arqTimer)
		l.waiting = append(l.waiting[1:], m)
		for _, to := range m.missing {
			if _, err := l.c.WriteToUDPAddrPort(m.datagram, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// answered says whether all have acknowledged the message now.
func (l *arqLink) answered(number uint64, from netip.AddrPort) bool {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.waiting, func(m arqMessage) bool { return m.number == number })
	if i < 0 {
		return false
	}
	m := &l.waiting[i]
	m.missing = slices.DeleteFunc(m.missing, func(a netip.AddrPort) bool { return a == from })
	if len(m.missing) > 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return true
}
