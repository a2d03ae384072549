//go:build interop && unix

package chartseal

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/registry"
	"chartseal/testdata/postgres"
)

// TestInteropMirror: on a real server two sites mirror their ledgers, also over an outage;
// the check of all sites finds what somebody did to the rows, and nothing of a patient is
// in the database.
func TestInteropMirror(t *testing.T) {
	pg := postgres.Start(t)
	dir := t.TempDir()
	sites := map[string]*bookkeeper{}
	for _, site := range []string{"north", "south"} {
		d, err := registry.OpenPostgres(t.Context(), &config.Config{Database: config.Secret(pg.URL()), Site: site}, false)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		sites[site] = mirrors(t, filepath.Join(dir, site), site, d)
	}
	north := sites["north"]
	north.cfg.Database, north.cfg.Store.Kind = config.Secret(pg.URL()), config.StoreLocal
	verify := func() []SiteLedger {
		t.Helper()
		all, err := VerifyAllSites(t.Context(), north.cfg, Options{Log: slog.New(slog.DiscardHandler), Now: time.Now}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	north.write(t, "a", "b", "c")
	sites["south"].write(t, "d", "e")
	north.waitMirrored(t, 3)
	sites["south"].waitMirrored(t, 2)
	if all := verify(); len(all) != 2 || all[0].Entries != 3 || !all[0].Own || all[1].Entries != 2 || all[0].Fault+all[1].Fault != "" {
		t.Fatal(shown(all))
	}

	pg.Down()
	north.write(t, "f", "g") // which wait for no database: it is away until they are written
	eventuallyTrue(t, "the trouble is noted", func() bool { return readCopy(north.state, mirrorState).Trouble == "database unavailable" })
	pg.Up(t)
	north.waitMirrored(t, 5)
	if all := verify(); all[0].Entries != 5 || all[0].Fault != "" || all[0].Behind != 0 {
		t.Error(shown(all))
	}
	rep, err := VerifyLedger(t.Context(), &config.Config{State: north.cfg.State, Site: "north", Database: north.cfg.Database, Store: config.Store{Kind: config.StoreLocal}},
		Options{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil || rep.Rows != 5 || rep.Unshared != "" {
		t.Errorf("%+v, %v", rep, err)
	}

	conn := pg.Connect(t, postgres.Database)
	for _, c := range []struct{ do, site, fault string }{
		{`DELETE FROM chartseal.chartseal_heads WHERE site='south' AND seq=1`, "south", "entry 1 is missing in the shared database"},
		{`DELETE FROM chartseal.chartseal_heads WHERE site='south'`, "south", "entry 1 is missing at the end"},
		{`UPDATE chartseal.chartseal_heads SET hash=reverse(hash) WHERE site='north' AND seq=4`, "north", "entry 4 is not signed by the site's key"},
	} {
		if _, err := conn.Exec(t.Context(), c.do); err != nil {
			t.Fatal(err)
		}
		wantFault(t, verify(), c.site, c.fault)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, k := range sites {
		k.close(t)
	}
	segment, err := filepath.Glob(filepath.Join(north.cfg.State, "ledger", "*.jsonl"))
	if err != nil || len(segment) != 1 {
		t.Fatal(segment, err)
	}
	text, err := os.ReadFile(segment[0])
	dump := pg.Dump(t, postgres.Database)
	if errors.Join(err) != nil || !bytes.Contains(text, []byte("R-a")) || bytes.Contains(dump, []byte("R-")) || !strings.Contains(string(dump), "chartseal ledger head v1") {
		t.Error("an order is named in the database, or no head is there")
	}
}
