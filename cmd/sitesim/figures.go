//go:build linux

package main

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// watcher looks at a database from a connection of its own. What it asks itself is not
// counted.
type watcher struct {
	conn *pgx.Conn // in the database
	pg   *server   // nil if it is not ours

	statements bool // the server counts them by text
}

func newWatcher(ctx context.Context, pg *server, address string) (*watcher, error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, err
	}
	w := &watcher{conn: conn, pg: pg}
	_, err = conn.Exec(ctx, `SELECT 1 FROM pg_stat_statements LIMIT 1`)
	w.statements = err == nil
	return w, nil
}

// own marks what the watcher asks.
const own = "/* sitesim */ "

// figures is what the server and the store have counted so far.
type figures struct {
	at         time.Time
	statements map[string]statement
	begun      int64 // transactions
	wal        int64 // bytes
	work       float64
	tables     map[string]table
	requests   int
	put        int64 // bytes
}

type statement struct {
	Calls, Rows int64 // rows: given or changed
	Seconds     float64
}

// table is what a table holds, and what was done with its rows.
type table struct {
	Rows, Bytes int64
	Read        int64 // rows that the server went through
	Changed     int64 // rows that were added, changed and removed
}

func (t table) plus(u table, times int64) table {
	return table{t.Rows + times*u.Rows, t.Bytes + times*u.Bytes, t.Read + times*u.Read, t.Changed + times*u.Changed}
}

// begin is a look before something happens, and end one after it: the rows that the
// watcher goes through itself are not between the two.
func (w *watcher) begin(ctx context.Context, b *bucket) (figures, error) {
	held, err := w.count(ctx)
	if err != nil {
		return figures{}, err
	}
	_, _ = w.conn.Exec(ctx, own+`SELECT pg_stat_force_next_flush()`) // from PostgreSQL 15 on; it counts by the second
	f, err := w.counters(ctx, b)
	f.add(held)
	return f, err
}

func (w *watcher) end(ctx context.Context, b *bucket) (figures, error) {
	f, err := w.counters(ctx, b)
	if err != nil {
		return f, err
	}
	held, err := w.count(ctx)
	f.add(held)
	return f, err
}

func (f *figures) add(held map[string]table) {
	for name, t := range held {
		f.tables[name] = f.tables[name].plus(t, 1)
	}
}

// The server's own counters (PostgreSQL documentation, The Cumulative Statistics System);
// rows are of the daemon's tables and the engine's.
const (
	countersOfAll = own + `SELECT xact_commit+xact_rollback, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint
		FROM pg_stat_database WHERE datname=current_database()`
	countersOfRows = own + `SELECT relid::regclass::text, seq_tup_read+coalesce(idx_tup_fetch, 0), n_tup_ins+n_tup_upd+n_tup_del
		FROM pg_stat_user_tables WHERE schemaname IN ('chartseal', 'chartseal_engine')`
	countersOfStatements = own + `SELECT s.query, sum(s.calls)::bigint, sum(s.rows)::bigint, sum(s.total_exec_time)/1000
		FROM pg_stat_statements s JOIN pg_database d ON d.oid=s.dbid
		WHERE d.datname=current_database() AND s.query NOT LIKE '/* sitesim */%' GROUP BY s.query`
	sizes = own + `SELECT c.oid::regclass::text, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid=c.relnamespace
		WHERE n.nspname IN ('chartseal', 'chartseal_engine') AND c.relkind='r'`
)

func (w *watcher) counters(ctx context.Context, b *bucket) (f figures, err error) {
	f = figures{at: time.Now(), statements: map[string]statement{}, tables: map[string]table{}, work: w.pg.work()}
	f.requests, f.put = b.asked()
	if err := w.conn.QueryRow(ctx, countersOfAll).Scan(&f.begun, &f.wal); err != nil {
		return f, err
	}
	var name string
	var t table
	rows, err := w.conn.Query(ctx, countersOfRows)
	if err != nil {
		return f, err
	}
	if _, err := pgx.ForEachRow(rows, []any{&name, &t.Read, &t.Changed}, func() error {
		f.tables[name] = t
		return nil
	}); err != nil || !w.statements {
		return f, err
	}
	if rows, err = w.conn.Query(ctx, countersOfStatements); err != nil {
		return f, err
	}
	var s statement
	_, err = pgx.ForEachRow(rows, []any{&name, &s.Calls, &s.Rows, &s.Seconds}, func() error {
		f.statements[name] = s
		return nil
	})
	return f, err
}

// count is how many rows each table has, and its size. It goes through them all: what the
// server counts of itself may be ten seconds old.
func (w *watcher) count(ctx context.Context) (map[string]table, error) {
	rows, err := w.conn.Query(ctx, sizes)
	if err != nil {
		return nil, err
	}
	tables := map[string]table{}
	var name string
	var bytes int64
	if _, err := pgx.ForEachRow(rows, []any{&name, &bytes}, func() error {
		tables[name] = table{Bytes: bytes}
		return nil
	}); err != nil {
		return nil, err
	}
	for name, t := range tables {
		if err := w.conn.QueryRow(ctx, own+`SELECT count(*) FROM `+name).Scan(&t.Rows); err != nil { // as the server wrote it
			return nil, err
		}
		tables[name] = t
	}
	return tables, nil
}

// connections samples, once a second until the returned function is called, how many
// connections the sites have. It gives the mean and the most.
func (w *watcher) connections(ctx context.Context) (end func() (mean float64, most int64, err error), err error) {
	conn, err := pgx.ConnectConfig(ctx, w.conn.Config())
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	var sum, samples, most int64
	var failed error
	var done sync.WaitGroup
	done.Go(func() {
		for {
			var n int64
			if err := conn.QueryRow(ctx, own+`SELECT count(*) FROM pg_stat_activity WHERE datname=current_database() AND application_name LIKE 'chartseal %'`).Scan(&n); err != nil {
				if ctx.Err() == nil {
					failed = err
				}
				return
			}
			sum, samples, most = sum+n, samples+1, max(most, n)
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
	})
	return func() (float64, int64, error) {
		stop()
		done.Wait()
		_ = conn.Close(context.WithoutCancel(ctx))
		return float64(sum) / float64(max(1, samples)), most, failed
	}, nil
}
