//go:build interop && linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if !child(os.Args[1:]) {
		os.Exit(m.Run())
	}
}

// TestInteropThreeSites: what an order costs a shared database, and that no site reads
// what is of the others.
func TestInteropThreeSites(t *testing.T) {
	all, err := measure(t.Context(), plan{sites: []int{3}, running: 3, orders: 6, idle: 3 * time.Second, past: 3000}, func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	r := all[0]
	if r.Orders != 6 || r.Entries < 6 || r.Load.Inserted != 9*6 {
		t.Errorf("%d orders added %d rows and %d entries; want 9 rows an order", r.Orders, r.Load.Inserted, r.Entries)
	}
	if most := int64(3 * (connectionsOfSite - 2)); r.Most > most {
		t.Errorf("%d connections, want %d at most", r.Most, most)
	}
	calls := 0
	for _, c := range []change{r.Idle, r.Load} {
		for query, s := range c.Statements {
			if strings.Contains(query, ".queues") {
				calls++
			}
			if s.Rows > 2*s.Calls {
				t.Errorf("%d calls read %d rows: %s", s.Calls, s.Rows, query)
			}
		}
	}
	if calls == 0 {
		t.Error("nobody asked for queues")
	}
}

// TestInteropAnOrderOfBefore: an order that began when all sites were one application of
// the engine goes on.
func TestInteropAnOrderOfBefore(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	home, err := os.MkdirTemp("", "sitesim-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(home) }()
	pg, err := startServer(ctx, plan{sites: []int{1}, running: 1}, home)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.stop()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	g := &group{dir: dir, log: log}
	if g.database, err = pg.create(ctx, "before"); err != nil {
		t.Fatal(err)
	}
	address := g.database
	g.database += "&pool_max_conns=2" // one to listen on, and one for the rest
	if err := g.openBucket(ctx); err != nil {
		t.Fatal(err)
	}
	defer g.store.close()
	if err := g.prepare(); err != nil {
		t.Fatal(err)
	}
	s, err := g.open(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.run(ctx, g)
	g.store.down.Store(true)
	if err := s.drop(1); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); g.waiting.Load() == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the order does not wait for the store")
		}
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	w, err := newWatcher(ctx, pg, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.conn.Close(ctx) }()
	for _, q := range []string{
		`UPDATE chartseal_engine.queues SET application_name='chartseal'`,
		`UPDATE chartseal_engine.application_versions SET application_name='chartseal', version_name='release-1'`,
		`UPDATE chartseal_engine.workflow_status SET application_name='chartseal', application_version='release-1'`,
	} {
		if tag, err := w.conn.Exec(ctx, q); err != nil || tag.RowsAffected() != 1 {
			t.Fatal(tag, err)
		}
	}
	g.store.down.Store(false)
	if s, err = g.open(ctx, 1); err != nil {
		t.Fatal(err)
	}
	s.run(ctx, g)
	for end := time.Now().Add(time.Minute); g.sent.Load() == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
	}
	if err := s.end(); err != nil || g.sent.Load() != 1 || g.other.Load() != 0 {
		said, _ := os.ReadFile(log.Name())
		t.Errorf("%d orders were sent, %d not: %v\n%s", g.sent.Load(), g.other.Load(), err, said)
	}
}
