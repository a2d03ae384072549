package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/testdata/practice"
)

// A clock that has jumped ahead by years must not delete what is still needed:
// the store's clock disagrees.
func TestAClockThatJumpsAheadDeletesNothing(t *testing.T) {
	childEnv = []string{"CHARTSEAL_TEST_CHILD=1"}
	dir := filepath.Join(t.TempDir(), "p")
	_, err := buildPractice(t.Context(), dir, practice.Options{Small: true, Now: time.Now()})
	must(t, err)
	cfg, err := config.Load(filepath.Join(dir, "chartseal.yaml"))
	must(t, err)
	who, _ := find("20871")
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": practice.OrderFor(who, "R-70", practice.OrderOptions{Now: time.Now()})})
	before := stored(t, cfg)
	if len(before) != 2 {
		t.Fatalf("%d objects in the store, want the bundle and its page", len(before))
	}
	runUntilIdle(t, cfg, func() time.Time { return time.Now().AddDate(3, 0, 0) }, nil)
	if after := stored(t, cfg); len(after) != 2 {
		t.Fatalf("%d objects are left of 2", len(after))
	}
}

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
	return objects
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
