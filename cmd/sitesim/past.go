//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
)

// seed fills the tables with orders of earlier days: one real order of another site is
// sent, and its rows are multiplied over the last thirty days, which is as long as the
// engine's are kept.
func (g *group) seed(ctx context.Context, w *watcher, past int) error {
	s, err := g.open(ctx, 0)
	if err != nil {
		return err
	}
	if past == 0 { // the tables are made, so that no step measures that
		return s.end()
	}
	s.run(ctx, g)
	err = errors.Join(g.work(ctx, []*site{s}, 0, 1), s.end())
	if err != nil {
		return err
	}
	g.say(fmt.Sprintf("%d earlier orders are written into the tables", past))
	for _, q := range []string{
		`INSERT INTO chartseal.chartseal_orders SELECT new.* FROM chartseal.chartseal_orders o, generate_series(1, $1::int) n,
			LATERAL jsonb_populate_record(o, jsonb_build_object(
				'ref', md5('past' || n), 'executor', 'past-' || n % 1000, 'site', 'past-' || n % 1000, 'likeness', left(md5('like' || n), 16),
				'let_at', o.let_at - n::bigint * 30*86400 / $1, 'since', to_char(o.since::timestamptz - n * interval '30 days' / $1, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) new`,
		`INSERT INTO chartseal_engine.workflow_status SELECT new.* FROM chartseal_engine.workflow_status w, generate_series(1, $1::int) n,
			LATERAL jsonb_populate_record(w, jsonb_build_object(
				'workflow_uuid', md5('past' || n), 'executor_id', 'past-' || n % 1000, 'queue_name', 'releases-past-' || n % 1000,
				'created_at', w.created_at - n::bigint * 30*86400000 / $1, 'updated_at', w.updated_at - n::bigint * 30*86400000 / $1,
				'started_at_epoch_ms', w.started_at_epoch_ms - n::bigint * 30*86400000 / $1, 'completed_at', w.completed_at - n::bigint * 30*86400000 / $1)) new`,
		`INSERT INTO chartseal_engine.operation_outputs SELECT new.* FROM chartseal_engine.operation_outputs o, generate_series(1, $1::int) n,
			LATERAL jsonb_populate_record(o, jsonb_build_object('workflow_uuid', md5('past' || n))) new`,
	} {
		if _, err := w.conn.Exec(ctx, own+q, past); err != nil {
			return fmt.Errorf("fill the tables: %w", err)
		}
	}
	_, err = w.conn.Exec(ctx, own+`VACUUM (ANALYZE)`)
	return err
}
