package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// bottleneck is a test at the port of the switch to host 3, with senders on hosts 1 and 2. Queues see single packets.
type bottleneck struct {
	name, title string
	queue       string // of the port: arguments of tbf
	head        []string
	flows       [][]string // each a row: contenders, who begin together
	row         func(ctx context.Context, l *lab, names []string, d time.Duration) ([]string, error)
}

var allBottlenecks = []bottleneck{
	{
		"share", "two flows at 100 Mbit/s: what each gets in the second half", "rate 100mbit burst 64k latency 50ms",
		[]string{"first", "second", "share of the first, %", "of the second, %", "Mbit/s"},
		[][]string{
			{"earshot", "earshot"},
			{"earshot", "tcp-cubic"},
			{"quic", "quic"},
			{"quic", "tcp-cubic"},
			{"tls-bbr", "tcp-cubic"},
			{"tcp-cubic", "tcp-cubic"},
		},
		share,
	},
	{
		"queue", "one flow at 10 Mbit/s with a queue of 10 packets: loss that it causes", "rate 10mbit burst 3028 limit 15140",
		[]string{"", "lost there, %", "goodput, Mbit/s"},
		[][]string{{"earshot"}, {"quic"}, {"kcp"}, {"tcp-bbr"}, {"tcp-cubic"}},
		queue,
	},
	{
		"beside", "messages, 200 a second, beside bulk at 100 Mbit/s: ms", "rate 100mbit burst 64k latency 50ms",
		[]string{"p50 / p99", "alone", "beside bulk", "p99 rises by", "all that arrives, Mbit/s"},
		[][]string{{"earshot"}, {"quic"}, {"kcp"}, {"tcp-bbr"}, {"tcp-cubic"}},
		beside,
	},
}

// testNames are those of all tests, in order.
func testNames() (names []string) {
	for _, g := range allGrids {
		names = append(names, g.name)
	}
	return append(names, "share", "queue", "beside")
}

// bottlenecks measures those that are asked for, once each, and prints them.
func (c *comparison) bottlenecks(ctx context.Context) error {
	for _, b := range allBottlenecks {
		if !slices.Contains(c.tests, b.name) {
			continue
		}
		rows := [][]string{b.head}
		for _, names := range b.flows {
			if slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(c.contenders, name) }) {
				continue
			}
			err := c.onBed(3, func(l *lab) error {
				if err := l.cutAtOnce(); err != nil {
					return err
				}
				if err := l.narrow(3, b.queue); err != nil {
					return err
				}
				row, err := b.row(ctx, l, names, c.bottleneck)
				if err != nil && ctx.Err() == nil {
					c.trouble(b.name, names[0], err)
					row, err = make([]string, len(b.head)), nil
					copy(row, names)
				}
				rows = append(rows, row)
				return err
			})
			if err != nil {
				return err
			}
		}
		printTable(b.title, rows)
	}
	return nil
}

func share(ctx context.Context, l *lab, names []string, d time.Duration) ([]string, error) {
	if err := l.meter(3); err != nil {
		return nil, err
	}
	for i, name := range names {
		f, err := l.begin(ctx, name, 1+i, []int{3}, spec{duration: 2 * d})
		if err != nil {
			return nil, err
		}
		defer f.end()
	}
	if err := l.flowing(ctx, 3); err != nil { // the time counts from then
		return nil, err
	}
	if err := pause(ctx, d/2); err != nil {
		return nil, err
	}
	before, err := l.arrived(3)
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, d/2); err != nil {
		return nil, err
	}
	after, err := l.arrived(3)
	if err != nil {
		return nil, err
	}
	a, b := after[0]-before[0], after[1]-before[1]
	return []string{
		names[0], names[1], fmt.Sprintf("%.0f", 100*a/(a+b)), fmt.Sprintf("%.0f", 100*b/(a+b)),
		fmt.Sprintf("%.1f", (a+b)*8/1e6/(d/2).Seconds()),
	}, nil
}

// flowing waits until host i has 64 KiB from each sender.
func (l *lab) flowing(ctx context.Context, i int) error {
	for end := time.Now().Add(timeToConnect); time.Now().Before(end); {
		bytes, err := l.arrived(i)
		if err != nil || slices.Min(bytes) > 64<<10 {
			return err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("not all senders send")
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func queue(ctx context.Context, l *lab, names []string, d time.Duration) ([]string, error) {
	r, err := l.measure(ctx, names[0], []int{3}, spec{duration: d})
	if err != nil {
		return nil, err
	}
	lost, err := l.dropped(3)
	return []string{names[0], fmt.Sprintf("%.2f", 100*lost), fmt.Sprintf("%.2f", mbit(r))}, err
}

func mbit(r result) float64 { return float64(r.Bytes) * 8 / 1e6 / r.Elapsed }

// beside has bulk and messages from the same host: of earshot between the same two nodes, of the others over a connection each.
func beside(ctx context.Context, l *lab, names []string, d time.Duration) ([]string, error) {
	if err := l.meter(3); err != nil {
		return nil, err
	}
	p := l.programs[names[0]]
	if p.resident != nil {
		node, err := l.start(ctx, time.Hour, 1, p.resident(1), p.settled)
		if err != nil {
			return nil, err
		}
		defer node.stop()
	}
	paced := spec{size: 100, rate: 200, duration: d}
	alone, err := l.measure(ctx, names[0], []int{3}, paced)
	if err != nil {
		return nil, err
	}
	bulk, err := l.begin(ctx, names[0], 1, []int{3}, spec{duration: 3*d + timeToConnect})
	if err != nil {
		return nil, err
	}
	defer bulk.end()
	if err := pause(ctx, d/2); err != nil {
		return nil, err
	}
	arrived, err := l.arrived(3)
	if err != nil {
		return nil, err
	}
	before, began := arrived[0], time.Now()
	both, err := l.measure(ctx, names[0], []int{3}, paced)
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	if arrived, err = l.arrived(3); err != nil {
		return nil, err
	}
	latency := func(r result) string { return fmt.Sprintf("%.2f / %.2f", r.P50*1000, r.P99*1000) }
	return []string{
		names[0], latency(alone), latency(both), fmt.Sprintf("%.2f", (both.P99-alone.P99)*1000),
		fmt.Sprintf("%.1f", (arrived[0]-before)*8/1e6/took.Seconds()),
	}, nil
}
