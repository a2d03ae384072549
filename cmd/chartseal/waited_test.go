package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/testdata/practice"
)

// waitingToBeRecorded lets the daemon work on what lies in the outbox, and lets eight days go
// by between the making of a link and its recording, as while the ledger is not trusted or the
// computer is off.
func waitingToBeRecorded(t *testing.T, cfg *config.Config, meanwhile func()) (later time.Time) {
	t.Helper()
	const days = 8 * 24 * time.Hour
	var gone atomic.Bool
	opts := (&app{}).options(nil)
	opts.Now = func() time.Time {
		if gone.Load() {
			return time.Now().Add(days)
		}
		return time.Now()
	}
	opts.Step = func(_, stage, point string) {
		if stage == "link" && point == "remembered" && !gone.Load() {
			meanwhile()
			gone.Store(true)
		}
	}
	p, err := chartseal.Open(context.Background(), cfg, opts)
	must(t, err)
	must(t, p.Run(t.Context(), true))
	must(t, p.Close())
	return time.Now().Add(days)
}

// A link that waited longer to be recorded than links live is made anew: nobody is sent to one
// that has ended.
func TestALinkThatWaitedIsMadeAnew(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	who, _ := find("20871")
	must(t, os.WriteFile(filepath.Join(cfg.Outbox, "r.yaml"), practice.OrderFor(who, "R-81", practice.OrderOptions{Now: time.Now()}), 0o600))
	later := waitingToBeRecorded(t, cfg, func() {
		if n := len(stored(t, cfg)); n != 2 || len(ledgerEvents(t, cfg)) != 0 {
			t.Errorf("it waits elsewhere: %d objects", n)
		}
	})
	if r := receiptOf(t, cfg, "R-81"); r.LinkExpires.Before(later.Add(6*24*time.Hour)) || r.SentAt.Before(later.Add(-time.Hour)) {
		t.Errorf("sent on %v with a link until %v, which is written on %v", r.SentAt, r.LinkExpires, later)
	}
	if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{ledger.Sent}) {
		t.Errorf("the ledger says %v", got)
	}
	if n := len(stored(t, cfg)); n != 2 {
		t.Errorf("%d objects are stored, want bundle and page", n)
	}
}

// What a patient forbade meanwhile is not sent, although its link was made.
func TestWhatWaitedForTheLedgerIsJudgedAgain(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	cfg.Restrictions = filepath.Join(filepath.Dir(cfg.File), "asked.yaml")
	must(t, os.WriteFile(cfg.Restrictions, []byte("# nobody asked for anything\n"), 0o600))
	who, _ := find("20871")
	must(t, os.WriteFile(filepath.Join(cfg.Outbox, "r.yaml"), practice.OrderFor(who, "R-82", practice.OrderOptions{Now: time.Now()}), 0o600))
	waitingToBeRecorded(t, cfg, func() {
		if err := os.WriteFile(cfg.Restrictions, []byte("'20871': {not_to: [dr-chen]}\n"), 0o600); err != nil {
			t.Error(err)
		}
	})
	if got := ledgerEvents(t, cfg); !slices.Equal(got, []ledger.Event{ledger.Held}) {
		t.Errorf("the ledger says %v", got)
	}
	if _, err := os.Stat(filepath.Join(cfg.Outbox, "held", "R-82", "WHY-HELD.txt")); err != nil {
		t.Error(err)
	}
	if n := len(stored(t, cfg)); n != 0 {
		t.Errorf("%d objects are stored", n)
	}
}
