package chartseal

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
)

// TestABrokenLedgerStopsEveryRelease: what is changed behind the daemon's back is
// found by its daily look, and said to IT and to staff (rule R31).
func TestABrokenLedgerStopsEveryRelease(t *testing.T) {
	dir := t.TempDir()
	l, err := ledger.Open(filepath.Join(dir, "ledger"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a/held", "b/held", "c/held"} {
		if _, err := l.Append(t.Context(), ledger.Entry{Key: key, Event: ledger.Held, Order: "R-" + key}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	p := &Practice{
		cfg: &config.Config{Recipients: filepath.Join(dir, "none.yaml")}, state: &state{dir: dir}, log: slog.New(slog.NewTextHandler(&log, nil)),
		opts: Options{Now: time.Now},
	}
	p.lookAtLedger(t.Context())
	if p.ledgerBroken.Load() || log.Len() > 0 {
		t.Fatalf("a whole ledger is called broken: %s", log.String())
	}
	file, err := filepath.Glob(filepath.Join(dir, "ledger", "*.jsonl"))
	if err != nil || len(file) != 1 {
		t.Fatal(file, err)
	}
	text, err := os.ReadFile(file[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file[0], bytes.Replace(text, []byte("R-b/held"), []byte("R-x/held"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	p.lookAtLedger(t.Context())
	if !strings.Contains(log.String(), "alert=ledger") || strings.Contains(log.String(), "R-x") {
		t.Errorf("the log says %q", log.String())
	}
	o := &order.Order{Decision: order.Release, Basis: order.Treatment}
	for _, r := range order.Stopping(order.Evaluate(o, p.Facts(o, order.AtUpload))) {
		if r.Rule == "R31" {
			return
		}
	}
	t.Error("R31 does not stop the order")
}
