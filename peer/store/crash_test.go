package store

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"earshot/protocol"
	"earshot/protocol/replica"
	"earshot/protocol/replica/storetest"
)

// roles is what the test binary becomes when its first argument is one of these.
var roles = map[string]func(args []string) error{
	committer: func(args []string) error {
		epoch, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			return err
		}
		return commitForEver(args[0], epoch)
	},
}

// committer commits until it is killed.
const committer = "store-committer"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if role := roles[os.Args[1]]; role != nil {
			if err := role(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(m.Run())
}

// commitForEver writes a log in batches. Before each it says up to where it goes, and when it is stored again.
// The last entry of each comes with a line that is owed.
func commitForEver(path string, epoch uint64) error {
	s, err := Open(path)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(epoch, 1))
	w := storetest.Writes("alice", epoch)
	for {
		b := replica.Batch{Entries: w.Says(1 + r.IntN(20))}
		last := w.Last.Entry().Seq
		b.Lines = []replica.LineState{{Log: w.Log, Seq: last, Audience: []protocol.PeerID{{1}}}}
		b.Settings = []replica.Setting{{Key: "last", Value: fmt.Sprint(last)}}
		fmt.Println("begin", last)
		if err := s.Commit(b); err != nil {
			return err
		}
		fmt.Println("done", last)
	}
}

// kill -9 at any moment: what was reported as stored is there, batches are there as a whole or not at all, and
// everything that is kept beside the entries fits them.
func TestKilledAtAnyMoment(t *testing.T) {
	path := file(t)
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	want := map[uint64]uint64{} // by epoch, the number that must be there
	batches := 0
	for epoch := uint64(1); epoch <= 30; epoch++ {
		begun, done := killed(t, path, epoch, time.Duration(r.IntN(50_000))*time.Microsecond)
		batches += len(done)
		s := mustOpen(t, path)
		state, err := s.State()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range state.Logs {
			if l.Epoch < epoch {
				continue
			}
			want[epoch] = l.Ranges.Max()
			if n := l.Ranges.Max(); n < latest(done) || n != latest(done) && n != latest(begun) {
				t.Fatalf("epoch %d: %d is stored, %d was reported and %d begun", epoch, n, latest(done), latest(begun))
			}
			if got, n := state.Setting("last"), fmt.Sprint(l.Ranges.Max()); got != n || l.Ranges.Len() != l.Ranges.Max() {
				t.Errorf("epoch %d: %s is stored, the setting of the same batch says %s", epoch, l.Ranges, got)
			}
		}
		if want[epoch] == 0 && len(done) > 0 {
			t.Fatalf("epoch %d: nothing is stored, %d was reported", epoch, latest(done))
		}
		total := uint64(0)
		for epoch, last := range want {
			w := storetest.Writes("alice", epoch)
			raws, err := s.Load(w.Log, 1, 1<<53, 1<<30)
			if err != nil || uint64(len(raws)) != last {
				t.Fatalf("epoch %d: %d entries, want %d, %v", epoch, len(raws), last, err)
			}
			total += last
		}
		// The index of words has as many.
		var words, entries uint64
		for query, n := range map[string]*uint64{"SELECT count(*) FROM words WHERE words MATCH 'line'": &words, "SELECT count(*) FROM entries": &entries} {
			if err := s.read.QueryRow(query).Scan(n); err != nil {
				t.Fatal(err)
			}
		}
		if words != total || entries != total {
			t.Fatalf("epoch %d: %d entries, %d of them can be found, want %d", epoch, entries, words, total)
		}
		if err := quick(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		if r.IntN(2) == 0 { // or the next one comes after an end that was not clean
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		} else {
			leave(s)
		}
	}
	if batches < 20 {
		t.Errorf("only %d batches were stored in 30 lives", batches)
	}
}

func latest(numbers []uint64) uint64 {
	if len(numbers) == 0 {
		return 0
	}
	return numbers[len(numbers)-1]
}

// killed lets a process commit, and kills it some time after its first commit; a third of all after their start.
func killed(t *testing.T, path string, epoch uint64, after time.Duration) (begun, done []uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], committer, path, fmt.Sprint(epoch))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if epoch%3 > 0 { // not so soon
		kill.Reset(time.Minute)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var what string
		var n uint64
		if _, err := fmt.Sscan(lines.Text(), &what, &n); err != nil {
			continue // cut off by the kill
		}
		if what == "begin" {
			begun = append(begun, n)
		} else {
			done = append(done, n)
			if len(done) == 1 {
				kill.Reset(after)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	return begun, done
}
