package peer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"earshot/discovery/lan"
	"earshot/peer"
)

// grudging is a socket that fails as it is told.
type grudging struct {
	lan.Conn
	write func(data string) error
	read  func(b *lan.Batch) error
}

func (g grudging) Write(ds []lan.Datagram) (int, error) {
	for n, d := range ds {
		if err := g.write(string(d.Data)); err != nil {
			return n, err
		}
	}
	return len(ds), nil
}

func (g grudging) Read(b *lan.Batch) error { return g.read(b) }

func TestAFailedDatagramLeavesTheOthersAlone(t *testing.T) {
	gone := errors.New("interface has gone")
	for name, c := range map[string]struct{ fail, wrote, failed string }{
		"none":        {"", "abcdefgh", ""},
		"one":         {"c", "abdefgh", "c"},
		"first, last": {"ah", "bcdefg", "ah"},
		"all":         {"abcdefgh", "", "abcdefgh"},
		"two in turn": {"cd", "abefgh", "cd"},
		"full":        {"D", "abc", "defgh"}, // nothing more fits after it
	} {
		wrote, failed := "", ""
		var ds []lan.Datagram
		for _, r := range "abcdefgh" {
			ds = append(ds, lan.Datagram{Data: []byte(string(r))})
		}
		errs := peer.WriteAll(grudging{write: func(data string) error {
			for _, f := range c.fail {
				switch data {
				case string(f):
					return gone
				case string(f + 'a' - 'A'):
					return fmt.Errorf("lan: %w", lan.ErrFull)
				}
			}
			wrote += data
			return nil
		}}, ds)
		for _, d := range ds {
			if errs[string(d.Data)] != nil {
				failed += string(d.Data)
			}
		}
		if wrote != c.wrote || failed != c.failed {
			t.Errorf("%s: wrote %q, failed %q", name, wrote, failed)
		}
	}
}

// Batches go round: however late the loop is, none is read into that it still has. Errors end nothing, only Close does.
func TestBatchesGoRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		conn := grudging{read: func(b *lan.Batch) error {
			reads++
			switch {
			case reads%3 == 0:
				b.Datagrams = b.Datagrams[:0]
				return errors.New("no luck")
			case reads > 100:
				return net.ErrClosed
			}
			b.Datagrams = append(b.Datagrams[:0], lan.Datagram{Data: fmt.Append(nil, reads)}, lan.Datagram{Data: fmt.Append(nil, reads)})
			return nil
		}}
		last, taken := 0, 0
		peer.ReadAll(context.Background(), conn, func(ds []lan.Datagram) {
			var first, second int
			read := func() {
				fmt.Sscan(string(ds[0].Data), &first)
				fmt.Sscan(string(ds[1].Data), &second)
			}
			read()
			before := first
			time.Sleep(time.Millisecond) // the reader reads on
			if read(); first != second || first != before || first <= last {
				t.Errorf("batch %d, %d after %d, was %d", first, second, last, before)
			}
			last = first
			taken++
		})
		if taken != 67 {
			t.Errorf("%d batches", taken)
		}
	})
}
