package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tcp is TCP with that congestion control, with TLS 1.3 or without.
func tcp(congestion string, secured bool) streams {
	control := func(_, _ string, c syscall.RawConn) error {
		var err error
		if bad := c.Control(func(fd uintptr) {
			err = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestion)
		}); bad != nil {
			return bad
		}
		return err
	}
	return streams{
		listen: func(addr string) (func() (stream, error), error) {
			l, err := (&net.ListenConfig{Control: control}).Listen(context.Background(), "tcp4", addr)
			if err != nil {
				return nil, err
			}
			if secured {
				l = tls.NewListener(l, serverTLS())
			}
			return func() (stream, error) { return l.Accept() }, nil
		},
		dial: func(addr string) (stream, error) {
			d := &net.Dialer{Control: control, Timeout: timeToConnect}
			if secured {
				return tls.DialWithDialer(d, "tcp4", addr, clientTLS())
			}
			return d.Dial("tcp4", addr)
		},
	}
}

// protocolName is what TLS agrees on, where it asks for it.
const protocolName = "compare"

func serverTLS() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // no randomness
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err) // no other cause than a wrong template
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}},
		NextProtos:   []string{protocolName}, MinVersion: tls.VersionTLS13,
	}
}

// clientTLS believes every server: only speed is compared.
func clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocolName}, MinVersion: tls.VersionTLS13}
}
