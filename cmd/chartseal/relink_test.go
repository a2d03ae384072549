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
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/testdata/practice"
)

// A new link is in the ledger before the page shows it, for an old link to the page
// may live still; and the page asks for the passphrase as the first one did.
func TestANewLinkIsRecordedBeforeThePageShowsIt(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	who, _ := find("20871")
	text := strings.Replace(string(practice.OrderFor(who, "R-73", practice.OrderOptions{Now: time.Now()})),
		"recipient: dr-chen", `recipient: {name: "Dr. Chen Endodontics", kind: provider, address: "2 Main Street, Albany NY"}`, 1)
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": []byte(text)})
	o, err := order.Parse("r.yaml", []byte(text))
	must(t, err)

	opts := (&app{}).options(nil)
	recorded := false
	opts.Step = func(_, _, point string) {
		if point == "page stored" {
			recorded = slices.Contains(ledgerEvents(t, cfg), ledger.Relinked)
		}
	}
	p, err := chartseal.Open(context.Background(), cfg, opts)
	must(t, err)
	_, _, err = p.Relink(t.Context(), o, []byte(text), time.Hour)
	must(t, err)
	must(t, p.Close())
	if got := ledgerEvents(t, cfg); !recorded || !slices.Equal(got, []ledger.Event{ledger.Sent, ledger.Relinked}) {
		t.Errorf("recorded when the page was stored: %v; the ledger says %v", recorded, got)
	}
	pages, err := filepath.Glob(filepath.Join(cfg.State, "store", "data", "chartseal", "*.html"))
	if err != nil || len(pages) != 1 {
		t.Fatal(pages, err)
	}
	html, err := os.ReadFile(pages[0])
	if err != nil || !strings.Contains(string(html), `"unlock":"passphrase"`) {
		t.Errorf("the page does not ask for the passphrase; %v", err)
	}
}
