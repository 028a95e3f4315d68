package session

import (
	"math/rand/v2"
	"testing"

	"earshot/protocol"
)

func TestReplayWindowEdges(t *testing.T) {
	const size = protocol.ReplayWindow
	type step struct {
		number uint64
		want   bool
	}
	for name, steps := range map[string][]step{
		"the first":             {{0, true}, {0, false}, {1, true}, {1, false}, {0, false}},
		"out of order":          {{5, true}, {3, true}, {4, true}, {3, false}, {5, false}, {0, true}},
		"the oldest":            {{size, true}, {0, true}, {0, false}},
		"older than that":       {{size + 1, true}, {0, false}, {1, true}, {1, false}},
		"every phase of a word": {{size + 63, true}, {62, false}, {63, true}, {63, false}},
		"the window moves":      {{10, true}, {size + 10, true}, {10, false}, {size + 11, true}, {10, false}, {11, true}},
		"a word's distance":     {{0, true}, {64, true}, {128, true}, {64, false}, {63, true}, {65, true}},
		"once around":           {{7, true}, {7 + windowWords*windowBits, true}, {8 + 64, true}, {7, false}},
		"a great leap":          {{1, true}, {1 << 40, true}, {1, false}, {1<<40 - size, true}, {1<<40 - size - 1, false}},
		"the end":               {{protocol.MaxPacketNumber, true}, {protocol.MaxPacketNumber, false}, {protocol.MaxPacketNumber - size, true}},
	} {
		t.Run(name, func(t *testing.T) {
			var w window
			for i, s := range steps {
				if got := w.accept(s.number); got != s.want {
					t.Errorf("step %d: %d accepted %v", i, s.number, got)
				}
			}
		})
	}
}

// The window against a plain set of all numbers seen.
func TestReplayWindowAgainstASet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var w window
	seen, greatest := map[uint64]bool{}, uint64(0)
	for i := range 200000 {
		n := greatest + r.Uint64N(5)
		switch r.IntN(8) {
		case 0:
			n = greatest + r.Uint64N(300)
		case 1, 2, 3:
			n = greatest - min(greatest, r.Uint64N(protocol.ReplayWindow+200))
		case 4:
			if r.IntN(500) == 0 {
				n = greatest + r.Uint64N(20000)
			}
		}
		want := !seen[n] && n+protocol.ReplayWindow >= greatest
		if got := w.accept(n); got != want {
			t.Fatalf("step %d: %d below %d accepted %v", i, n, greatest, got)
		}
		if want {
			seen[n] = true
			greatest = max(greatest, n)
		}
	}
}

func BenchmarkReplayWindow(b *testing.B) {
	var w window
	n := uint64(0)
	for b.Loop() {
		w.accept(n)
		n++
	}
}
