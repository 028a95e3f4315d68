package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// grid is a test of contenders at several rates of loss.
type grid struct {
	name, title string
	spec        spec
	hosts       int // that receive
	contenders  []string
	losses      []int
	columns     []column
}

// column is one figure of a result.
type column struct {
	name   string
	value  func(result) float64
	format string
}

var latencies = []column{
	{"p50", func(r result) float64 { return r.P50 * 1000 }, "%.2f"},
	{"p99", func(r result) float64 { return r.P99 * 1000 }, "%.2f"},
}

var perSecond = []column{{"messages/s", func(r result) float64 { return float64(r.Messages) / r.Elapsed }, "%.0f"}}

var throughput = []column{
	{"MB/s", func(r result) float64 { return float64(r.Bytes) / 1e6 / r.Elapsed }, "%.4g"},
	{"CPU s/GB", func(r result) float64 { return r.CPU / (float64(r.Bytes) / 1e9) }, "(%.3g)"},
}

var (
	forMessages = []string{"earshot", "arq", "quic", "kcp", "tcp-cubic", "tls-bbr"}
	forBulk     = []string{"earshot", "udp", "quic", "kcp", "tcp-bbr", "tls-bbr", "tls-cubic"}
	toMany      = []string{"arq", "quic", "kcp", "tls-cubic"} // and earshot, once a bench goes to many at once
)

var allGrids = []grid{
	{"messages", "messages of 100 bytes, one at a time: ms", spec{size: 100}, 1, forMessages, []int{0, 1, 10, 30}, latencies},
	{"paced", "messages of 100 bytes, 200 a second: ms", spec{size: 100, rate: 200}, 1, forMessages, []int{0, 1, 10, 30}, latencies},
	{"bulk", "bulk", spec{}, 1, forBulk, []int{0, 1, 5, 10}, throughput},
	{"flood", "messages of 100 bytes, as many as go", spec{size: 100, rate: flood}, 1, []string{"earshot", "quic", "kcp", "tls-bbr", "tls-cubic"}, []int{0}, perSecond},
	{"fifty", "one message until all of 50 have acknowledged it: ms", spec{size: 100}, 50, toMany, []int{0, 10}, latencies},
	{"fiftyflood", "messages to 50, as many as go", spec{size: 100, rate: flood}, 50, toMany[1:], []int{0}, perSecond},
}

// cell is where a result belongs.
type cell struct {
	test, contender string
	loss            int
}

// grids measures those that are asked for, all contenders in turn in every round, and prints them.
func (c *comparison) grids(ctx context.Context) error {
	var chosen []grid
	for _, g := range allGrids {
		g.contenders = slices.DeleteFunc(slices.Clone(c.contenders), func(name string) bool { return !slices.Contains(g.contenders, name) })
		if c.losses != nil && len(g.losses) > 1 {
			g.losses = c.losses
		}
		if slices.Contains(c.tests, g.name) {
			chosen = append(chosen, g)
		}
	}
	results := make(map[cell][]result)
	for _, hosts := range []int{1, 50} {
		same := slices.DeleteFunc(slices.Clone(chosen), func(g grid) bool { return g.hosts != hosts })
		if len(same) == 0 {
			continue
		}
		if err := c.onBed(1+hosts, func(l *lab) error { return c.measure(ctx, l, same, results) }); err != nil {
			return err
		}
	}
	for _, g := range chosen {
		g.print(results)
	}
	return nil
}

// measure goes through the chosen grids in every round.
func (c *comparison) measure(ctx context.Context, l *lab, chosen []grid, results map[cell][]result) error {
	if !c.whole {
		if err := l.cut(); err != nil {
			return err
		}
	}
	for range c.rounds {
		for _, g := range chosen {
			s, to := g.spec, make([]int, g.hosts)
			s.duration = c.duration
			for i := range to {
				to[i] = 2 + i
			}
			for _, loss := range g.losses {
				if err := l.loss(loss); err != nil {
					return err
				}
				for _, contender := range g.contenders {
					r, err := l.measure(ctx, contender, to, s)
					switch {
					case ctx.Err() != nil:
						return ctx.Err()
					case errors.Is(err, errors.ErrUnsupported):
					case err != nil:
						c.trouble(fmt.Sprintf("%s at %d %%", g.name, loss), contender, err)
					default:
						results[cell{g.name, contender, loss}] = append(results[cell{g.name, contender, loss}], r)
					}
				}
			}
		}
	}
	return nil
}

// median of a column over the rounds. ok: there is one.
func (c column) median(rs []result) (value float64, ok bool) {
	if len(rs) == 0 {
		return 0, false
	}
	var values []float64
	for _, r := range rs {
		values = append(values, c.value(r))
	}
	slices.Sort(values)
	return values[len(values)/2], true
}

// print prints the medians, and then what earshot's are by those of the others.
func (g grid) print(results map[cell][]result) {
	var names []string
	for _, c := range g.columns {
		names = append(names, c.name)
	}
	head := []string{strings.Join(names, " / ")}
	for _, loss := range g.losses {
		head = append(head, fmt.Sprintf("%d %%", loss))
	}
	medians, ratios := [][]string{head}, [][]string{append([]string{"earshot by"}, head[1:]...)}
	for _, contender := range g.contenders {
		row, ratio := []string{contender}, []string{contender}
		for _, loss := range g.losses {
			var figures, shares []string
			for _, c := range g.columns {
				value, ok := c.median(results[cell{g.name, contender, loss}])
				ours, also := c.median(results[cell{g.name, "earshot", loss}])
				if ok {
					figures = append(figures, fmt.Sprintf(c.format, value))
				}
				if ok && also {
					shares = append(shares, fmt.Sprintf("%.2f", ours/value))
				}
			}
			row, ratio = append(row, strings.Join(figures, " / ")), append(ratio, strings.Join(shares, " / "))
		}
		medians = append(medians, row)
		if contender != "earshot" {
			ratios = append(ratios, ratio)
		}
	}
	printTable(g.title, medians)
	if slices.Contains(g.contenders, "earshot") && len(ratios) > 1 {
		printTable("", ratios)
	}
}

// printTable prints rows as Markdown, the first as the head.
func printTable(title string, rows [][]string) {
	if title != "" {
		fmt.Printf("\n### %s\n", title)
	}
	fmt.Println()
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], len(text))
		}
	}
	for n, row := range rows {
		for i, text := range row {
			fmt.Printf("| %-*s ", widths[i], text)
		}
		fmt.Println("|")
		for i := 0; n == 0 && i < len(row); i++ {
			fmt.Printf("|%s", strings.Repeat("-", widths[i]+2))
		}
		if n == 0 {
			fmt.Println("|")
		}
	}
}
