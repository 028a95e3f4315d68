package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// rawUDP is UDP with segmentation offload and nothing else: nobody notices a loss, and nothing is sent again.
type rawUDP struct{}

const (
	segment  = 1472 // bytes of a datagram
	segments = 44   // in a write: nearly 64 KiB
)

func setOption(c *net.UDPConn, option, value int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	if bad := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, option, value) }); bad != nil {
		return bad
	}
	return err
}

// listenUDP also receives what is broadcast to addr's port.
func listenUDP(addr string) (*net.UDPConn, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	a, err := net.ResolveUDPAddr("udp4", ":"+port)
	if err != nil {
		return nil, err
	}
	c, err := net.ListenUDP("udp4", a)
	if err != nil {
		return nil, err
	}
	return c, c.SetReadBuffer(4 << 20)
}

func (rawUDP) serve(addr string, ready func()) error {
	c, err := listenUDP(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := setOption(c, unix.UDP_GRO, 1); err != nil {
		return err
	}
	ready()
	var p *progress
	for b := make([]byte, 64<<10); ; {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return err
		}
		if p == nil {
			p = newProgress()
			go p.report(udpReply(func(b []byte) (int, error) { return c.WriteToUDPAddrPort(b, from) }), nil)
		}
		p.bytes.Add(uint64(n))
	}
}

type udpReply func([]byte) (int, error)

func (f udpReply) Write(b []byte) (int, error) { return f(b) }

func (rawUDP) link([]string, int) (link, error) { return nil, errors.ErrUnsupported }

func (rawUDP) bulk(to string, duration time.Duration) (result, error) {
	conn, err := net.Dial("udp4", to)
	if err != nil {
		return result{}, err
	}
	defer conn.Close()
	c := conn.(*net.UDPConn)
	if err := setOption(c, unix.UDP_SEGMENT, segment); err != nil {
		return result{}, err
	}
	began, before := time.Now(), cpu()
	go func() {
		for b := make([]byte, segment*segments); ; {
			if _, err := c.Write(b); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
				return
			}
		}
	}()
	if err := c.SetReadDeadline(began.Add(duration)); err != nil {
		return result{}, err
	}
	var r result
	for b := make([]byte, progressSize); ; {
		if _, err := c.Read(b); err != nil {
			break
		}
		r = progressOf(b)
	}
	if r.Bytes == 0 {
		return r, fmt.Errorf("%s: nothing arrived", to)
	}
	r.CPU += (cpu() - before).Seconds()
	return r, nil
}
