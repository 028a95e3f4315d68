package main

import (
	"errors"
	"net/netip"
	"testing"
)

func TestPeerAddresses(t *testing.T) {
	for said, want := range map[string]string{
		"10.1.2.3": "10.1.2.3:0", "10.1.2.3:24816": "10.1.2.3:24816", "127.0.0.1:1": "127.0.0.1:1",
	} {
		got, err := (&options{peers: []string{said}}).resolve(t.Context())
		if err != nil || len(got) != 1 || got[0] != netip.MustParseAddrPort(want) {
			t.Errorf("%s is %v, %v, want %s", said, got, err, want)
		}
	}
	got, err := (&options{peers: []string{"10.0.0.1:1", "localhost:2"}}).resolve(t.Context())
	if err != nil || len(got) != 2 || !got[1].Addr().IsLoopback() || got[1].Port() != 2 {
		t.Errorf("a number and a name: %v, %v", got, err)
	}
	for _, said := range []string{"", ":5", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:x", "::1", "[::1]:5", "fe80::1"} {
		if got, err := (&options{peers: []string{said}}).resolve(t.Context()); !errors.As(err, new(usage)) {
			t.Errorf("%q is %v, %v, want an error of usage", said, got, err)
		}
	}
}
