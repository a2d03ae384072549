//go:build interop

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// durableCalls are the system calls that change what a crash leaves.
var durableCalls = []string{
	"fsync", "fdatasync", "renameat", "renameat2", "rename", "linkat", "link", "unlinkat", "unlink", "mkdirat", "mkdir",
	"ftruncate", "pwrite64", "fsetxattr", "fchmod",
}

// builtBinary is chartseal as it is shipped.
func builtBinary(t *testing.T) string {
	t.Helper()
	exe, err := linked()
	must(t, err)
	return exe
}

// linked builds it once, in the folder that is removed after the last test.
var linked = sync.OnceValues(func() (string, error) {
	if err := makeMaster(); err != nil {
		return "", err
	}
	exe := filepath.Join(master, "chartseal")
	if out, err := exec.Command("go", "build", "-o", exe, ".").CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return exe, nil
})

// traced makes a scene's daemon and its children run under strace.
func (c *scene) traced(exe, trace string, calls []string, more ...string) {
	c.binary = exe
	c.wrap = append([]string{
		"strace", "-f", "-q", "-y", "-o", trace, "-e", "trace=" + strings.Join(calls, ","), "-e", "signal=kill",
	}, more...)
}

// traceLine is "TID call(…": what a trace tells of a call.
var traceLine = regexp.MustCompile(`^(\d+) +([a-z0-9]+)\(`)

// callsOf counts the calls of each thread, which is how strace counts too, and
// returns the most that one thread made.
func callsOf(t *testing.T, trace string) map[string]int {
	t.Helper()
	b, err := os.ReadFile(trace)
	must(t, err)
	each := map[string]int{}
	for line := range strings.Lines(string(b)) {
		if m := traceLine.FindStringSubmatch(line); m != nil {
			each[m[2]+" "+m[1]]++
		}
	}
	most := map[string]int{}
	for key, n := range each {
		call, _, _ := strings.Cut(key, " ")
		most[call] = max(most[call], n)
	}
	return most
}

var (
	tracedPath = regexp.MustCompile(`practice/([^">]*)`)
	anyName    = regexp.MustCompile(`[0-9a-z]{8,}[0-9a-z.]*|\d{5,}`)
)

// lastCall names the call that a trace ends with, and the file, without what is
// random in it.
func lastCall(trace string) (string, error) {
	b, err := os.ReadFile(trace)
	if err != nil {
		return "", err
	}
	last := ""
	for line := range strings.Lines(string(b)) {
		m := traceLine.FindStringSubmatch(line)
		if m == nil || !strings.Contains(line, "= ?") && !strings.Contains(line, "unfinished") {
			continue
		}
		last = m[2]
		if at := tracedPath.FindStringSubmatch(line); at != nil {
			last += " " + anyName.ReplaceAllString(at[1], "*")
		}
	}
	return last, nil
}

// TestInteropCrashSyscalls ends the shipped binary, or its store, right before
// the Nth durable system call of a thread, for every call and others of the N each time
// (every N with -crash.every 1).
func TestInteropCrashSyscalls(t *testing.T) {
	t.Parallel()
	need(t, "strace", "pdftotext")
	m := newMatrix(t, crashSlots())
	m.passphrase = wordsOf
	exe := builtBinary(t)

	first, err := m.stock.newScene(t.TempDir())
	must(t, err)
	trace := filepath.Join(first.dir, "trace")
	first.traced(exe, trace, durableCalls, "--seccomp-bpf")
	must(t, first.run(t.Context(), nil))
	must(t, first.judge(t.Context(), wordsOf))
	first.close()
	most := callsOf(t, trace)
	t.Logf("most calls of one thread: %v", most)

	type kill struct {
		call string
		n    int
	}
	var kills []kill
	rng := newRand(t)
	for _, call := range durableCalls {
		for low, width := 1, 1; low <= most[call]; low += width { // all of the first ones, then thinner
			width = min(low, *crashEvery)
			kills = append(kills, kill{call, low + rng.IntN(min(width, most[call]-low+1))})
		}
	}
	m.each(len(kills), func(i int) outcome {
		k := kills[i]
		return m.under(exe, fmt.Sprintf("%s:signal=KILL:when=%d", k.call, k.n), []string{k.call})
	})
	m.report("(system calls)", len(kills)*2/3, 20)
}

// under runs a scene under strace with an injection, then in peace, then the oracle.
func (m *matrix) under(exe, inject string, calls []string) (o outcome) {
	dir, err := os.MkdirTemp(m.stock.dir, "run-*")
	if err == nil {
		defer func() {
			if o.err == nil {
				o.err = os.RemoveAll(dir)
			} else {
				o.err = fmt.Errorf("%s: %w", inject, o.err)
			}
		}()
	}
	c, err2 := m.stock.newScene(dir)
	if err = errors.Join(err, err2); err != nil {
		o.err = err
		return o
	}
	defer c.close()
	trace := filepath.Join(dir, "trace")
	c.traced(exe, trace, calls, "-e", "inject="+inject) // with --seccomp-bpf it injects no signals
	var first time.Time                                 // that anything was killed
	seen := func() bool {
		if b, _ := os.ReadFile(trace); first.IsZero() && bytes.Contains(b, []byte("killed by SIGKILL")) { // it may not be there yet
			first = time.Now()
		}
		return !first.IsZero() && time.Since(first) > 5*time.Second
	}
	if _, o.err = m.untilKilled(c, 4*time.Minute, seen); o.err != nil {
		return o
	}
	b, err := os.ReadFile(trace)
	o.hits = strings.Count(string(b), "(INJECTED)") + strings.Count(string(b), "killed by SIGKILL")
	if o.hits > 0 {
		at, err := lastCall(trace)
		o.points, o.err = append(o.points, at), err
	}
	_, _, perr := findPatients(dir, true)
	if o.err = errors.Join(o.err, err, perr); o.err != nil {
		return o
	}
	c.wrap = nil
	start := time.Now()
	if o.err = c.run(m.t.Context(), nil); o.err == nil {
		o.restarts++
		o.recovery, o.err = c.lastAnswer(start)
	}
	if o.err == nil {
		o.err = c.judge(m.t.Context(), m.passphrase)
	}
	if o.err != nil {
		o.err = errors.Join(o.err, c.keep(m.t))
	}
	return o
}

// untilKilled runs under strace until the daemon ends. A store that is killed dies
// again at the same call, and threads that come later fail as the first ones did:
// so the daemon is ended when that was seen often enough, or patience is at its end.
func (m *matrix) untilKilled(c *scene, patience time.Duration, enough func() bool) (ended bool, err error) {
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	var out lastWords
	cmd := c.command(context.WithoutCancel(ctx), nil, "run", "--until-idle")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return false, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for running := true; running; {
		select {
		case err = <-done:
			running = false
		case <-time.After(100 * time.Millisecond):
			if ctx.Err() != nil || enough() {
				ended = true
				for pid := range childrenOf(cmd.Process.Pid) {
					strike(pid, everything)
				}
			}
		}
	}
	if err != nil && !killed(err) && !strings.Contains(out.String(), "embedded store") {
		return ended, fmt.Errorf("the daemon ended by itself: %w\n%s", err, out.String())
	}
	return ended, nil
}
