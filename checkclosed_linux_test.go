package chartseal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"chartseal/durable"
	"chartseal/transport"
	"chartseal/transport/localstore"
)

// nobody is an account without rights.
const nobody = 65534

// asAnother does something without the rights of root, who may read everything.
func asAnother(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Geteuid() == 0 {
			runtime.LockOSThread() // for good: the thread ends with this goroutine
			if err := unix.Setfsuid(nobody); err != nil {
				t.Error(err)
			}
		}
		do()
	}()
	<-done
}

// A restore by root that was killed keeps the daemon's account from nothing: neither before
// it counted nor after.
func TestARestoreByRootThatWasKilled(t *testing.T) {
	for _, counts := range []bool{false, true} {
		h := newHouse(t)
		s := &state{dir: h.cfg.State}
		if os.Geteuid() == 0 {
			if err := errors.Join(os.Chmod(filepath.Dir(filepath.Dir(filepath.Dir(s.dir))), 0o755), os.Chmod(filepath.Dir(filepath.Dir(s.dir)), 0o755), os.Chmod(filepath.Dir(s.dir), 0o755), os.Lchown(s.dir, nobody, nobody), durable.HandBack(s.dir, ".")); err != nil {
				t.Fatal(err)
			}
		}
		in := s.path(incomingDir, "keys")
		if err := errors.Join(os.MkdirAll(in, 0o700), os.WriteFile(filepath.Join(in, "practice.new"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		if counts {
			if err := errors.Join(durable.HandBack(s.dir, incomingDir), s.beginRestore(asideDir+"x")); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Chmod(in, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(in, 0o700) })
		asAnother(t, func() {
			if counts {
				if err := s.finishRestore(); err != nil {
					t.Error(err)
				}
			} else if err := s.sweep(); err != nil {
				t.Error(err)
			}
		})
		if _, err := os.Stat(s.path("keys", "practice.new")); counts != (err == nil) {
			t.Errorf("restored: %v", err)
		}
	}
}

// A person who gives check as another account is told that, and is not alarmed by what that
// account cannot see.
func TestCheckByAnotherAccount(t *testing.T) {
	cfg := inPractice(t)
	if err := os.Chmod(cfg.State, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(cfg.State, 0o700) })
	var got, closed transport.Findings
	asAnother(t, func() { got = Examine(t.Context(), cfg, quiet()) })
	for _, f := range got {
		closed = append(closed, f)
		switch f.Check {
		case "daemon", "keys", "ledger", "engine", "backup":
			t.Errorf("%s was looked at: %s", f.Check, f.Message)
		}
	}
	if !closed.Has("state", transport.Problem, "as chartseal's own account") || closed.Has("state", transport.Problem, "cannot be written") {
		t.Errorf("%+v", closed)
	}
	if said := storeAdvice(cfg, fmt.Errorf("start: %w", localstore.ErrPortTaken)); !strings.Contains(said, "Stop that program") || !strings.Contains(said, "store.json") {
		t.Error(said)
	}
}
