package main

import (
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// feed is a running send, which says some lines.
type feed struct {
	host  int
	to    int // a host, or 0 for the lobby
	lines []string
	cmd   *exec.Cmd
	result
}

// disaster is hosts whose processes die while people talk.
type disaster struct {
	*hosts
	r        *rand.Rand
	ears     []*ear   // that live, by host
	dead     [][]*ear // by host
	feeds    []*feed  // that run, by host
	loss     []int    // percent, by host
	ended    chan *feed
	spoken   int
	accepted []*feed
	refused  map[string]int // how often a send failed, by reason
	disks    sync.WaitGroup // that are slow
}

// choices is a source of the random choices, which says how to have them again; when what happens is in nobody's hands.
func choices(t *testing.T) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("EARSHOT_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("the same choices again: EARSHOT_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func newDisaster(t *testing.T, n int) *disaster {
	t.Helper()
	return &disaster{
		hosts: newHosts(t, n), r: choices(t), ears: make([]*ear, n), dead: make([][]*ear, n), feeds: make([]*feed, n),
		loss:  make([]int, n),
		ended: make(chan *feed, n), refused: map[string]int{},
	}
}

// start begins a host's next life.
func (d *disaster) start(host int) {
	d.t.Helper()
	if d.r.IntN(3) == 0 {
		d.ears[host-1] = d.live(host, "daemon")
	} else {
		d.ears[host-1] = d.listen(host)
	}
}

// gone tells whether a host's instance has ended by itself, which is for a daemon alone, and only if a send has the profile.
func (d *disaster) gone(host int) bool {
	d.t.Helper()
	e := d.ears[host-1]
	select {
	case <-e.ended:
	default:
		return false
	}
	complaint := e.stderr.String()
	if _, busy, ok := strings.Cut(complaint, "profile default is open in "); !ok {
		d.t.Fatalf("%s ended by itself: %v\n%s", e.name, e.cmd.ProcessState, complaint)
	} else {
		d.refused["a daemon: it is open in "+strings.TrimSpace(busy)]++
	}
	return true
}

// slow keeps a host's instance, and the next one, from writing for a moment, as a disk does that has much to do.
func (d *disaster) slow(host int) {
	d.t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.file(host)+"?mode=rw&_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		d.t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil { // there is no history yet
		_ = db.Close()
		return
	}
	d.disks.Add(1)
	time.AfterFunc(time.Duration(100+d.r.IntN(300))*time.Millisecond, func() {
		defer d.disks.Done()
		_ = tx.Rollback()
		_ = db.Close()
	})
}

// died looks into the history that a host's dead instance has left behind: what the instances of that host have printed,
// what they have accepted and what they have told others that they have stored.
func (d *disaster) died(host int) {
	d.t.Helper()
	id, err := readKey(filepath.Join(d.home(host), "default", keyFile))
	if err != nil || d.t.Failed() {
		return // it died before it was anybody, or all has been said
	}
	var told []event // all of it before the look: a send that waits may have taken the profile, and go on
	for other := 1; other <= len(d.ears); other++ {
		for _, e := range d.lives(other) {
			for _, x := range e.heard() {
				if other == host && x.Type == "message" || x.Type == "delivered" && (other == host || x.Peer == id.ID().String()) {
					told = append(told, x)
				}
			}
		}
	}
	k, err := d.keeps(host)
	if err != nil {
		k = &kept{} // it may have died before there was one, then it has told nothing
	}
	for _, x := range told {
		if !k.ids[x.ID] {
			d.t.Errorf("%s %s %q by %q was printed %v ago, n%d is dead and does not have it (%v)",
				x.Type, x.ID, x.Text, x.From, time.Since(x.at), host, err)
		}
	}
	for _, f := range d.accepted {
		for _, text := range f.lines {
			if f.host == host && len(k.said[text]) != 1 {
				d.t.Errorf("%q was accepted, n%d is dead and has it in %v (%v)\n%s%s", text, host, k.said[text], err, f.out, f.err)
			}
		}
	}
}

// crash kills a host's instance, at times the send beside it, and starts the next one at once.
func (d *disaster) crash(host int) {
	d.t.Helper()
	e := d.ears[host-1]
	if !d.gone(host) && d.r.IntN(3) == 0 && d.feeds[host-1] != nil {
		_ = d.feeds[host-1].cmd.Process.Kill()
	}
	e.kill()
	if d.r.IntN(2) == 0 {
		d.died(host)
	}
	d.dead[host-1] = append(d.dead[host-1], e)
	loss := 20
	if d.r.IntN(4) == 0 { // and in its next life it hears nothing
		loss = 100
	}
	if d.loss[host-1] != loss {
		d.Loss(host, loss)
		d.loss[host-1] = loss
	}
	d.start(host)
}

// speak begins to say the next lines on a host: one as an argument, or some through standard input.
func (d *disaster) speak(host int) {
	d.t.Helper()
	f := &feed{host: host}
	for range max(1, d.r.IntN(9)-3) {
		d.spoken++
		f.lines = append(f.lines, fmt.Sprintf("n%d says line %d", host, d.spoken))
	}
	args := []string{"send", "--name", "n" + strconv.Itoa(host), "--timeout", fmt.Sprintf("%dms", 1+d.r.IntN(5)*d.r.IntN(200))}
	switch d.r.IntN(4) {
	case 0:
		args = append(args, "--wait", "all")
	case 1:
		f.to = (host+d.r.IntN(len(d.ears)-1))%len(d.ears) + 1
		args = append(args, "--to", "n"+strconv.Itoa(f.to))
	}
	var input io.Reader
	if len(f.lines) == 1 {
		args = append(args, f.lines[0])
	} else {
		args, input = append(args, "-"), strings.NewReader(strings.Join(f.lines, "\n"))
	}
	f.cmd = d.command(host, args...)
	f.cmd.Stdin = input
	end := begun(f.cmd)
	d.feeds[host-1] = f
	go func() {
		f.result = end()
		d.ended <- f
	}()
}

// judge notes what has become of what was said.
func (d *disaster) judge(f *feed) {
	d.t.Helper()
	d.feeds[f.host-1] = nil
	d.sound("a send", f.err)
	switch f.code {
	case exitOK, exitLate:
		d.accepted = append(d.accepted, f)
	case -1:
		d.refused["killed"]++
	case 1:
		d.refused[strings.TrimSpace(f.err[strings.LastIndex(strings.TrimSpace(f.err), "\n")+1:])]++
	default:
		d.t.Errorf("send on host %d: exit code %d\n%s%s", f.host, f.code, f.out, f.err)
	}
}

// sound fails the test if something was complained of that no crash of a process can excuse.
func (d *disaster) sound(who, complaints string) {
	d.t.Helper()
	for _, words := range []string{"nothing is kept", "not kept", "damaged", "two different lines", "goroutine ", "not shown"} {
		if strings.Contains(complaints, words) {
			d.t.Errorf("%s complains:\n%s", who, complaints)
		}
	}
}

// talk lets people talk for a while, or until something is said on one host.
func (d *disaster) talk(span time.Duration, until int) {
	d.t.Helper()
	for host, f := range d.feeds {
		if f == nil {
			d.speak(host + 1)
		}
	}
	over := time.After(span)
	for {
		select {
		case f := <-d.ended:
			d.judge(f)
			if f.host == until {
				return
			}
			d.speak(f.host)
		case <-over:
			return
		}
	}
}

// rage lets people talk and processes die. It ends when so many have died and everybody has finished speaking:
// now all live, and nothing is lost any more.
func (d *disaster) rage(deaths int) {
	d.t.Helper()
	for host := 1; host <= len(d.ears); host++ {
		d.loss[host-1] = 20
		d.Loss(host, 20)
		d.start(host)
	}
	for range deaths {
		host := 1 + d.r.IntN(len(d.ears))
		d.talk(time.Duration(d.r.IntN(700))*time.Millisecond, 0)
		if d.r.IntN(3) == 0 {
			d.slow(host)
			d.talk(time.Duration(d.r.IntN(200))*time.Millisecond, host)
		}
		d.crash(host)
	}
	d.talk(0, 0)
	for range d.feeds {
		d.judge(<-d.ended)
	}
	d.disks.Wait()
	for host := 1; host <= len(d.ears); host++ {
		d.loss[host-1] = 0
		d.Loss(host, 0)
		if d.gone(host) {
			d.dead[host-1] = append(d.dead[host-1], d.ears[host-1])
			d.start(host)
		}
	}
}

// lives is the lives of a host.
func (d *disaster) lives(host int) []*ear {
	return append(slices.Clone(d.dead[host-1]), d.ears[host-1])
}

// The processes of three hosts are killed at random moments, again and again, while people talk and a fifth of all
// datagrams is lost: 45 deaths, or 1000 with EARSHOT_NIGHTLY. Then every host has every line that was accepted, once.
func TestKilledAtAnyMomentNothingIsLost(t *testing.T) {
	t.Parallel()
	const n = 3
	deaths := 45
	if nightly {
		deaths = 1000
	}
	d := newDisaster(t, n)
	d.rage(deaths)
	d.quiet(n)
	for _, e := range d.ears {
		e.stop()
	}

	all := d.sameEverywhere(n)
	count := 0
	for _, f := range d.accepted {
		have, room := []int{1, 2, 3}, "#lobby"
		if f.to > 0 {
			have, room = []int{f.host, f.to}, "@"
		}
		count += len(f.lines)
		for _, text := range f.lines {
			for host, k := range all {
				switch said := k.said[text]; {
				case len(said) == 0 && slices.Contains(have, host+1):
					t.Errorf("%q was accepted (exit code %d), n%d does not have it\n%s%s", text, f.code, host+1, f.out, f.err)
				case len(said) > 0 && (!slices.Contains(have, host+1) || said[0] != room):
					t.Errorf("%q stands at n%d in %v", text, host+1, said)
				}
			}
		}
	}
	t.Logf("%d of %d lines were accepted; sends that failed: %v", count, d.spoken, d.refused)
	if count < d.spoken/4 {
		t.Errorf("only %d of %d lines were accepted", count, d.spoken)
	}
	printed := 0
	for host, k := range all {
		for text, said := range k.said {
			if len(said) > 1 {
				t.Errorf("n%d has %q in %v", host+1, text, said)
			}
		}
		seen := map[string]bool{}
		for _, e := range d.lives(host + 1) {
			d.sound(e.name, e.stderr.String())
			for _, x := range e.heard() {
				switch {
				case x.Type != "message" && x.Type != "delivered":
					continue
				case !k.ids[x.ID]:
					t.Errorf("n%d printed %s %s %q, and does not have it", host+1, x.Type, x.ID, x.Text)
				case x.Type == "message" && seen[x.ID]:
					t.Errorf("n%d printed %q by %s twice", host+1, x.Text, x.From)
				}
				seen[x.ID] = seen[x.ID] || x.Type == "message"
				printed++
			}
		}
	}
	t.Logf("%d messages and receipts were printed", printed)
}
