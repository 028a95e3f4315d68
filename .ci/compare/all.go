package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are those of a comparison.
type options struct {
	contenders, tests []string // in this order
	losses            []int    // percent; nil: those of each test
	rounds            int
	duration          time.Duration // of each measurement
	bottleneck        time.Duration // of each at a bottleneck; what comes later than half of it counts
	whole             bool          // segmentation offload reaches from end to end
	quick             bool
	earshot           string // the product's binary
	folder            string // for what the contenders keep
	name              string // prefix of the namespaces
}

var allContenders = []string{"earshot", "arq", "udp", "quic", "kcp", "tcp-bbr", "tcp-cubic", "tls-bbr", "tls-cubic"}

func (o *options) parse(args []string) error {
	f := flag.NewFlagSet("all", flag.ContinueOnError)
	contenders := f.String("contenders", strings.Join(allContenders, ","), "who is compared")
	tests := f.String("tests", strings.Join(testNames(), ","), "what is measured")
	losses := f.String("losses", "", "percent in each direction, instead of those of each test")
	f.IntVar(&o.rounds, "rounds", 5, "measurements of each, of which the median is printed")
	f.DurationVar(&o.duration, "duration", 4*time.Second, "of each measurement")
	f.DurationVar(&o.bottleneck, "bottleneck", 10*time.Second, "duration of each measurement at a bottleneck, of which the second half counts")
	f.BoolVar(&o.quick, "quick", false, "one short round, with 0 and 10 % loss: do they all work?")
	f.BoolVar(&o.whole, "whole", false, "let segmentation offload reach from end to end, and lose its pieces of many packets whole")
	f.StringVar(&o.earshot, "earshot", "earshot", "the product's `BINARY`")
	f.StringVar(&o.folder, "folder", os.TempDir(), "for what earshot keeps")
	f.StringVar(&o.name, "name", "compare", "prefix of the network namespaces")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.rounds, o.duration, o.bottleneck = 1, 400*time.Millisecond, time.Second
		if *losses == "" {
			*losses = "0,10"
		}
	}
	o.contenders, o.tests = strings.Split(*contenders, ","), strings.Split(*tests, ",")
	for _, c := range o.contenders {
		if !slices.Contains(allContenders, c) {
			return fmt.Errorf("no such contender: %q", c)
		}
	}
	for _, t := range o.tests {
		if !slices.Contains(testNames(), t) {
			return fmt.Errorf("no such test: %q", t)
		}
	}
	for _, text := range strings.FieldsFunc(*losses, func(r rune) bool { return r == ',' }) {
		p, err := strconv.Atoi(text)
		if err != nil || p < 0 || p > 90 {
			return fmt.Errorf("--losses %s: percent from 0 to 90, such as 0,10", *losses)
		}
		o.losses = append(o.losses, p)
	}
	if f.NArg() > 0 || o.rounds < 1 || o.duration <= 0 || o.bottleneck <= 0 {
		return errors.New("bad rounds or duration, or an argument after the flags")
	}
	return nil
}

// all compares all contenders.
func all(ctx context.Context, args []string) error {
	runtime.LockOSThread() // the processes started end with this thread
	var o options
	if err := o.parse(args); err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return errors.New("needs root, for network namespaces")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := &comparison{options: o, programs: map[string]program{"earshot": earshot(o.earshot, o.folder)}}
	for name := range contenders {
		c.programs[name] = own(self, name)
	}
	began := time.Now()
	fmt.Printf("%d processors, %d rounds of %v, loss of each direction\n", runtime.NumCPU(), o.rounds, o.duration)
	if err := c.grids(ctx); err != nil {
		return err
	}
	if err := c.bottlenecks(ctx); err != nil {
		return err
	}
	fmt.Printf("\n%v in all\n", time.Since(began).Round(time.Second))
	if c.failed > 0 {
		return fmt.Errorf("%d measurements of earshot failed", c.failed)
	}
	return nil
}

// comparison is one run.
type comparison struct {
	options
	programs map[string]program
	failed   int // measurements of earshot
}

// trouble tells of a measurement that failed. The others go on.
func (c *comparison) trouble(test, contender string, err error) {
	fmt.Fprintf(os.Stderr, "compare: %s of %s: %v\n", test, contender, err)
	if contender == "earshot" {
		c.failed++
	}
}

// onBed does something on a bed of its own.
func (c *comparison) onBed(hosts int, do func(*lab) error) error {
	b, err := newBed(c.name, hosts)
	if err != nil {
		return err
	}
	defer b.remove()
	return do(&lab{bed: b, programs: c.programs, port: 7000})
}
