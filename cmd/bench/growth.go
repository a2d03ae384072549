package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"chartseal/ledger"
	"chartseal/packager"
	"chartseal/packager/seal"
	"chartseal/testdata/practice"
)

// curve is a cost that grows with a count, in seconds.
type curve struct {
	name   string
	each   bool // of one among so many: it should not grow
	design int  // the count that the design asks about; 0: none
	counts []int
	seen   []float64
}

// What a cost may grow with a count, as an exponent: more than that is no noise.
const (
	linear   = 1.15
	constant = 0.2
)

// study is what one preparation shows, by count: one curve or several.
type study struct {
	curves []curve
	counts []int
	// costs is what it takes with n of them, in seconds, of each curve.
	costs func(ctx context.Context, b *bench, dir string, n int) ([]float64, error)
}

// one is a study of one curve.
func one(c curve, counts []int, cost func(ctx context.Context, b *bench, dir string, n int) (float64, error)) study {
	return study{[]curve{c}, counts, func(ctx context.Context, b *bench, dir string, n int) ([]float64, error) {
		took, err := cost(ctx, b, dir, n)
		return []float64{took}, err
	}}
}

// leastMost leaves every curve two points.
const leastMost = 100

// studies goes up to most files of an order, patients beside it and orders, ten times as
// many lines, a hundred times as many images and a tenth of the recipients: over three orders
// of magnitude, and as far as the design asks, if most is 10,000.
func studies(most int) []study {
	from := func(least, most int) (counts []int) {
		for n := least; n <= min(most, 1_000_000); n *= 10 {
			counts = append(counts, n)
		}
		return counts
	}
	lines, images, few := from(100, 10*most), from(1000, 100*most), from(10, min(most, 10_000))
	book := from(1, min(most/10, 1_000)) // a book holds little more, as it is bounded
	return []study{
		one(curve{name: "pack an order of n files"}, few, packFiles),
		one(curve{name: "pack one file beside n patients", each: true}, from(10, most), packBeside),
		{[]curve{{name: "index n images"}, {name: "look again at n images"}, {name: "find one patient of n images", each: true, design: 1_000_000}}, images, shareImages},
		one(curve{name: "open a ledger of n lines"}, lines, openLedger),
		one(curve{name: "verify a ledger of n lines"}, lines, verifyLedger),
		one(curve{name: "append one line to a ledger of n", each: true}, lines, appendLedger),
		one(curve{name: "status with n lines, n/10 restrictions"}, lines, askedStatus),
		one(curve{name: "answer one order, n recipients: processor", each: true}, book, answerBeside),
		{[]curve{{name: "hold n orders: processor"}, {name: "status with n orders on hold"}}, few, holdOrders},
		{[]curve{{name: "answer n orders", design: 10_000}, {name: "answer n orders: processor", design: 10_000}, {name: "status after n orders"}}, few, answerOrders},
	}
}

// growthPart measures how costs grow, and draws it.
func growthPart(ctx context.Context, b *bench) error {
	t := table{
		title: "Growth", head: []string{"what", "n: seconds", "exponent, at the end", "over all"},
		after: fmt.Sprintf("Seconds, the best of %d rounds; of one round where that takes more than %d s. The exponent is the slope on logarithmic scales, ", b.rounds, longRound) +
			"between the last two counts and over all (least squares): 1 is linear, 0 constant. The higher one counts.",
	}
	var all []curve
	for _, s := range studies(b.most) {
		if !s.named(b.curves) {
			continue
		}
		for _, n := range s.counts {
			best, err := b.bestOf(ctx, &s, n)
			if err != nil {
				return fmt.Errorf("%s, n = %d: %w", s.curves[0].name, n, err)
			}
			for i := range s.curves {
				c := &s.curves[i]
				c.counts, c.seen = append(c.counts, n), append(c.seen, best[i])
				b.note("%s, n = %d: %.4g s", c.name, n, best[i])
			}
		}
		all = append(all, s.curves...)
	}
	for i := range all {
		c := &all[i]
		var text []string
		for i, n := range c.counts {
			text = append(text, fmt.Sprintf("%d: %.4g", n, c.seen[i]))
		}
		t.row(c.name, strings.Join(text, "; "), fmt.Sprintf("%.2f", c.exponent()), fmt.Sprintf("%.2f", c.slope()))
		b.wantGrowth(c)
	}
	b.print(&t)
	if b.plots == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(b.plots, "growth.svg"), plot(all), 0o644)
}

// wantGrowth notes whether a cost grows no more than it may.
func (b *bench) wantGrowth(c *curve) {
	want, limit, slope := "linear at most", linear, max(c.exponent(), c.slope())
	if c.each {
		want, limit = "does not grow", constant
	}
	seen := fmt.Sprintf("exponent %.2f", slope)
	if c.design == 0 {
		b.want(c.name, want, seen, slope < limit)
		return
	}
	want += fmt.Sprintf(", up to %d", c.design)
	if far := c.counts[len(c.counts)-1]; far < c.design && slope < limit {
		b.unseen(c.name, want, fmt.Sprintf("%s, up to %d", seen, far))
		return
	}
	b.want(c.name, want, seen, slope < limit)
}

// named reports whether one of its curves has the text in its name.
func (s *study) named(text string) bool {
	return slices.ContainsFunc(s.curves, func(c curve) bool { return strings.Contains(c.name, text) })
}

// longRound is so long, in seconds, that noise does not show in it.
const longRound = 30

// bestOf is the least of each cost over the rounds.
func (b *bench) bestOf(ctx context.Context, s *study, n int) (best []float64, err error) {
	for range b.rounds {
		dir, err := os.MkdirTemp(b.dir, "growth")
		if err != nil {
			return nil, err
		}
		began := time.Now()
		took, err := s.costs(ctx, b, dir, n)
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return nil, err
		}
		for i, x := range took {
			if i == len(best) {
				best = append(best, x)
			}
			best[i] = min(best[i], x)
		}
		if since(began) > longRound { // once is enough
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

// slope is that of the straight line through all of a curve (least squares) on logarithmic
// scales.
func (c *curve) slope() float64 {
	var x, y, xx, xy float64
	n := float64(len(c.seen))
	for i, seen := range c.seen {
		a, b := math.Log(float64(c.counts[i])), math.Log(seen)
		x, y, xx, xy = x+a, y+b, xx+a*a, xy+a*b
	}
	if n < 2 {
		return 0
	}
	return (n*xy - x*y) / (n*xx - x*x)
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
		if err = ctx.Err(); err != nil {
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
