package lan_test

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"earshot/discovery/lan"
)

// TestAReaderThatIsWoken waits for datagrams and for something else at once.
func TestAReaderThatIsWoken(t *testing.T) {
	open := func() lan.Poller {
		c, err := lan.Listen(0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c.(lan.Poller)
	}
	alice, bob := open(), open()
	b := lan.NewBatch()
	if err := bob.Poll(b); err != nil || len(b.Datagrams) != 0 {
		t.Fatalf("nothing was sent, yet %d datagrams are there, %v", len(b.Datagrams), err)
	}
	say := func() {
		to := netip.AddrPortFrom(localhost, bob.LocalAddr().Port())
		if _, err := alice.Write([]lan.Datagram{{Data: []byte("hello"), Addr: to}}); err != nil {
			t.Fatal(err)
		}
	}
	hears := func(read func(*lan.Batch) error) {
		t.Helper()
		if err := read(b); err != nil || len(b.Datagrams) != 1 || string(b.Datagrams[0].Data) != "hello" {
			t.Fatalf("%d datagrams, %v", len(b.Datagrams), err)
		}
	}
	waking := time.AfterFunc(10*time.Millisecond, bob.Wake)
	defer waking.Stop()
	for range 2 { // until it is told to sleep again
		if err := bob.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("woken up, it reads %v", err)
		}
	}
	say()
	for range 1000 { // a Poll takes what is there although it is awake; on loopback that is at once
		if err := bob.Poll(b); err != nil {
			t.Fatal(err)
		}
		if len(b.Datagrams) > 0 {
			break
		}
	}
	if len(b.Datagrams) != 1 {
		t.Fatal("awake, it polls nothing")
	}
	bob.Sleep()
	say()
	hears(bob.Read)
}
