package chartseal

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"chartseal/transport"
	"chartseal/transport/localstore"
)

// A person who gives check as another account is told that, and is not alarmed by what that
// account cannot see.
func TestCheckByAnotherAccount(t *testing.T) {
	cfg := inPractice(t)
	if err := os.Chmod(cfg.State, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(cfg.State, 0o700) })
	got := make(chan []transport.Finding)
	go func() {
		if os.Geteuid() == 0 { // who may read everything
			runtime.LockOSThread() // for good: the thread ends with this goroutine
			if err := unix.Setfsuid(65534); err != nil {
				t.Error(err)
			}
		}
		got <- Examine(t.Context(), cfg, quiet())
	}()
	var closed found
	for _, f := range <-got {
		closed = append(closed, f)
		switch f.Check {
		case "daemon", "keys", "ledger", "engine", "backup":
			t.Errorf("%s was looked at: %s", f.Check, f.Message)
		}
	}
	if !closed.has("state", transport.Problem, "as chartseal's own account") || closed.has("state", transport.Problem, "cannot be written") {
		t.Errorf("%+v", closed)
	}
	if said := storeAdvice(cfg, fmt.Errorf("start: %w", localstore.ErrPortTaken)); !strings.Contains(said, "Stop that program") || !strings.Contains(said, "store.json") {
		t.Error(said)
	}
}
