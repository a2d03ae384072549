package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"chartseal"
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

// An outbox that goes away while the daemon begins is waited for.
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
}
