package main

import (
	"context"
	"time"

	"github.com/quic-go/quic-go"
)

var quicConfig = &quic.Config{HandshakeIdleTimeout: timeToConnect, MaxIdleTimeout: time.Minute}

// quicStream is the only stream of a connection.
type quicStream struct {
	*quic.Stream
	conn *quic.Conn
}

// Close ends the connection, as it does of the other streams here.
func (s quicStream) Close() error { return s.conn.CloseWithError(0, "") }

func quicListen(addr string) (func() (stream, error), error) {
	l, err := quic.ListenAddr(addr, serverTLS(), quicConfig)
	if err != nil {
		return nil, err
	}
	return func() (stream, error) {
		conn, err := l.Accept(context.Background())
		if err != nil {
			return nil, err
		}
		s, err := conn.AcceptStream(context.Background())
		return quicStream{s, conn}, err
	}, nil
}

func quicDial(addr string) (stream, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeToConnect)
	defer cancel()
	conn, err := quic.DialAddr(ctx, addr, clientTLS(), quicConfig)
	if err != nil {
		return nil, err
	}
	s, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	return quicStream{s, conn}, nil
}
