package main

import (
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"

	"earshot/peer"
)

// benchResult is a bench as the command tells it: with --json as it stands.
type benchResult struct {
	To            string       `json:"to"`
	Complete      bool         `json:"complete"`
	Seconds       float64      `json:"seconds"`
	Messages      int64        `json:"messages,omitempty"`
	PerSecond     float64      `json:"messagesPerSecond,omitempty"`
	Bytes         int64        `json:"bytes"`
	MBPerSecond   float64      `json:"megabytesPerSecond"`
	Latency       *benchMillis `json:"latencyMs,omitempty"`
	Members       int          `json:"members,omitempty"` // of a run with all
	CastsEach     float64      `json:"castsPerMessage,omitempty"`
	SentEach      float64      `json:"sentPerMessage,omitempty"` // datagrams, with casts
	ReceivedEach  float64      `json:"receivedPerMessage,omitempty"`
	Packets       uint64       `json:"packets"`
	Lost          uint64       `json:"lost"`
	Loss          float64      `json:"loss"`
	Retransmitted float64      `json:"retransmitted"` // share of the bytes sent
	RTT           float64      `json:"rttMs"`
	MTU           int          `json:"mtu"`
	CPU           float64      `json:"cpuSeconds"`
	PeerCPU       *float64     `json:"peerCPUSeconds,omitempty"` // nil: it was not told
	CPUPerGB      float64      `json:"cpuSecondsPerGB,omitempty"`
}

type benchMillis struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

func newBenchResult(name string, spec peer.BenchSpec, r peer.BenchReport) benchResult {
	b := benchResult{
		To: name, Complete: r.Done, Seconds: r.Elapsed.Seconds(), Messages: r.Messages, Bytes: r.Bytes,
		Packets: r.Packets, Lost: r.Lost, RTT: millis(r.RTT), MTU: r.MTU, CPU: r.CPU.Seconds(),
	}
	if r.PeerTold {
		there := r.PeerCPU.Seconds()
		b.PeerCPU = &there
	}
	if b.Seconds > 0 {
		b.PerSecond, b.MBPerSecond = float64(r.Messages)/b.Seconds, float64(r.Bytes)/1e6/b.Seconds
	}
	if n := float64(r.Messages); spec.All && n > 0 {
		b.Members, b.CastsEach, b.SentEach, b.ReceivedEach = r.Members, float64(r.Casts)/n, float64(r.Packets)/n, float64(r.Received)/n
	}
	if r.Packets > 0 {
		b.Loss = float64(r.Lost) / float64(r.Packets)
	}
	if r.Wire > 0 {
		b.Retransmitted = float64(r.Retransmitted) / float64(r.Wire)
	}
	if spec.Messages > 0 {
		l := r.Latency
		b.Latency = &benchMillis{millis(l.Mean), millis(l.P50), millis(l.P90), millis(l.P99), millis(l.P999), millis(l.Max)}
	} else if r.Bytes > 0 && r.PeerTold {
		b.CPUPerGB = (b.CPU + *b.PeerCPU) / (float64(r.Bytes) / 1e9)
	}
	return b
}

func (b benchResult) print(out io.Writer) error {
	took := time.Duration(b.Seconds * float64(time.Second)).Round(time.Millisecond)
	if l := b.Latency; l != nil {
		fmt.Fprintf(out, "%s: %s messages in %v, %s a second\n", b.To, humanize.Comma(b.Messages), took, humanize.Comma(int64(b.PerSecond)))
		fmt.Fprintf(out, "until answered: p50 %s, p90 %s, p99 %s, p99.9 %s, most %s\n",
			fine(l.P50), fine(l.P90), fine(l.P99), fine(l.P999), fine(l.Max))
	} else {
		fmt.Fprintf(out, "%s: %s in %v, %.1f MB/s\n", b.To, humanize.Bytes(uint64(b.Bytes)), took, b.MBPerSecond)
	}
	if b.Members > 0 {
		fmt.Fprintf(out, "%d answered; for each message %.2f datagrams broadcast, %.2f sent in all, %.2f received\n",
			b.Members, b.CastsEach, b.SentEach, b.ReceivedEach)
	}
	fmt.Fprintf(out, "%s packets of up to %d bytes, %.1f %% lost, %.1f %% of the bytes sent again, round trip %s\n",
		humanize.Comma(int64(b.Packets)), b.MTU, b.Loss*100, b.Retransmitted*100, fine(b.RTT))
	there := "not told there"
	if b.PeerCPU != nil {
		there = fmt.Sprintf("%.2f s there", *b.PeerCPU)
	}
	_, err := fmt.Fprintf(out, "processor time: %.2f s here, %s", b.CPU, there)
	if b.CPUPerGB > 0 {
		_, err = fmt.Fprintf(out, ", %.1f s a gigabyte", b.CPUPerGB)
	}
	if err == nil {
		_, err = fmt.Fprintln(out)
	}
	return err
}

// fine is milliseconds with as many digits as a LAN needs.
func fine(ms float64) string { return inMillis(time.Duration(ms * float64(time.Millisecond))) }
