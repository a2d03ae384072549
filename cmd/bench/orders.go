package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"chartseal/ledger"
	"chartseal/packager/seal"
	"chartseal/testdata/practice"
)

// practiceIn makes a practice below the folder of a round, with a small file of the patient.
func (b *bench) practiceIn(ctx context.Context, dir string) (*home, error) {
	h, err := b.found(ctx, filepath.Join(filepath.Base(dir), "practice"), true)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(h.dir, "records", patientID, "cbct")
	if err = os.MkdirAll(folder, 0o700); err == nil {
		err = practice.WriteSeries(folder, 1, 16, patientID)
	}
	return h, err
}

// dropMany puts n orders into the outbox.
func (h *home) dropMany(ctx context.Context, n int, kind string) error {
	for i := range n {
		if err := errors.Join(ctx.Err(), h.drop(orderID(i), kind)); err != nil {
			return err
		}
	}
	return nil
}

func orderID(i int) string { return "BENCH-" + strconv.Itoa(i) }

// patience is how long a daemon may work on n orders.
func patience(n int) time.Duration { return 5*time.Minute + time.Duration(n)*time.Second }

func processor(p *os.ProcessState) float64 { return (p.UserTime() + p.SystemTime()).Seconds() }

// answerOrders runs the daemon until n orders of one small file are answered: the time, the
// processor's time of the daemon and its store, which what else the computer does changes
// less, and how long a look at the status takes then.
func answerOrders(ctx context.Context, b *bench, dir string, n int) ([]float64, error) {
	h, err := b.practiceIn(ctx, dir)
	if err == nil {
		err = h.dropMany(ctx, n, "cbct")
	}
	if err != nil {
		return nil, err
	}
	began := time.Now()
	ended, err := h.untilIdle(ctx, patience(n))
	if err != nil {
		return nil, err
	}
	took := since(began)
	for i := range n {
		if err := h.answered(ctx, orderID(i)); err != nil {
			return nil, err
		}
	}
	status, err := h.status(ctx)
	return []float64{took, processor(ended), status}, err
}

// holdOrders runs the daemon until n orders are on hold, for there are no photographs.
func holdOrders(ctx context.Context, b *bench, dir string, n int) ([]float64, error) {
	h, err := b.practiceIn(ctx, dir)
	if err == nil {
		err = h.dropMany(ctx, n, "photo")
	}
	if err != nil {
		return nil, err
	}
	ended, err := h.untilIdle(ctx, patience(n))
	if err != nil {
		return nil, err
	}
	for i := range n {
		if _, err := os.Stat(h.heldAs(orderID(i))); err != nil {
			return nil, err
		}
	}
	status, err := h.status(ctx)
	return []float64{processor(ended), status}, err
}

// answerBeside is what one order of some takes with a recipient book of n, without the
// start, which reads the book.
func answerBeside(ctx context.Context, b *bench, dir string, n int) (float64, error) {
	const orders = 20
	h, err := b.practiceIn(ctx, dir)
	if err == nil {
		err = h.recipients(n)
	}
	if err != nil {
		return 0, err
	}
	took := map[int]float64{}
	for _, drops := range []int{0, 0, orders} { // the first start makes the state folder
		if err := h.dropMany(ctx, drops, "cbct"); err != nil {
			return 0, err
		}
		ended, err := h.untilIdle(ctx, patience(drops))
		if err != nil {
			return 0, err
		}
		took[drops] = processor(ended)
	}
	for i := range orders {
		if err := h.answered(ctx, orderID(i)); err != nil {
			return 0, err
		}
	}
	return (took[orders] - took[0]) / orders, nil
}

// recipients adds n to the practice's book.
func (h *home) recipients(n int) error {
	key, err := seal.GenerateKey(false)
	if err != nil {
		return err
	}
	file := filepath.Join(h.dir, "recipients.yaml")
	book, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for i := range n {
		book = fmt.Appendf(book, "r%d: {name: Dr. No. %d Dental Group PC, kind: provider, address: %d Elm Street Albany NY, email: office@r%d.example, keys: [%s]}\n", i, i, i, i, key.Public)
	}
	return os.WriteFile(file, book, 0o600)
}

// askedStatus is how long a look at the status takes when n records went out in years, and a
// tenth as many patients have asked for something.
func askedStatus(ctx context.Context, b *bench, dir string, n int) (float64, error) {
	h, err := b.found(ctx, filepath.Join(filepath.Base(dir), "practice"), true)
	if err != nil {
		return 0, err
	}
	l, err := ledger.Open(filepath.Join(h.dir, "state", "ledger"), time.Now)
	if err != nil {
		return 0, err
	}
	for i := range n {
		if err := sentLine(ctx, l, i); err != nil {
			return 0, errors.Join(err, l.Close())
		}
	}
	if err := errors.Join(l.Close(), h.restrict(n/10)); err != nil {
		return 0, err
	}
	best := 0.0
	for i := range 3 {
		took, err := h.status(ctx)
		if err != nil {
			return 0, err
		}
		if i == 0 || took < best {
			best = took
		}
	}
	return best, nil
}

func sentLine(ctx context.Context, l *ledger.Ledger, i int) error {
	ref := "ref" + strconv.Itoa(i)
	_, err := l.Append(ctx, ledger.Entry{
		Key: ref + "/sent", Event: ledger.Sent, Order: "R-" + strconv.Itoa(i), Reference: ref, Patient: strconv.Itoa(firstNumber + i),
		Basis: "treatment", Recipient: &ledger.Party{Name: "Dr. Chen Endodontics", Kind: "provider"},
	})
	return err
}

// restrict makes a list of n patients who asked for something.
func (h *home) restrict(n int) error {
	var list bytes.Buffer
	for i := range n {
		fmt.Fprintf(&list, "\"%d\": {not_to: [insurer]}\n", firstNumber-1-i)
	}
	file := filepath.Join(h.dir, "chartseal.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const none, ours = `restrictions: ""`, `restrictions: restrictions.yaml`
	if !bytes.Contains(text, []byte(none)) {
		return errors.New("the configuration template has changed: " + none)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(h.dir, "restrictions.yaml"), list.Bytes(), 0o600),
		os.WriteFile(file, bytes.ReplaceAll(text, []byte(none), []byte(ours)), 0o600),
	)
}
