//go:build linux

package main

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// watcher looks at a database from a connection of its own. What it asks itself is of
// another database, where it can be, and not counted.
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
	calls      int64 // of all of them
	rows       int64 // given or changed by all of them
	begun      int64 // transactions
	wal        int64 // bytes
	work       float64
	tables     map[string]table
	requests   int
	put        int64 // bytes
}

type statement struct {
	Calls, Rows int64
	Seconds     float64
}

type table struct{ Rows, Bytes int64 }

// tables of the daemon, and of the engine.
const sizes = own + `SELECT c.oid::regclass::text, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid=c.relnamespace
	WHERE n.nspname IN ('chartseal', 'chartseal_engine') AND c.relkind='r'`

func (w *watcher) look(ctx context.Context, b *bucket) (f figures, err error) {
	f = figures{at: time.Now(), statements: map[string]statement{}, tables: map[string]table{}, work: w.pg.work()}
	f.requests, f.put = b.asked()
	if err := w.conn.QueryRow(ctx, own+`SELECT xact_commit+xact_rollback, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint
		FROM pg_stat_database WHERE datname=current_database()`).Scan(&f.begun, &f.wal); err != nil {
		return f, err
	}
	if w.statements {
		rows, err := w.conn.Query(ctx, own+`SELECT s.query, sum(s.calls)::bigint, sum(s.rows)::bigint, sum(s.total_exec_time)/1000
			FROM pg_stat_statements s JOIN pg_database d ON d.oid=s.dbid
			WHERE d.datname=current_database() AND s.query NOT LIKE '/* sitesim */%' GROUP BY s.query`)
		if err != nil {
			return f, err
		}
		var query string
		var s statement
		if _, err := pgx.ForEachRow(rows, []any{&query, &s.Calls, &s.Rows, &s.Seconds}, func() error {
			f.statements[query] = s
			f.calls, f.rows = f.calls+s.Calls, f.rows+s.Rows
			return nil
		}); err != nil {
			return f, err
		}
	}
	return f, w.count(ctx, &f)
}

func (w *watcher) count(ctx context.Context, f *figures) error {
	rows, err := w.conn.Query(ctx, sizes)
	if err != nil {
		return err
	}
	var name string
	var bytes int64
	if _, err := pgx.ForEachRow(rows, []any{&name, &bytes}, func() error {
		f.tables[name] = table{Bytes: bytes}
		return nil
	}); err != nil {
		return err
	}
	for name, t := range f.tables {
		if err := w.conn.QueryRow(ctx, own+`SELECT count(*) FROM `+name).Scan(&t.Rows); err != nil { // as the server wrote it
			return err
		}
		f.tables[name] = t
	}
	return nil
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
