package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"chartseal/watch"
)

// What a blow ends.
const (
	everything = "everything" // the store and the workers first, then the daemon
	onlyDaemon = "daemon"     // the children see their standard input end
	onlyStore  = "store"
	onlyWorker = "worker"
	claims     = "claims" // no process: somebody deletes what lies in working/
)

// Read by the test binary when it runs as chartseal, and never by chartseal:
// the file that gets a line for every step, and the blow, "N VICTIM" for the Nth
// step or "repeat VICTIM" for the one after a repeat's ledger line.
const (
	stepsEnv = "CHARTSEAL_TEST_STEPS"
	killEnv  = "CHARTSEAL_TEST_KILL"
	atRepeat = "repeat"
)

// countSteps makes chartseal in this process note its steps, and end itself at one.
func countSteps() {
	file := os.Getenv(stepsEnv)
	if file == "" {
		return
	}
	at, victim, _ := strings.Cut(os.Getenv(killEnv), " ")
	fatal, _ := strconv.Atoi(at)
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		panic(err)
	}
	var mu sync.Mutex
	n := 0
	onStep = func(release, stage, point string) {
		mu.Lock() // a blow ends other releases at any point, not at a step
		defer mu.Unlock()
		n++
		fmt.Fprintf(f, "%d\t%s\t%s: %s\n", n, release, stage, point)
		repeated := at == atRepeat && stage == "intake" && point == "recorded" && strings.Contains(release, watch.Apart)
		if n != fatal && !repeated {
			return
		}
		if victim == claims {
			deleteClaims()
		}
		if victim == claims || strike(os.Getpid(), victim) > 0 {
			fmt.Fprintf(f, "hit\t%s\n", victim)
		}
	}
}

// deleteClaims empties working/ of the practice on the command line.
func deleteClaims() {
	at := slices.Index(os.Args, "-c")
	found, err := filepath.Glob(filepath.Join(filepath.Dir(os.Args[at+1]), "outbox", "working", "*"))
	if err != nil || len(found) == 0 {
		panic("no claims")
	}
	for _, dir := range found {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}
}

// strike kills a daemon, its children, or both, and counts the processes it hit.
func strike(daemon int, victim string) (hit int) {
	if victim != onlyDaemon {
		for pid, kind := range childrenOf(daemon) {
			if victim == everything || victim == kind {
				hit += sigkill(pid)
			}
		}
	}
	if victim == everything || victim == onlyDaemon {
		hit += sigkill(daemon)
	}
	return hit
}

func sigkill(pid int) int {
	p, err := os.FindProcess(pid)
	if err != nil || p.Kill() != nil {
		return 0
	}
	return 1
}

// childrenOf tells the children of a process by their first argument. Where
// there is no /proc it finds none, and they end with their standard input.
func childrenOf(parent int) map[int]string {
	found := map[int]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // state, parent, …
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		args := strings.Split(string(line), "\x00")
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && len(args) > 1 {
			found[pid] = args[1]
		}
	}
	return found
}

// killed reports whether a process ended by SIGKILL.
func killed(err error) bool {
	e, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := e.Sys().(syscall.WaitStatus)
	if runtime.GOOS == "windows" {
		return ok && status.ExitStatus() == 1
	}
	return ok && signalled(status)
}

// step is a line of the file of steps.
type step struct {
	release string
	point   string // "stage: point"
}

// readSteps reads what countSteps wrote, and whether a blow hit.
func readSteps(file string) (steps []step, hit bool, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil // it ended before the first step
	}
	if err != nil {
		return nil, false, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case f[0] == "hit":
			hit = true
		case len(f) == 3:
			steps = append(steps, step{f[1], f[2]})
		}
	}
	return steps, hit, nil
}
