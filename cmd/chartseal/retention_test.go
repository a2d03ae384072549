package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal"
	"chartseal/config"
	"chartseal/testdata/practice"
)

// A clock that has jumped ahead by years must not delete what is still needed:
// the store's clock disagrees.
func TestAClockThatJumpsAheadDeletesNothing(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t)
	who, _ := find("20871")
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": practice.OrderFor(who, "R-70", practice.OrderOptions{Now: time.Now()})})
	before := stored(t, cfg)
	if len(before) != 2 {
		t.Fatalf("%d objects in the store, want the bundle and its page", len(before))
	}
	runUntilIdle(t, cfg, func() time.Time { return time.Now().AddDate(3, 0, 0) }, nil)
	if after := stored(t, cfg); len(after) != 2 {
		t.Fatalf("%d objects are left of 2", len(after))
	}
}

// The page of a link that has ended says so, as long as its own address may live: it
// outlives the bundle, and goes after that.
func TestThePageOutlivesTheBundle(t *testing.T) {
	t.Parallel()
	cfg := ownPractice(t, "lifetime: 7d, keep: 30d", "lifetime: 1s, keep: 1s")
	who, _ := find("20871")
	text := strings.Replace(string(practice.OrderFor(who, "R-71", practice.OrderOptions{Now: time.Now()})), "lifetime: 7d", "lifetime: 1s", 1)
	runUntilIdle(t, cfg, time.Now, map[string][]byte{"r.yaml": []byte(text)})
	r := receiptOf(t, cfg, "R-71")
	time.Sleep(time.Until(r.LinkExpires) + 2300*time.Millisecond) // the clock of the store has whole seconds, and the keeping begins in between
	whileOpen(t, cfg, func() {
		if got := visited(t, http.MethodGet, r.Link, ""); got != http.StatusForbidden {
			t.Errorf("the bundle's address answers %d after its end", got)
		}
	})
	runUntilIdle(t, cfg, time.Now, nil)
	if left := stored(t, cfg); len(left) != 1 || !strings.HasSuffix(left[0], ".html") {
		t.Fatalf("in the store lie %q", left)
	}
	whileOpen(t, cfg, func() {
		if got := visited(t, http.MethodGet, r.Page, ""); got != http.StatusOK {
			t.Errorf("the page answers %d", got)
		}
	})
	s, err := chartseal.ReadStatus(context.Background(), cfg)
	if err != nil || len(s.Releases) != 1 || s.Releases[0].State != "expired" {
		t.Errorf("status says %+v, %v", s.Releases, err)
	}

	again(t, cfg, `"page_stays": "`, `"page_stays": "2026-01-01T00:00:00Z", "was": "`)
	runUntilIdle(t, cfg, time.Now, nil)
	if left := stored(t, cfg); len(left) != 0 {
		t.Errorf("in the store lie %q", left)
	}
}

// again changes what is known of the one release.
func again(t *testing.T, cfg *config.Config, old, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(cfg.State, "releases", "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	must(t, err)
	if !strings.Contains(string(b), old) {
		t.Fatalf("%q is not known", old)
	}
	must(t, os.WriteFile(files[0], []byte(strings.Replace(string(b), old, text, 1)), 0o600))
}
