package peer_test

import (
	"net"
	"testing"
)

// loopback is the name of the loopback interface.
func loopback(t testing.TB) string {
	list, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Fatal("no loopback interface")
	return ""
}
