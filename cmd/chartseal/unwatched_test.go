package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

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
	file, remove, err := racing.Shipped(context.Background())
	if err != nil {
		panic(err)
	}
	_ = os.Setenv(unwatchedEnv, file)
	useUnwatched()
	return remove
}

// daemonStory tells whether a story runs the daemon. Those are watched; in any other
// runs one command after the other, which does what the daemon does, and it starts the
// unwatched binary at once.
func daemonStory(story string) (bool, error) {
	text, err := os.ReadFile(filepath.Join("testdata", "script", story+".txtar"))
	return bytes.Contains(text, []byte("\nchartseal run ")), err
}

// unwatchedStory puts the unwatched binary first into the path of a story without a daemon.
func unwatchedStory(env *testscript.Env) error {
	file := os.Getenv(unwatchedEnv)
	watched, err := daemonStory(strings.TrimPrefix(filepath.Base(env.WorkDir), "script-"))
	if err == nil && !watched && file != "" {
		env.Setenv("PATH", filepath.Dir(file)+string(filepath.ListSeparator)+env.Getenv("PATH"))
	}
	return err
}

func TestStoriesOfTheDaemonAreWatched(t *testing.T) {
	for story, want := range map[string]bool{"daemon": true, "send": true, "waiting": true, "withdrawn": true, "approve": false} {
		if got, err := daemonStory(story); got != want || err != nil {
			t.Errorf("%s: watched %v, %v", story, got, err)
		}
	}
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
