package lan_test

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"earshot/discovery/lan"
	"earshot/discovery/lan/lantest"
)

// burst is how many datagrams go out with one Write: full ones are what a pacer lets out in a millisecond at 260 MB/s.
const burst = 176

// BenchmarkBulk moves datagrams from one host to another. How many of them arrive, how fast, and what both ends cost.
func BenchmarkBulk(b *testing.B) {
	for _, c := range []struct {
		name    string
		offload bool
		size    int
	}{{"offload", true, 1472}, {"single", false, 1472}, {"small/offload", true, 100}, {"small/single", false, 100}} {
		b.Run(c.name, func(b *testing.B) {
			l := lantest.New(b, 2)
			from, to, at := pair(b, l)
			if !c.offload {
				lan.WithoutOffload(from)
				lan.WithoutOffload(to)
			}
			ds := make([]lan.Datagram, burst)
			for i := range ds {
				ds[i] = lan.Datagram{Data: make([]byte, c.size), Addr: at}
			}
			arrived, reads := 0, 0
			credit := make(chan int, 1<<20)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for got := lan.NewBatch(); to.Read(got) == nil; {
					reads++
					arrived += len(got.Datagrams)
					credit <- len(got.Datagrams)
				}
			}()
			b.SetBytes(int64(c.size))
			b.ReportAllocs()
			began, cost := time.Now(), cpu()
			b.ResetTimer()
			flying := 0
			for n := 0; n < b.N; {
				for flying > 2*burst { // a window, so that little is lost
					select {
					case n := <-credit:
						flying -= n
					case <-time.After(20 * time.Millisecond):
						flying = 0
					}
				}
				sent, err := from.Write(ds[:min(burst, b.N-n)])
				if err != nil {
					b.Fatal(err)
				}
				flying += sent
				n += sent
			}
			b.StopTimer()
			took, spent := time.Since(began), cpu()-cost
			time.Sleep(10 * time.Millisecond)
			to.Close()
			<-done
			gb := float64(arrived) * float64(c.size) / 1e9
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(gb*1e3/took.Seconds(), "arrived-MB/s")
			b.ReportMetric(spent.Seconds()/gb, "cpu-s/GB")
			b.ReportMetric(float64(arrived)/float64(reads), "datagrams/read")
			b.ReportMetric(100*float64(b.N-arrived)/float64(b.N), "lost-%")
		})
	}
}

// cpu is the time that this process has spent on all processors.
func cpu() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPingPong is one small datagram there and back between two sockets on loopback.
func BenchmarkPingPong(b *testing.B) {
	var ends [2]lan.Conn
	for i := range ends {
		var err error
		if ends[i], err = lan.Listen(0); err != nil {
			b.Fatal(err)
		}
		defer ends[i].Close()
	}
	go func() {
		for got := lan.NewBatch(); ends[1].Read(got) == nil; {
			_, _ = ends[1].Write(got.Datagrams)
		}
	}()
	ping := []lan.Datagram{{Data: make([]byte, 100), Addr: netip.AddrPortFrom(localhost, ends[1].LocalAddr().Port())}}
	got := lan.NewBatch()
	b.ReportAllocs()
	for b.Loop() {
		if n, err := ends[0].Write(ping); err != nil {
			b.Fatal(n, err)
		}
		if err := ends[0].Read(got); err != nil {
			b.Fatal(err)
		}
	}
}
