package main

import (
	"github.com/xtaci/kcp-go/v5"
)

// kcpKey is known to both: kcp-go has no handshake.
var kcpKey = make([]byte, 16)

// turbo sets what kcp's README calls turbo mode, with windows that hold what a LAN carries in a tick.
func turbo(s *kcp.UDPSession) stream {
	s.SetNoDelay(1, 10, 2, 1)
	s.SetACKNoDelay(true)
	s.SetWriteDelay(false)
	//lint:ignore SA1019 without it small messages do not share segments
	s.SetStreamMode(true)
	s.SetWindowSize(2048, 2048)
	s.SetMtu(1472)
	return s
}

func kcpListen(addr string) (func() (stream, error), error) {
	block, err := kcp.NewAESGCMCrypt(kcpKey)
	if err != nil {
		return nil, err
	}
	l, err := kcp.ListenWithOptions(addr, block, 0, 0)
	if err != nil {
		return nil, err
	}
	if err := l.SetReadBuffer(4 << 20); err != nil {
		return nil, err
	}
	return func() (stream, error) {
		s, err := l.AcceptKCP()
		if err != nil {
			return nil, err
		}
		return turbo(s), nil
	}, nil
}

func kcpDial(addr string) (stream, error) {
	block, err := kcp.NewAESGCMCrypt(kcpKey)
	if err != nil {
		return nil, err
	}
	s, err := kcp.DialWithOptions(addr, block, 0, 0)
	if err != nil {
		return nil, err
	}
	if err := s.SetReadBuffer(4 << 20); err != nil {
		return nil, err
	}
	return turbo(s), nil
}
