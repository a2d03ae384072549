package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"chartseal/testdata/practice"
)

// A daemon that cannot leave word for commands releases all the same.
func TestOrdersGoOnWithoutCommands(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	must(t, os.MkdirAll(filepath.Join(cfg.State, "control.json", "taken"), 0o700))
	who, _ := find("20871")
	text := practice.OrderFor(who, "R-81", practice.OrderOptions{Now: time.Now(), Kinds: []string{"radiograph"}})
	must(t, os.WriteFile(filepath.Join(cfg.Outbox, "r.yaml"), text, 0o600))
	a := &app{configFile: filepath.Join(filepath.Dir(cfg.State), "chartseal.yaml")}
	must(t, a.keepRunning(t.Context(), true))
	if _, err := os.Stat(filepath.Join(cfg.Outbox, "sent", "R-81", "receipt.json")); err != nil {
		t.Error(err)
	}
}
