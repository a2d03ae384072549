package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var crashRuns = flag.Int("crash.runs", 0, "kill at this many random instants more, for a soak")

var crashSeed = flag.Uint64("crash.seed", 0, "seed of the random instants; 0 takes one from the clock")

// blow is how one run is disturbed: at a step, or some time after the start.
type blow struct {
	steps  []int           // the Nth step of the first start, the Nth of the second, …
	after  []time.Duration // likewise
	victim string
	fresh  bool // on a practice that never ran
}

// outcome is what became of one run.
type outcome struct {
	blow
	hits     int
	points   []string // where the blows hit, as "stage: point"
	restarts int
	recovery time.Duration // from the last start to the last answer; 0 if none was missing
	err      error
}

// matrix runs many scenes at once and keeps the figures.
type matrix struct {
	t          *testing.T
	stock      *stock
	passphrase func(string) (string, error)
	slots      chan struct{} // one for each run at a time; matrices may share them
	began      time.Time
	ripe       func(*scene) bool // random instants count from here; nil: from the start
	length     time.Duration     // of the shortest undisturbed run, from its start to its last answer

	mu   sync.Mutex
	done []outcome
}

func newMatrix(t *testing.T, slots chan struct{}, changes ...func(s *stock, home string)) *matrix {
	return &matrix{t: t, stock: newStock(t, changes...), slots: slots, began: time.Now()}
}

// strikeAll makes one run of each blow.
func (m *matrix) strikeAll(blows []blow) {
	m.each(len(blows), func(i int) outcome {
		o := m.struck(blows[i])
		if o.err != nil {
			o.err = fmt.Errorf("%s: %w", blows[i], o.err)
		}
		return o
	})
}

// each makes n runs, each in a slot.
func (m *matrix) each(n int, run func(i int) outcome) {
	var wg sync.WaitGroup
	for i := range n {
		m.slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-m.slots }()
			o := run(i)
			m.mu.Lock()
			defer m.mu.Unlock()
			m.done = append(m.done, o)
			if o.err != nil {
				m.t.Error(o.err)
			}
		})
	}
	wg.Wait()
}

func (b blow) String() string {
	return fmt.Sprintf("steps %v, after %v, victim %s, fresh %v", b.steps, b.after, b.victim, b.fresh)
}

// struck is a run, and where its random instants came too late for all of it another
// with earlier ones: how long a run takes depends on what else the machine does.
func (m *matrix) struck(b blow) (o outcome) {
	for range 4 {
		if o = m.one(b); o.err != nil || o.hits > 0 || len(b.after) == 0 {
			break
		}
		b.after = slices.Clone(b.after)
		for i := range b.after {
			b.after[i] /= 2
		}
	}
	return o
}

// one is one run: a start for each blow, then one that is left in peace, then
// the oracle.
func (m *matrix) one(b blow) (o outcome) {
	o.blow = b
	dir, err := os.MkdirTemp(m.stock.dir, "run-*")
	if err != nil {
		o.err = err
		return o
	}
	c, err := m.stock.newScene(dir)
	if err != nil {
		o.err = err
		return o
	}
	defer c.close()
	if b.fresh {
		o.err = c.neverRan()
	}
	for i := range max(len(b.steps), len(b.after)) {
		if o.err == nil {
			o.err = m.disturb(c, &o, i)
		}
	}
	if o.err == nil {
		start := time.Now()
		if o.err = c.run(m.t.Context(), nil); o.err == nil {
			o.restarts++
			o.recovery, o.err = c.lastAnswer(start)
		}
	}
	if o.err == nil {
		o.err = c.judge(m.t.Context(), m.passphrase)
	}
	if o.err != nil {
		o.err = errors.Join(o.err, c.keep(m.t))
		return o
	}
	o.err = os.RemoveAll(dir)
	return o
}

// keep shows the log of a run that failed.
func (c *scene) keep(t *testing.T) error {
	b, err := os.ReadFile(filepath.Join(c.dir, "log.json"))
	if lines := strings.Split(string(b), "\n"); len(lines) > 40 {
		b = []byte(strings.Join(lines[len(lines)-40:], "\n"))
	}
	t.Logf("log of the run below:\n%s", b)
	return err
}

// disturb starts the daemon and strikes the ith blow.
func (m *matrix) disturb(c *scene, o *outcome, i int) error {
	steps := filepath.Join(c.dir, fmt.Sprintf("steps-%d", i))
	env := []string{stepsEnv + "=" + steps}
	if len(o.steps) > 0 {
		env = append(env, fmt.Sprintf("%s=%d %s", killEnv, o.steps[i], o.victim))
	}
	var out lastWords
	ctx, cancel := context.WithTimeout(m.t.Context(), 8*time.Minute)
	defer cancel()
	cmd := c.command(ctx, env, "run", "--until-idle")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	hits, stop := make(chan int, 1), make(chan struct{})
	if len(o.after) > 0 {
		go func() {
			if m.ripen(c, stop) {
				chase(cmd.Process.Pid, o.after[i], o.victim, stop, hits)
			}
		}()
	}
	err := cmd.Wait()
	close(stop) // at once: another process may get the number
	seen, hit, rerr := readSteps(steps)
	if len(o.after) > 0 {
		select {
		case n := <-hits:
			hit = n > 0 && (killed(err) || o.victim == onlyStore || o.victim == onlyWorker)
		default:
			hit = false // it was done before
		}
	}
	if hit || killed(err) {
		o.hits++
		at := "before the first step"
		if len(seen) > 0 {
			at = seen[len(seen)-1].point
		}
		o.points = append(o.points, at)
	}
	if err != nil && !killed(err) && (o.victim != onlyStore && o.victim != everything || !strings.Contains(out.String(), "embedded store")) { // its store may die a moment before it
		return fmt.Errorf("the daemon ended by itself: %w\n%s", err, out.String())
	}
	o.restarts++
	_, _, err = findPatients(c.dir, true)
	return errors.Join(rerr, err)
}

