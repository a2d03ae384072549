package registry

import "context"

// The engine has tables of its own and makes them itself. Here is what is done to them
// besides.

// EngineApp is the name under which the engine keeps its rows.
const EngineApp = "chartseal"

// RenameApp gives the rows of an executor's queue to its own application. Until then all
// sites were one, and the engine would neither find its queue nor what it left.
func (d *Database) RenameApp(ctx context.Context, queue, app, version string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	n, err := affected(tx.ExecContext(ctx, `UPDATE `+EngineSchema+`.queues SET application_name=$1 WHERE name=$2 AND application_name=$3`, app, queue, EngineApp))
	if err != nil || n == 0 { // as always but once
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE `+EngineSchema+`.workflow_status SET application_name=$1, application_version=$2 WHERE queue_name=$3`, app, version, queue); err != nil {
		return err
	}
	return tx.Commit()
}

// Adopt gives the executor what the engine holds for another one on the embedded database,
// where there is no other: its name was lost with the file that keeps it, and the engine
// would never take up what was under way then.
func (d *Database) Adopt(ctx context.Context, executor string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	_, err := d.db.ExecContext(ctx, `UPDATE workflow_status SET executor_id=$1 WHERE executor_id<>$1 AND status='PENDING'`, executor)
	return err
}

// IndexQueues gives the engine's table of queues, which has a row of every site and which
// every site reads once a second, an index by application: without one the server would go
// through the rows of all sites for each of them. The engine's other tables have theirs.
func (d *Database) IndexQueues(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	const index = "chartseal_queues_app"
	var there bool
	if err := d.db.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, EngineSchema+"."+index).Scan(&there); err != nil || there {
		return err
	}
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrateLock)); err != nil { // of sites that start at once
		return err
	}
	if _, err := tx.ExecContext(ctx, `CREATE INDEX IF NOT EXISTS `+index+` ON `+EngineSchema+`.queues (application_name)`); err != nil {
		return err
	}
	return tx.Commit()
}
