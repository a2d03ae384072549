package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/heads"
	"chartseal/ledger"
	"chartseal/transport"
)

// looks are what a person sees of the ledger while no daemon runs.
func (k *bookkeeper) looks(t *testing.T) map[string]error {
	t.Helper()
	k.cfg.Recipients = filepath.Join(t.TempDir(), "recipients.yaml")
	if err := os.WriteFile(k.cfg.Recipients, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	opts := Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	_, verify := VerifyLedger(t.Context(), k.cfg, opts)
	_, report := MakeAccounting(t.Context(), k.cfg, AccountingRequest{Patient: "1", On: time.Now()}, time.Now())
	var check error
	examineLedger(t.Context(), k.cfg, time.Now(), func(_ string, level transport.Level, format string, args ...any) {
		if level == transport.Problem {
			check = fmt.Errorf("%w: "+strings.ReplaceAll(format, "%v", "%s"), append([]any{ledger.ErrBroken}, args...)...)
		}
	})
	return map[string]error{"verify": verify, "report": report, "check": check}
}

// rewrite writes the ledger anew from nothing, by another key.
func (k *bookkeeper) rewrite(t *testing.T) {
	t.Helper()
	dir := k.state.path("ledger")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Append(t.Context(), ledger.Entry{Key: "x/held", Event: ledger.Held, Order: "R-x"})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
}

// A ledger that was written anew, or deleted, is found also where the public key was
// deleted, damaged or replaced with it.
func TestALedgerThatWasWrittenAnew(t *testing.T) {
	remove := func(name ...string) func(*bookkeeper) error {
		return func(k *bookkeeper) error { return os.RemoveAll(k.state.path(name...)) }
	}
	for name, meddle := range map[string]func(*bookkeeper) error{
		"":                          func(*bookkeeper) error { return nil },
		"the public key is deleted": remove("keys", "practice.pub"),
		"both keys are deleted":     remove("keys"),
		"the public key is damaged": func(k *bookkeeper) error {
			return os.WriteFile(k.state.path("keys", "practice.pub"), []byte("x"), 0o600)
		},
		"the public key is replaced": func(k *bookkeeper) error {
			other, err := openState(k.cfg.State + "-2")
			if err != nil {
				return err
			}
			text, err := os.ReadFile(other.path("keys", "practice.pub"))
			return errors.Join(err, other.close(), os.WriteFile(k.state.path("keys", "practice.pub"), text, 0o600))
		},
		"the ledger is deleted": remove("ledger"),
	} {
		t.Run(name, func(t *testing.T) {
			k := keepBooks(t, t.TempDir(), &shelf{all: map[string][]byte{}})
			k.write(t, "a", "b")
			k.close(t)
			for what, err := range k.looks(t) {
				if err != nil {
					t.Errorf("whole, and %s says %v", what, err)
				}
			}
			k.rewrite(t)
			if err := meddle(k); err != nil {
				t.Fatal(err)
			}
			for what, err := range k.looks(t) {
				if !errors.Is(err, ledger.ErrBroken) {
					t.Errorf("%s says %v", what, err)
				}
			}
		})
	}
}

// Without the public key alone nothing is lost: it is half of the other.
func TestAPublicKeyThatIsMissingIsNoAlarm(t *testing.T) {
	k := keepBooks(t, t.TempDir(), &shelf{all: map[string][]byte{}})
	k.write(t, "a")
	k.close(t)
	if err := os.Remove(k.state.path("keys", "practice.pub")); err != nil {
		t.Fatal(err)
	}
	for what, err := range k.looks(t) {
		if err != nil {
			t.Errorf("%s says %v", what, err)
		}
	}
}

// Before the first start there is nothing to be compared.
func TestBeforeTheFirstStart(t *testing.T) {
	k := &bookkeeper{Practice: &Practice{state: &state{}}}
	dir := t.TempDir()
	first := keepBooks(t, dir, &shelf{all: map[string][]byte{}})
	first.close(t)
	k.cfg, k.state.dir = first.cfg, filepath.Join(dir, "other")
	k.cfg.State = k.state.dir
	for what, err := range k.looks(t) {
		if (err != nil) != (what == "verify") || errors.Is(err, ledger.ErrBroken) {
			t.Errorf("%s says %v", what, err)
		}
	}
}

// Heads that were deleted in the store are missed, and orders go on with a ledger that is
// as it was; with an older one they do not, for the state folder remembers, too.
func TestHeadsDeletedInTheStore(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	dir := t.TempDir()
	k := keepBooks(t, dir, s)
	k.write(t, "a", "b")
	k.close(t)
	bringBack := backUp(t, k.state.path("ledger"))
	k = keepBooks(t, dir, s)
	k.write(t, "c")
	k.close(t)

	maps.DeleteFunc(s.all, func(string, []byte) bool { return true })
	k = keepBooks(t, dir, s)
	if k.ledgerBroken.Load() || !strings.Contains(k.log.String(), "alert=heads") {
		t.Errorf("a whole ledger: %s", k.log)
	}
	eventuallyTrue(t, "they are copied anew", func() bool { return len(s.copy()) == 2 })
	k.close(t)

	maps.DeleteFunc(s.all, func(string, []byte) bool { return true })
	bringBack()
	k = keepBooks(t, dir, s)
	if !k.ledgerBroken.Load() {
		t.Errorf("an older ledger: %s", k.log)
	}
	if _, err := k.AcceptLedger(context.Background(), Acceptance{Decider: Decider{By: "IT"}, Reason: "restored"}); err != nil || k.ledgerBroken.Load() {
		t.Errorf("it is not accepted: %v", err)
	}
	k.close(t)
	k.cfg.Store.Bucket = "another" // a practice that moves is not warned
	moved := keepBooks(t, dir, &shelf{all: map[string][]byte{}})
	if moved.ledgerBroken.Load() {
		t.Errorf("%s", moved.log)
	}
	moved.close(t)
}

// The newest head in the store is replaced although the entry has the same number.
func TestTheNewestHeadIsComparedByItsHash(t *testing.T) {
	s := &shelf{all: map[string][]byte{}}
	dir := t.TempDir()
	k := keepBooks(t, dir, s)
	k.write(t, "a", "b")
	k.close(t)
	bringBack := backUp(t, k.state.path("ledger"))
	k = keepBooks(t, dir, s)
	k.write(t, "c")
	k.close(t)
	bringBack()
	k = keepBooks(t, dir, s)
	if _, err := k.AcceptLedger(t.Context(), Acceptance{Decider: Decider{By: "IT"}, Reason: "restored"}); err != nil { // as entry 3, too
		t.Fatal(err)
	}
	eventuallyTrue(t, "the newest head is the one of now", func() bool {
		h, err := ledger.ParseHead(s.copy()[headPlace(k.cfg, k.state.pub)+heads.Latest], k.state.pub)
		return err == nil && h.Head == k.ledger.Head()
	})
	k.close(t)
}
