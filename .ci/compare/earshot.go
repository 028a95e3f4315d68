package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// own is a contender of this program.
func own(self, name string) program {
	return program{
		serve: func(_ int, addr string) []string { return []string{self, "serve", name, addr} },
		run: func(_ int, _ []int, addrs []string, s spec) []string {
			return append(append([]string{self, "run", name}, addrs...), s.args()...)
		},
		result: func(line []byte) (r result, err error) { return r, json.Unmarshal(line, &r) },
		ready:  "ready",
	}
}

// earshot is the product: a node with a profile in a folder of its own on each host, which the others know as hostI.
func earshot(binary, folder string) program {
	node := func(host int, args ...string) []string {
		home := filepath.Join(folder, fmt.Sprint("host", host))
		_ = os.MkdirAll(home, 0o700) // or earshot says that it cannot use it
		return append([]string{
			"env", "HOME=" + home, "XDG_RUNTIME_DIR=" + home,
			binary, "--home", home, "--name", fmt.Sprint("host", host),
		}, args...)
	}
	return program{
		serve:    func(host int, _ string) []string { return node(host, "bench", "serve") },
		ready:    "serving",
		resident: func(host int) []string { return node(host, "daemon") },
		settled:  "here as",
		run: func(host int, to []int, _ []string, s spec) []string {
			args := []string{"bench", "run", "--json", "--to", fmt.Sprint("host", to[0]), "--duration", s.duration.String(), "--timeout", timeToConnect.String()}
			if len(to) > 1 {
				return nil
			}
			if s.size > 0 {
				args = append(args, "--messages", "1000000000", "--size", fmt.Sprint(s.size))
			}
			switch {
			case s.rate > 0:
				args = append(args, "--rate", fmt.Sprint(s.rate))
			case s.rate == flood:
				args = append(args, "--rate", "max")
			}
			return node(host, args...)
		},
		result: func(line []byte) (result, error) {
			var r struct {
				Seconds  float64
				Messages int
				Bytes    uint64
				Latency  struct{ P50, P99 float64 } `json:"latencyMs"`
				CPU      float64                    `json:"cpuSeconds"`
				PeerCPU  float64                    `json:"peerCPUSeconds"`
			}
			err := json.Unmarshal(line, &r)
			return result{
				Messages: r.Messages, P50: r.Latency.P50 / 1000, P99: r.Latency.P99 / 1000,
				Bytes: r.Bytes, Elapsed: r.Seconds, CPU: r.CPU + r.PeerCPU,
			}, err
		},
	}
}
