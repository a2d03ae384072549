//go:build interop

package main

import (
	"errors"
	"flag"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var (
	crashParallel = flag.Int("crash.parallel", 2, "runs of each crash matrix at a time; the matrices run side by side")
	crashEvery    = flag.Int("crash.every", 8, "of kills that differ little from another, one in so many; 1 for all of them")
)

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

// TestInteropCrashMatrix ends chartseal by SIGKILL at every step of every order
// and at random instants, on a practice in use and on one that never ran: the
// daemon with its children, the daemon alone, the store, a worker. After it every
// order must have ended exactly once; see oracle.
func TestInteropCrashMatrix(t *testing.T) {
	t.Parallel()
	need(t, "pdftotext")
	m := newMatrix(t, *crashParallel)
	m.passphrase = wordsOf
	var blows []blow
	rng := newRand(t)
	some := rng.IntN(2 * *crashEvery) // others each time
	steps := m.countPoints(false)
	for i, s := range steps {
		blows = append(blows, blow{steps: []int{i + 1}, victim: everything})
		if i%(2**crashEvery) == some {
			blows = append(blows, blow{steps: []int{i + 1}, victim: onlyDaemon})
		}
		if strings.HasPrefix(s.point, "upload") || strings.HasPrefix(s.point, "link") {
			blows = append(blows, blow{steps: []int{i + 1}, victim: onlyStore})
		}
		if i%(3**crashEvery) == some { // killed again on the way back, and again
			blows = append(blows, blow{steps: []int{i + 1, 3 + i%5, 1 + i%3}, victim: everything})
		}
	}
	for i := range m.countPoints(true) {
		if i%(4**crashEvery) == some {
			blows = append(blows, blow{steps: []int{i + 1}, victim: everything, fresh: true})
		}
	}
	m.strikeAll(blows)
	m.report("(every step)", len(blows)*9/10, 30)
	m.strikeAll(instants(rng, 40 / *crashEvery + *crashRuns, m.length, everything, onlyDaemon, everything))
	m.strikeAll(instants(rng, 12 / *crashEvery + *crashRuns/4, m.length, onlyStore, onlyWorker))
	m.report("(every step, random instants)", len(m.done)*95/100, 30)
}
