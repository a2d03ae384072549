package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/ledger"
)

// A sealed file that is deleted before it is on the drive holds the order. Deleted
// after the ledger has its line, it changes nothing: the drive has its copy.
func TestADeletedSealedFileAndTheDrive(t *testing.T) {
	t.Parallel()
	for point, want := range map[string]ledger.Event{"pack noted": ledger.Held, "record recorded": ledger.Sent} {
		t.Run(point, func(t *testing.T) {
			cfg := ownPractice(t, `export: ""`, "export: drive")
			must(t, os.Mkdir(cfg.Export, 0o700))
			order := strings.Replace(string(patientAccess("10432", "R-75", time.Now(), "billing")), "delivery: link", "delivery: folder", 1)
			must(t, os.WriteFile(filepath.Join(cfg.Outbox, "r.yaml"), []byte(order), 0o600))
			opts := (&app{}).options(nil)
			opts.Step = func(_, stage, at string) {
				if stage+" "+at == point {
					sealed, _ := filepath.Glob(filepath.Join(cfg.State, "sealed", "*"))
					if len(sealed) != 1 || os.Remove(sealed[0]) != nil {
						t.Errorf("sealed: %v", sealed)
					}
				}
			}
			p, err := chartseal.Open(t.Context(), cfg, opts)
			must(t, err)
			must(t, p.Run(t.Context(), true))
			must(t, p.Close())
			if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{want}) {
				t.Errorf("the ledger says %v", got)
			}
			answers, _ := filepath.Glob(filepath.Join(cfg.Outbox, string(want), "R-75", "*.json"))
			drive, _ := filepath.Glob(filepath.Join(cfg.Export, "*"))
			if len(answers) != 1 || len(drive) != map[ledger.Event]int{ledger.Held: 0, ledger.Sent: 2}[want] {
				t.Errorf("answers %d, on the drive %d", len(answers), len(drive))
			}
		})
	}
}
