package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"chartseal/ledger"
	"chartseal/packager"
	"chartseal/packager/seal"
	"chartseal/testdata/practice"
)

// curve is a cost that grows with a count.
type curve struct {
	name   string
	counts []int
	// cost is what it takes with n of them, in seconds.
	cost func(ctx context.Context, b *bench, dir string, n int) (float64, error)
	seen []float64
}

func curves(most int) []curve {
	three := func(least, most int) (counts []int) {
		for n := least; n <= min(most, 1000*least); n *= 10 {
			counts = append(counts, n)
		}
		return counts
	}
	return []curve{
		{name: "pack an order of n files", counts: three(10, most), cost: packFiles},
		{name: "pack one file beside n patients", counts: three(100, most), cost: packBeside},
		{name: "open a ledger of n lines", counts: three(1000, 10*most), cost: openLedger},
		{name: "verify a ledger of n lines", counts: three(1000, 10*most), cost: verifyLedger},
		{name: "append to a ledger of n lines", counts: three(1000, 10*most), cost: appendLedger},
		{name: "answer n orders", counts: three(1, most/10), cost: answerOrders},
	}
}

// growthPart measures how costs grow, and draws it.
func growthPart(ctx context.Context, b *bench) error {
	all := curves(b.most)
	t := table{
		title: "Growth", head: []string{"what", "n: seconds", "exponent"},
		after: "Seconds, the best of the rounds. The exponent is the slope between the last two counts on logarithmic scales: 1 is linear, 0 constant.",
	}
	for i := range all {
		c := &all[i]
		var text []string
		for _, n := range c.counts {
			best, err := b.bestOf(ctx, c, n)
			if err != nil {
				return fmt.Errorf("%s, n = %d: %w", c.name, n, err)
			}
			c.seen = append(c.seen, best)
			b.note("%s, n = %d: %.4f s", c.name, n, best)
			text = append(text, fmt.Sprintf("%d: %.4g", n, best))
		}
		slope := c.exponent()
		t.row(c.name, strings.Join(text, "; "), fmt.Sprintf("%.2f", slope))
		b.want(c.name, "linear at most", fmt.Sprintf("exponent %.2f", slope), slope < 1.15)
	}
	b.print(&t)
	if b.plots == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(b.plots, "growth.svg"), plot(all), 0o644)
}

func (b *bench) bestOf(ctx context.Context, c *curve, n int) (float64, error) {
	best := math.Inf(1)
	for range b.rounds {
		dir, err := os.MkdirTemp(b.dir, "growth")
		if err != nil {
			return 0, err
		}
		took, err := c.cost(ctx, b, dir, n)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return 0, err
		}
		best = min(best, took)
		if took > 30 { // once is enough
			break
		}
	}
	return best, nil
}

// exponent is the slope of the last part of a curve on logarithmic scales.
func (c *curve) exponent() float64 {
	n := len(c.seen)
	if n < 2 {
		return 0
	}
	return math.Log(c.seen[n-1]/c.seen[n-2]) / math.Log(float64(c.counts[n-1])/float64(c.counts[n-2]))
}

func since(began time.Time) float64 { return time.Since(began).Seconds() }

// packAt packs what the invented patient has below dir, once.
func packAt(ctx context.Context, dir string) (float64, error) {
	key, err := seal.GenerateKey(false)
	if err != nil {
		return 0, err
	}
	plan, err := planFor(dir, key.Public)
	if err != nil {
		return 0, err
	}
	f, err := os.Create(filepath.Join(dir, "sealed"))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	_, err = packager.Pack(ctx, plan, f)
	took := since(began)
	return took, errors.Join(err, f.Close())
}

// packFiles packs n small slices.
func packFiles(ctx context.Context, _ *bench, dir string, n int) (float64, error) {
	folder := filepath.Join(dir, patientID, "cbct")
	err := os.MkdirAll(folder, 0o700)
	if err == nil {
		err = practice.WriteSeries(folder, n, 16, patientID)
	}
	if err != nil {
		return 0, err
	}
	return packAt(ctx, dir)
}

// packBeside packs one file in a folder that other patients' folders lie in, too.
func packBeside(ctx context.Context, _ *bench, dir string, n int) (float64, error) {
	folder := filepath.Join(dir, patientID, "cbct")
	err := os.MkdirAll(folder, 0o700)
	if err == nil {
		err = practice.WriteSeries(folder, 1, 16, patientID)
	}
	for i := range n {
		if err != nil {
			return 0, err
		}
		other := filepath.Join(dir, "P"+strconv.Itoa(i))
		if err = os.Mkdir(other, 0o700); err == nil {
			err = os.WriteFile(filepath.Join(other, "note.txt"), nil, 0o600)
		}
	}
	return packAt(ctx, dir)
}

// ledgerOf is a ledger of n lines.
func ledgerOf(ctx context.Context, dir string, n int) (*ledger.Ledger, error) {
	l, err := ledger.Open(dir, time.Now)
	if err != nil {
		return nil, err
	}
	for i := range n {
		if err := appendLine(ctx, l, i); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

func appendLine(ctx context.Context, l *ledger.Ledger, i int) error {
	ref := "ref" + strconv.Itoa(i)
	_, err := l.Append(ctx, ledger.Entry{Key: ref + "/held", Event: ledger.Held, Order: "R-" + strconv.Itoa(i), Reference: ref, Patient: patientID})
	return err
}

func openLedger(ctx context.Context, _ *bench, dir string, n int) (float64, error) {
	l, err := ledgerOf(ctx, dir, n)
	if err != nil {
		return 0, err
	}
	if err := l.Close(); err != nil {
		return 0, err
	}
	began := time.Now()
	if l, err = ledger.Open(dir, time.Now); err != nil {
		return 0, err
	}
	return since(began), l.Close()
}

func verifyLedger(ctx context.Context, _ *bench, dir string, n int) (float64, error) {
	l, err := ledgerOf(ctx, dir, n)
	if err != nil {
		return 0, err
	}
	if err := l.Close(); err != nil {
		return 0, err
	}
	began := time.Now()
	_, err = ledger.Verify(ctx, dir)
	return since(began), err
}

// appendLedger is the time of one line, of a hundred.
func appendLedger(ctx context.Context, _ *bench, dir string, n int) (float64, error) {
	const lines = 100
	l, err := ledgerOf(ctx, dir, n)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for i := range lines {
		if err := appendLine(ctx, l, n+i); err != nil {
			return 0, errors.Join(err, l.Close())
		}
	}
	return since(began) / lines, l.Close()
}

// answerOrders runs the daemon until n orders of one small file are answered.
func answerOrders(ctx context.Context, b *bench, dir string, n int) (float64, error) {
	h, err := b.found(ctx, filepath.Join(filepath.Base(dir), "practice"), true)
	if err != nil {
		return 0, err
	}
	folder := filepath.Join(h.dir, "records", patientID, "cbct")
	if err = os.MkdirAll(folder, 0o700); err == nil {
		err = practice.WriteSeries(folder, 1, 16, patientID)
	}
	for i := range n {
		if err == nil {
			err = h.drop("BENCH-"+strconv.Itoa(i), "cbct")
		}
	}
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if said, err := h.command(ctx, "run", "--until-idle").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("run: %w: %s", err, said)
	}
	took := since(began)
	for i := range n {
		if err := h.answered(ctx, "BENCH-"+strconv.Itoa(i)); err != nil {
			return 0, err
		}
	}
	return took, nil
}
