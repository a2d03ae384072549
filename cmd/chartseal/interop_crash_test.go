//go:build interop

package main

import (
	"errors"
	"flag"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var (
	crashParallel = flag.Int("crash.parallel", 4, "runs of all crash matrices at a time; the matrices run side by side")
	crashEvery    = flag.Int("crash.every", 16, "of kills that differ little from another, one in so many; 1 for all of them")
)

// crashSlots are shared by all matrices: whichever is last has all of them.
var crashSlots = sync.OnceValue(func() chan struct{} { return make(chan struct{}, *crashParallel) })

// picked chooses among kinds of kills: one of every kind, others each time, and of the
// rest one in so many.
func picked(rng *rand.Rand, kinds []string) (chosen []int) {
	seen := map[string]bool{}
	for _, i := range rng.Perm(len(kinds)) {
		if !seen[kinds[i]] || rng.IntN(*crashEvery) == 0 {
			chosen = append(chosen, i)
		}
		seen[kinds[i]] = true
	}
	return chosen
}

// wordsOf reads the passphrase off its letter, as the recipient does.
func wordsOf(letter string) (string, error) {
	out, err := exec.Command("pdftotext", "-layout", letter, "-").Output()
	if err != nil {
		return "", err
	}
	words := regexp.MustCompile(`[a-z]+(-[a-z]+){5}`).Find(out)
	if words == nil {
		return "", errors.New("no passphrase on its letter")
	}
	return string(words), nil
}

// TestInteropCrashMatrix ends chartseal by SIGKILL at steps of every kind (at every step
// of every order with -crash.every 1) and at random instants, on a practice in use and on
// one that never ran: the daemon with its children, the daemon alone, the store, a worker.
// After it every order must have ended exactly once; see oracle.
func TestInteropCrashMatrix(t *testing.T) {
	t.Parallel()
	need(t, "pdftotext")
	m := newMatrix(t, crashSlots())
	m.passphrase = wordsOf
	rng := newRand(t)
	steps := m.countPoints(false)
	var points []string
	var stores []int // steps at which the store is at work
	for i, s := range steps {
		points = append(points, s.point)
		if strings.HasPrefix(s.point, "upload") || strings.HasPrefix(s.point, "link") {
			stores = append(stores, i)
		}
	}
	var blows []blow
	for _, i := range picked(rng, points) {
		blows = append(blows, blow{steps: []int{i + 1}, victim: everything})
	}
	var atStore []string
	for _, i := range stores {
		atStore = append(atStore, points[i])
	}
	for _, k := range picked(rng, atStore) {
		blows = append(blows, blow{steps: []int{stores[k] + 1}, victim: onlyStore})
	}
	for i := rng.IntN(2 * *crashEvery); i < len(steps); i += 2 * *crashEvery {
		blows = append(blows, blow{steps: []int{i + 1}, victim: onlyDaemon})
	}
	for i := rng.IntN(3 * *crashEvery); i < len(steps); i += 3 * *crashEvery { // killed again on the way back, and again
		blows = append(blows, blow{steps: []int{i + 1, 3 + i%5, 1 + i%3}, victim: everything})
	}
	for i, n := rng.IntN(4**crashEvery), len(m.countPoints(true)); i < n; i += 4 * *crashEvery {
		blows = append(blows, blow{steps: []int{i + 1}, victim: everything, fresh: true})
	}
	m.strikeAll(blows)
	m.strikeMissing(rng, points)
	m.report("(steps of every kind)", len(blows)*9/10, 30)
	m.strikeAll(instants(rng, 40 / *crashEvery + *crashRuns, m.length, everything, onlyDaemon, everything))
	m.strikeAll(instants(rng, max(2, 12 / *crashEvery)+*crashRuns/4, m.length, onlyStore, onlyWorker))
	m.report("(steps of every kind, random instants)", len(m.done)*95/100, 30)
}

// strikeMissing strikes once more at kinds of steps that no blow has hit: work is done side
// by side, and its steps do not come in the same order every time.
func (m *matrix) strikeMissing(rng *rand.Rand, points []string) {
	for range 3 {
		hit := map[string]bool{}
		for _, o := range m.done {
			for _, p := range o.points {
				hit[p] = true
			}
		}
		var blows []blow
		for _, i := range rng.Perm(len(points)) {
			if p := points[i]; !hit[p] {
				hit[p] = true
				blows = append(blows, blow{steps: []int{i + 1}, victim: everything})
			}
		}
		m.strikeAll(blows)
	}
}
