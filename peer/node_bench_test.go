package peer_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"earshot/peer"
)

// BenchmarkRoundTrip is one message there and its acknowledgement back, through two whole nodes on loopback.
func BenchmarkRoundTrip(b *testing.B) {
	alice := start(b, "alice", 24911)
	events := feed(b, alice)
	start(b, "bob", 24911)
	await(b, events, "alice meets bob", func(e peer.Joined) bool { return e.Person.Name == "bob" })
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		rtt, err := alice.Ping(context.Background(), "bob")
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, rtt)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}
