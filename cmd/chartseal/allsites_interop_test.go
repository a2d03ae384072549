//go:build interop && unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/testdata/postgres"
	"chartseal/testdata/practice"
)

// TestInteropAllSites: one site checks the ledgers of both on a real server, and names the
// site and the entry that somebody took out.
func TestInteropAllSites(t *testing.T) {
	t.Parallel()
	pg := postgres.Start(t)
	a, b := newStation(t, pg.URL(), "front"), newStation(t, pg.URL(), "back")
	for who, s := range []*station{a, b} {
		file := filepath.Join(s.dir, "r.yaml")
		check(t, os.WriteFile(file, practice.OrderFor(practice.People()[who], "R-"+[]string{"front", "back"}[who], practice.OrderOptions{Now: time.Now(), Kinds: []string{"chart"}}), 0o600))
		if out, code := s.do("send", file); code != exitOK {
			t.Fatalf("exit code %d: %s", code, out)
		}
	}
	if out, code := a.do("ledger", "verify", "--all-sites"); code != exitOK || !strings.Contains(out, "back: whole, 1 entries") || !strings.Contains(out, "front: whole, 1 entries") || !strings.Contains(out, "compare it with the site's letters") {
		t.Errorf("exit code %d: %s", code, out)
	}
	conn := pg.Connect(t, postgres.Database)
	defer conn.Close(t.Context())
	_, err := conn.Exec(t.Context(), `DELETE FROM chartseal.chartseal_heads WHERE site='back'`)
	check(t, err)
	if out, code := a.do("ledger", "verify", "--all-sites"); code != exitUnverified || !strings.Contains(out, "back: DOES NOT HOLD: ledger is broken: entry 1 is missing at the end") || !strings.Contains(out, "front: whole, ") {
		t.Errorf("exit code %d: %s", code, out)
	}
}
