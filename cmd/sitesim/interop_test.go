//go:build interop && linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) {
	if !child(os.Args[1:]) {
		os.Exit(m.Run())
	}
}

// TestInteropSites: what sites cost a shared database, and what they do there.
func TestInteropSites(t *testing.T) {
	home, err := os.MkdirTemp("", "sitesim-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	// A site asks once in a second for some things, and idles for three to be seen asking.
	p := plan{sites: []int{3}, running: 2, orders: 6, idle: 3 * time.Second, past: 3000, settings: []string{"shared_buffers=16MB"}}
	pg, err := startServer(t.Context(), p, home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.stop)
	t.Run("figures", func(t *testing.T) { figuresOfSites(t, p, pg, home) })
	t.Run("an order of before", func(t *testing.T) { orderOfBefore(t, pg) })
}

// figuresOfSites: what an order costs, in waves, and that no site reads what is of the
// others.
func figuresOfSites(t *testing.T, p plan, pg *server, home string) {
	r, err := step(t.Context(), p, pg, home, p.sites[0], func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	if r.Orders != 6 || r.Entries < 6 || r.Load.held().Rows != 9*6 {
		t.Errorf("%d orders added %d rows and %d entries; want 9 rows an order", r.Orders, r.Load.held().Rows, r.Entries)
	}
	if most := int64(p.running * (connectionsOfSite - 2)); r.Most > most {
		t.Errorf("%d connections, want %d at most", r.Most, most)
	}
	if r.Load.Requests < r.Orders || r.Load.WAL == 0 || len(r.Idle.Statements) == 0 || r.ServerMemory == 0 {
		t.Errorf("nothing was counted: %+v", r)
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

// orderOfBefore: an order that began when all sites were one application of the engine,
// and every release went through the queue, goes on.
func orderOfBefore(t *testing.T, pg *server) {
	ctx, dir := t.Context(), t.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	g := &group{dir: dir, log: log, say: func(string) {}, fail: func(err error) { t.Error(err) }}
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
		`UPDATE chartseal_engine.workflow_status SET application_name='chartseal', application_version='release-1', queue_name='releases-' || executor_id`,
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
	ownRowsOnly(ctx, t, w)
}

// ownRowsOnly: what a site asks the engine's tables every second, the server finds without
// going through the rows of two thousand sites.
func ownRowsOnly(ctx context.Context, t *testing.T, w *watcher) {
	for _, q := range []string{
		`INSERT INTO chartseal_engine.queues (name, application_name) SELECT 'q' || n, 'a' || n FROM generate_series(1, 2000) n`,
		`INSERT INTO chartseal_engine.application_versions (version_id, version_name, application_name) SELECT 'v' || n, 'v' || n, 'a' || n FROM generate_series(1, 2000) n`,
		`ANALYZE`,
	} {
		if _, err := w.conn.Exec(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []string{
		`SELECT name FROM chartseal_engine.queues WHERE application_name=ANY(ARRAY['a7']) OR application_name IS NULL`,
		`SELECT version_id FROM chartseal_engine.application_versions WHERE application_name='a7' OR application_name IS NULL ORDER BY version_timestamp DESC LIMIT 1`,
	} {
		rows, _ := w.conn.Query(ctx, `EXPLAIN `+q)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if plan := strings.Join(lines, "\n"); err != nil || strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Index") {
			t.Errorf("%v\n%s", err, plan)
		}
	}
}
