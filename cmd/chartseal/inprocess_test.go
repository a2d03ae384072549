package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
)

// ownPractice makes a small practice whose daemon runs in the test's own process;
// changes are pairs of texts of its configuration, old and new.
func ownPractice(t *testing.T, changes ...string) *config.Config {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "p")
	must(t, smallPractice(dir))
	file := filepath.Join(dir, "chartseal.yaml")
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte(strings.NewReplacer(changes...).Replace(string(text))), 0o600))
	cfg, err := config.Load(file)
	must(t, err)
	return cfg
}

// runUntilIdle drops orders and lets the daemon work until all are answered.
func runUntilIdle(t *testing.T, cfg *config.Config, now func() time.Time, drop map[string][]byte) {
	t.Helper()
	for name, data := range drop {
		must(t, os.WriteFile(filepath.Join(cfg.Outbox, name), data, 0o600))
	}
	opts := (&app{}).options(nil)
	opts.Now = now
	p, err := chartseal.Open(context.Background(), cfg, opts)
	must(t, err)
	must(t, p.Run(t.Context(), true))
	must(t, p.Close())
}

// stored lists the objects of the embedded store.
func stored(t *testing.T, cfg *config.Config) []string {
	t.Helper()
	objects, err := filepath.Glob(filepath.Join(cfg.State, "store", "data", "chartseal", "[0-9a-z]*"))
	must(t, err)
	return slices.DeleteFunc(objects, func(name string) bool { return filepath.Base(name) == "heads" }) // of the ledger
}

// ledgerEvents are the events in the ledger, in their order.
func ledgerEvents(t *testing.T, cfg *config.Config) (events []ledger.Event) {
	t.Helper()
	for e, err := range ledger.Entries(t.Context(), filepath.Join(cfg.State, "ledger")) {
		must(t, err)
		events = append(events, e.Event)
	}
	return events
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
