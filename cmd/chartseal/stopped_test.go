package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chartseal"
	"chartseal/registry"
	"chartseal/testdata/practice"
)

// A daemon that is told to stop while it still takes up its orders ends like any other.
func TestStoppedWhileItBegins(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	p, err := chartseal.Open(ctx, ownPractice(t), (&app{}).options(nil))
	must(t, err)
	stop()
	must(t, p.Run(ctx, false))
	must(t, p.Close())
}

// An outbox that goes away while the daemon begins is no reason to end: it is opened again,
// and then orders are answered.
func TestAnOutboxThatGoesAwayAsItBegins(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	p, err := chartseal.Open(t.Context(), cfg, (&app{}).options(nil))
	must(t, err)
	must(t, os.RemoveAll(filepath.Join(cfg.Outbox, "working")))
	if err := p.Run(t.Context(), false); !openedAgain(err) {
		t.Errorf("it ends with %v", err)
	}
	must(t, p.Close())
	who, _ := find("20871")
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": practice.OrderFor(who, "R-82", practice.OrderOptions{Now: time.Now()})})
	if r := receiptOf(t, cfg, "R-82"); r.Link == "" {
		t.Error("opened again, it sends nothing")
	}
}

// A database that is away as the daemon begins is no reason to end; another daemon in its place is one.
func TestADatabaseThatGoesAwayAsItBegins(t *testing.T) {
	t.Parallel()
	for err, again := range map[error]bool{registry.ErrAway: true, registry.ErrBusy: true, registry.ErrSiteRunning: false, chartseal.ErrConfig: false} {
		if got := openedAgain(fmt.Errorf("read orders: %w", err)); got != again {
			t.Errorf("%v: opened again: %t", err, got)
		}
	}
}
