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
	counts []int
	seen   []float64
}

// study is what one preparation shows, by count: one curve or several.
type study struct {
	curves []curve
	counts []int
	// costs is what it takes with n of them, in seconds, of each curve.
	costs func(ctx context.Context, b *bench, dir string, n int) ([]float64, error)
}

// one is a study of one curve.
func one(name string, counts []int, cost func(ctx context.Context, b *bench, dir string, n int) (float64, error)) study {
	return study{curvesOf(name), counts, func(ctx context.Context, b *bench, dir string, n int) ([]float64, error) {
		took, err := cost(ctx, b, dir, n)
		return []float64{took}, err
	}}
}

func curvesOf(names ...string) (all []curve) {
	for _, name := range names {
		all = append(all, curve{name: name})
	}
	return all
}

// studies goes up to most files of an order, patients beside it, and ten times as many
// images and lines, but a tenth of it orders.
func studies(most int) []study {
	from := func(least, most int) (counts []int) {
		for n := least; n <= most; n *= 10 {
			counts = append(counts, n)
		}
		return counts
	}
	const million = 1_000_000
	lines, images := from(1000, min(10*most, million)), from(1000, min(10*most, million))
	return []study{
		one("pack an order of n files", from(10, min(most, 10_000)), packFiles),
		one("pack one file beside n patients", from(100, min(most, million)), packBeside),
		{curvesOf("index n images", "look again at n images", "find one patient of n images"), images, shareImages},
		one("open a ledger of n lines", lines, openLedger),
		one("verify a ledger of n lines", lines, verifyLedger),
		one("append to a ledger of n lines", lines, appendLedger),
		{curvesOf("answer n orders", "answer n orders: processor", "status after n orders"), from(10, min(most/10, 10_000)), answerOrders},
	}
}

// growthPart measures how costs grow, and draws it.
func growthPart(ctx context.Context, b *bench) error {
	t := table{
		title: "Growth", head: []string{"what", "n: seconds", "exponent"},
		after: "Seconds, the best of the rounds. The exponent is the slope between the last two counts on logarithmic scales: 1 is linear, 0 constant.",
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
		c, slope := &all[i], all[i].exponent()
		var text []string
		for i, n := range c.counts {
			text = append(text, fmt.Sprintf("%d: %.4g", n, c.seen[i]))
		}
		t.row(c.name, strings.Join(text, "; "), fmt.Sprintf("%.2f", slope))
		b.want(c.name, "linear at most", fmt.Sprintf("exponent %.2f", slope), slope < 1.15)
	}
	b.print(&t)
	if b.plots == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(b.plots, "growth.svg"), plot(all), 0o644)
}

// named reports whether one of its curves has the text in its name.
func (s *study) named(text string) bool {
	return slices.ContainsFunc(s.curves, func(c curve) bool { return strings.Contains(c.name, text) })
}

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
		if since(began) > 30 { // once is enough
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

// answerOrders runs the daemon until n orders of one small file are answered: the time, the
// processor's time of the daemon and its store, which what else the computer does changes
// less, and how long a look at the status takes then.
func answerOrders(ctx context.Context, b *bench, dir string, n int) ([]float64, error) {
	h, err := b.found(ctx, filepath.Join(filepath.Base(dir), "practice"), true)
	if err != nil {
		return nil, err
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
		return nil, err
	}
	daemon := h.command(ctx, "run", "--until-idle")
	began := time.Now()
	if said, err := daemon.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("run: %w: %s", err, said)
	}
	took := since(began)
	processor := (daemon.ProcessState.UserTime() + daemon.ProcessState.SystemTime()).Seconds()
	for i := range n {
		if err := h.answered(ctx, "BENCH-"+strconv.Itoa(i)); err != nil {
			return nil, err
		}
	}
	began = time.Now()
	if said, err := h.command(ctx, "status", "--json").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("status: %w: %s", err, said)
	}
	return []float64{took, processor, since(began)}, nil
}
