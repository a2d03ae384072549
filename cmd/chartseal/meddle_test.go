package main

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"chartseal"
	"chartseal/ledger"
	"chartseal/testdata/practice"
)

// Staff reach into working/ while an order is packed: they delete what chartseal
// noted there, or take the order out and drop it again. The release that was
// begun ends in the ledger, and the order is sent all the same, once.
func TestStaffReachIntoTheWorkingFolder(t *testing.T) {
	t.Parallel()
	for name, meddle := range map[string]func(t *testing.T, outbox, claim string){
		"notes deleted": func(t *testing.T, _, claim string) { must(t, os.RemoveAll(filepath.Join(claim, ".notes"))) },
		"dropped again": func(t *testing.T, outbox, claim string) {
			must(t, os.Rename(filepath.Join(claim, "r.yaml"), filepath.Join(outbox, "r.yaml")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := ownPractice(t)
			who, _ := find("20871")
			must(t, os.WriteFile(filepath.Join(cfg.Outbox, "r.yaml"), practice.OrderFor(who, "R-72", practice.OrderOptions{Now: time.Now()}), 0o600))
			opts := (&app{}).options(nil)
			var once sync.Once
			opts.Step = func(_, stage, point string) {
				if stage == "pack" && point == "noted" {
					once.Do(func() {
						claims, err := filepath.Glob(filepath.Join(cfg.Outbox, "working", "*"))
						if err != nil || len(claims) != 1 {
							t.Errorf("%v, %v", claims, err)
							return
						}
						meddle(t, cfg.Outbox, claims[0])
					})
				}
			}
			p, err := chartseal.Open(t.Context(), cfg, opts)
			must(t, err)
			must(t, p.Run(t.Context(), true))
			must(t, p.Close())
			if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{ledger.Withdrawn, ledger.Sent}) {
				t.Errorf("the ledger says %v", got)
			}
			if _, err := os.Stat(filepath.Join(cfg.Outbox, "sent", "R-72", "receipt.json")); err != nil {
				t.Error(err)
			}
			if held, _ := os.ReadDir(filepath.Join(cfg.Outbox, "held")); len(held) != 0 {
				t.Errorf("held: %v", held)
			}
			if objects := stored(t, cfg); len(objects) != 2 {
				t.Errorf("%d objects in the store, want the bundle and its page", len(objects))
			}
		})
	}
}
