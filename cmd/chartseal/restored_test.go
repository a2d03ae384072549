package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/testdata/practice"
)

// The state folder, or the engine's database alone, is brought back from the day
// before, or the database is lost. An order sent since is not sent again when it is
// dropped again, its bundle stays where its link leads, and staff get an answer.
func TestAnOrderSentSinceTheBackupIsNotSentAgain(t *testing.T) {
	cfg := ownPractice(t)
	dir := t.TempDir() // of the copies
	who, _ := find("20871")
	order := map[string][]byte{"r.yaml": practice.OrderFor(who, "R-71", practice.OrderOptions{Now: time.Now()})}
	runUntilIdle(t, cfg, time.Now, nil)
	must(t, os.CopyFS(filepath.Join(dir, "yesterday"), os.DirFS(cfg.State)))
	runUntilIdle(t, cfg, time.Now, order)
	today := stored(t, cfg)
	must(t, os.CopyFS(filepath.Join(dir, "today"), os.DirFS(cfg.State)))

	for name, restore := range map[string]func(){
		"the folder": func() { must(t, os.CopyFS(cfg.State, os.DirFS(filepath.Join(dir, "yesterday")))) },
		"the database": func() {
			must(t, os.CopyFS(cfg.State, os.DirFS(filepath.Join(dir, "today"))))
			b, err := os.ReadFile(filepath.Join(dir, "yesterday", "engine.db"))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(cfg.State, "engine.db"), b, 0o600))
		},
		"all but the database": func() {
			must(t, os.CopyFS(cfg.State, os.DirFS(filepath.Join(dir, "today"))))
			must(t, os.Remove(filepath.Join(cfg.State, "engine.db")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, os.RemoveAll(cfg.State))
			must(t, os.RemoveAll(filepath.Join(cfg.Outbox, "held")))
			restore()
			before := stored(t, cfg)
			runUntilIdle(t, cfg, time.Now, order)
			if after := stored(t, cfg); len(after) != len(before) || len(today) != 2 {
				t.Errorf("%d objects in the store, and %d before", len(after), len(before))
			}
			why, err := os.ReadFile(filepath.Join(cfg.Outbox, "held", "R-71", "WHY-HELD.txt"))
			if err != nil || !strings.Contains(string(why), "already sent") {
				t.Errorf("%s, %v", why, err)
			}
			answers, err := os.ReadDir(filepath.Join(cfg.Outbox, "sent"))
			if err != nil || len(answers) != 1 {
				t.Errorf("%d answers, %v", len(answers), err)
			}
		})
	}
}

// A release that the lost database alone knew of, and whose order is gone, ends all
// the same.
func TestAForgottenReleaseEnds(t *testing.T) {
	cfg := ownPractice(t)
	runUntilIdle(t, cfg, time.Now, nil)
	file := filepath.Join(cfg.State, "releases", "abcdefghijkl.json")
	must(t, os.WriteFile(file, []byte(`{"id":"abcdefghijkl","claim":"1234567890abc","order_sha256":"00"}`), 0o600))
	runUntilIdle(t, cfg, time.Now, nil)
	b, err := os.ReadFile(file)
	must(t, err)
	if !strings.Contains(string(b), `"outcome": "held"`) {
		t.Errorf("%s", b)
	}
	log, err := filepath.Glob(filepath.Join(cfg.State, "ledger", "*.jsonl"))
	must(t, err)
	if b, err = os.ReadFile(log[0]); err != nil || strings.Count(string(b), `"event":"withdrawn"`) != 1 {
		t.Errorf("%s, %v", b, err)
	}
}
