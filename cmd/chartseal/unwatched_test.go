package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"chartseal/testdata/racing"
)

// unwatchedEnv names chartseal built without the race detector. Under the detector
// a process starts six times as slowly, and the stories start thousands. What is
// tested for races here is the daemon, so its helpers (the reader of PDFs, the
// embedded store, one scrypt) and commands that share nothing run this one; their
// packages have tests of their own under the detector.
const unwatchedEnv = "CHARTSEAL_TEST_UNWATCHED"

// unwatched are the commands that run without the detector; the daemon, send, link
// and revoke are not among them.
var unwatched = []string{"approve", "check", "demo", "form", "init", "key", "ledger", "open", "order", "redact", "status", "version"}

// useUnwatched has child processes run the binary of unwatchedEnv, if there is one.
func useUnwatched() {
	if file := os.Getenv(unwatchedEnv); file != "" {
		program = func() (string, error) { return file, nil }
	}
}

// buildUnwatched builds it, once, in the process that runs the tests; what it gives
// removes it.
func buildUnwatched() (remove func()) {
	if !racing.Enabled || os.Getenv(unwatchedEnv) != "" {
		return func() {}
	}
	dir, err := os.MkdirTemp("", "chartseal-unwatched-*")
	if err != nil {
		panic(err)
	}
	file := filepath.Join(dir, "chartseal.exe") // a name that every system runs
	build := exec.Command("go", "build", "-o", file, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	_ = os.Setenv(unwatchedEnv, file)
	useUnwatched()
	return func() { _ = os.RemoveAll(dir) }
}

// runUnwatched does what the unwatched binary is for and does not come back.
func runUnwatched(args []string) {
	file := os.Getenv(unwatchedEnv)
	if file == "" || len(args) == 0 || !slices.Contains(unwatched, args[0]) {
		return
	}
	cmd := exec.Command(file, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		panic(err)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}
