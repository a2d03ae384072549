package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/testdata/practice"
)

// A new link is in the ledger before the page shows it, for an old link to the page
// may live still; and the page asks for the passphrase as the first one did.
func TestANewLinkIsRecordedBeforeThePageShowsIt(t *testing.T) {
	childEnv = []string{"CHARTSEAL_TEST_CHILD=1"}
	t.Cleanup(func() { childEnv = nil })
	dir := filepath.Join(t.TempDir(), "p")
	_, err := buildPractice(t.Context(), dir, practice.Options{Small: true, Now: time.Now()})
	must(t, err)
	cfg, err := config.Load(filepath.Join(dir, "chartseal.yaml"))
	must(t, err)
	who, _ := find("20871")
	text := strings.Replace(string(practice.OrderFor(who, "R-73", practice.OrderOptions{Now: time.Now()})),
		"recipient: dr-chen", `recipient: {name: "Dr. Chen Endodontics", kind: provider, address: "2 Main Street, Albany NY"}`, 1)
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": []byte(text)})
	o, err := order.Parse("r.yaml", []byte(text))
	must(t, err)

	opts := (&app{}).options(nil)
	recorded := 0
	opts.Step = func(_, _, point string) {
		if point == "page stored" {
			recorded = len(relinked(t, cfg))
		}
	}
	p, err := chartseal.Open(context.Background(), cfg, opts)
	must(t, err)
	_, _, err = p.Relink(t.Context(), o, []byte(text), time.Hour)
	must(t, err)
	must(t, p.Close())
	if recorded != 1 || len(relinked(t, cfg)) != 1 {
		t.Errorf("%d lines in the ledger when the page was stored, %d now", recorded, len(relinked(t, cfg)))
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

func relinked(t *testing.T, cfg *config.Config) (keys []string) {
	t.Helper()
	for e, err := range ledger.Entries(t.Context(), filepath.Join(cfg.State, "ledger")) {
		must(t, err)
		if e.Event == ledger.Relinked {
			keys = append(keys, e.Key)
		}
	}
	return keys
}