// ripen waits for the moment from which instants count.
func (m *matrix) ripen(c *scene, stop <-chan struct{}) bool {
	for m.ripe != nil && !m.ripe(c) {
		select {
		case <-stop:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

// chase strikes after a while, and again until there is something to hit.
func chase(daemon int, after time.Duration, victim string, stop <-chan struct{}, hits chan<- int) {
	for wait := time.After(after); ; wait = time.After(2 * time.Millisecond) {
		select {
		case <-stop:
			return
		case <-wait:
		}
		if n := strike(daemon, victim); n > 0 {
			hits <- n
			return
		}
	}
}

// lastAnswer is the time from a start to the last answer that the log tells of.
func (c *scene) lastAnswer(start time.Time) (time.Duration, error) {
	b, err := os.ReadFile(filepath.Join(c.dir, "log.json"))
	if err != nil {
		return 0, err
	}
	var last time.Time
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		var line struct {
			Time  time.Time
			Msg   string
			Stage string
		}
		if json.Unmarshal(s.Bytes(), &line) == nil && (line.Msg == "answered" || line.Stage == "intake") {
			last = line.Time
		}
	}
	return max(0, last.Sub(start)), nil
}

// report prints the line of figures and fails when too few blows hit.
func (m *matrix) report(name string, wantHits, wantPoints int) {
	m.t.Helper()
	hits, hitRuns, restarts := 0, 0, 0
	points := map[string]int{}
	var recovery []time.Duration
	for _, o := range m.done {
		hits += o.hits
		restarts += o.restarts
		if o.hits > 0 {
			hitRuns++
		}
		for _, p := range o.points {
			points[p]++
		}
		if o.recovery > 0 {
			recovery = append(recovery, o.recovery)
		}
	}
	slices.Sort(recovery)
	median, worst := time.Duration(0), time.Duration(0)
	if n := len(recovery); n > 0 {
		median, worst = recovery[n/2], recovery[n-1]
	}
	fmt.Printf("crash matrix %s: %d runs in %s, %d with a kill that hit, %d kills, %d without, %d distinct points, %d restarts, restart to last answer median %s, max %s\n",
		name, len(m.done), time.Since(m.began).Round(time.Second), hitRuns, hits, len(m.done)-hitRuns, len(points), restarts,
		median.Round(10*time.Millisecond), worst.Round(10*time.Millisecond))
	if hitRuns < wantHits || len(points) < wantPoints {
		m.t.Errorf("%d runs were hit at %d points; at least %d and %d are needed", hitRuns, len(points), wantHits, wantPoints)
	}
}

// countPoints runs a scene undisturbed and tells its steps.
func (m *matrix) countPoints(fresh bool) []step {
	m.t.Helper()
	const never = 1 << 30
	o := m.oneCounted(blow{steps: []int{never}, victim: onlyDaemon, fresh: fresh})
	return o
}

func (m *matrix) oneCounted(b blow) []step {
	m.t.Helper()
	dir := m.t.TempDir()
	c, err := m.stock.newScene(dir)
	must(m.t, err)
	defer c.close()
	if b.fresh {
		must(m.t, c.neverRan())
	}
	file := filepath.Join(dir, "steps")
	start := time.Now()
	must(m.t, c.run(m.t.Context(), []string{stepsEnv + "=" + file}))
	length, err := c.lastAnswer(start)
	must(m.t, err)
	if m.length == 0 || length < m.length {
		m.length = length
	}
	must(m.t, c.judge(m.t.Context(), m.passphrase))
	seen, _, err := readSteps(file)
	must(m.t, err)
	return seen
}

// instants are random moments of the time that a run takes here.
func instants(rng *rand.Rand, n int, within time.Duration, victims ...string) []blow {
	var out []blow
	for i := range n {
		b := blow{victim: victims[i%len(victims)], fresh: i%10 == 9}
		for range 1 + rng.IntN(3) {
			b.after = append(b.after, time.Duration(rng.Int64N(int64(within))))
		}
		out = append(out, b)
	}
	return out
}

func newRand(t *testing.T) *rand.Rand {
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed: -crash.seed=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestCrash ends the daemon at a few steps, so that a plain `go test` sees it
// too; the whole matrix is TestInteropCrashMatrix.
func TestCrash(t *testing.T) {
	t.Parallel()
	m := newMatrix(t, make(chan struct{}, 2))
	steps := m.countPoints(false)
	var blows []blow
	seen := map[string]bool{}
	for i, s := range steps {
		for _, want := range []string{"intake: recorded", "pack: sealed", "upload: stored", "record: recorded", "answer: placed"} {
			if s.point == want && !seen[want] {
				seen[want] = true
				blows = append(blows, blow{steps: []int{i + 1}, victim: everything})
			}
		}
	}
	m.strikeAll(blows)
	m.report("(a few steps)", len(blows), 1)
	if *crashRuns > 0 {
		m.strikeAll(instants(newRand(t), *crashRuns, m.length, everything, onlyDaemon, onlyStore, onlyWorker))
		m.report("(soak)", *crashRuns/2, 10)
	}
}
