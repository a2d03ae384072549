package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"chartseal"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/testdata/practice"
)

// A revoke that ended before anything was deleted is finished by the daemon, and
// recorded once; no new link is made meanwhile.
func TestARevokeCutShortIsFinished(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	who, _ := find("20871")
	text := practice.OrderFor(who, "R-74", practice.OrderOptions{Now: time.Now()})
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": text})
	o, err := order.Parse("r.yaml", text)
	must(t, err)

	opts := (&app{}).options(nil)
	ctx, cancel := context.WithCancel(t.Context())
	opts.Step = func(_, stage, _ string) {
		if stage == "revoke" {
			cancel()
		}
	}
	p, err := chartseal.Open(t.Context(), cfg, opts)
	must(t, err)
	if _, err := p.Revoke(ctx, "R-74"); err == nil {
		t.Fatal("not cut short")
	}
	if _, err := p.Relink(t.Context(), o, text, time.Hour); !errors.Is(err, chartseal.ErrRevoked) {
		t.Errorf("a new link: %v", err)
	}
	must(t, p.Close())
	if n := len(stored(t, cfg)); n != 2 {
		t.Fatalf("%d objects are left when it was cut short", n)
	}
	for range 2 {
		runUntilIdle(t, cfg, time.Now, nil)
	}
	if n := len(stored(t, cfg)); n != 0 {
		t.Errorf("%d objects are left", n)
	}
	if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{ledger.Sent, ledger.Revoked}) {
		t.Errorf("the ledger says %v", got)
	}
	for _, name := range []string{"receipt.json", "WITHDRAWN.txt"} {
		if _, err := os.Stat(filepath.Join(cfg.Outbox, "sent", "R-74", name)); err != nil {
			t.Error(err)
		}
	}
}
