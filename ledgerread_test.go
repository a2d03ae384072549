package chartseal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/ledger"
)

// Nothing is told from a ledger whose end was cut off, and whose chain so holds.
func TestATellerLooksAtTheSignedHeadFirst(t *testing.T) {
	dir := t.TempDir()
	k := keepBooks(t, dir, &shelf{all: map[string][]byte{}})
	k.cfg.Recipients = filepath.Join(dir, "book.yaml")
	if err := os.WriteFile(k.cfg.Recipients, []byte("# nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k.write(t, "a")
	file := filepath.Join(k.cfg.State, "ledger", time.Now().UTC().Format("2006")+".jsonl")
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	k.write(t, "b")
	k.close(t)
	if rep, err := SignedLedger(t.Context(), k.cfg); err != nil || rep.Head.Seq != 2 || rep.Signed == nil {
		t.Errorf("whole: %+v, %v", rep, err)
	}
	if err := os.WriteFile(file, first, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = SignedLedger(t.Context(), k.cfg)
	if broken, ok := errors.AsType[*ledger.BrokenError](err); !ok || broken.Fault != ledger.Cut {
		t.Errorf("cut: %v", err)
	}
	if _, err := MakeAccounting(t.Context(), k.cfg, AccountingRequest{Patient: "1", On: time.Now()}, time.Now()); !errors.Is(err, ledger.ErrBroken) {
		t.Errorf("an accounting from it: %v", err)
	}
	if err := os.WriteFile(filepath.Join(k.cfg.State, "keys", "practice.pub"), []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := SignedLedger(t.Context(), k.cfg); err == nil {
		t.Error("a damaged key: nothing was found")
	}
	if rep, err := SignedLedger(t.Context(), &config.Config{State: t.TempDir()}); err != nil || rep.Head.Seq != 0 {
		t.Errorf("before the first start: %+v, %v", rep, err)
	}
}
