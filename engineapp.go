package chartseal

import "context"

// engineApp is the name under which the engine keeps its rows.
const engineApp = "chartseal"

// ownApp is the engine's application, and its version, of one executor on a shared
// database. To the engine every site is an application of its own: it asks once a second
// for all queues of its application, which would be those of a thousand sites. A version
// belongs to one application, so it has the site's mark, too.
func ownApp(executor string) (app, version string) {
	mark := "-" + digest([]byte(executor))[:16]
	return engineApp + mark, flowVersion + mark
}

// rename gives the rows of an executor's queue to its own application. Until then all
// sites were one, and the engine would neither find its queue nor what it left.
func (d *database) rename(ctx context.Context, queue, app, version string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	n, err := affected(tx.ExecContext(ctx, `UPDATE `+engineSchema+`.queues SET application_name=$1 WHERE name=$2 AND application_name=$3`, app, queue, engineApp))
	if err != nil || n == 0 { // as always but once
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE `+engineSchema+`.workflow_status SET application_name=$1, application_version=$2 WHERE queue_name=$3`, app, version, queue); err != nil {
		return err
	}
	return tx.Commit()
}

// adopt gives the executor what the engine holds for another one on the embedded database,
// where there is no other: its name was lost with the file that keeps it, and the engine
// would never take up what was under way then.
func (d *database) adopt(ctx context.Context, executor string) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	_, err := d.db.ExecContext(ctx, `UPDATE workflow_status SET executor_id=$1 WHERE executor_id<>$1 AND status='PENDING'`, executor)
	return err
}

// indexQueues gives the engine's table of queues, which has a row of every site and which
// every site reads once a second, an index by application: without one the server would go
// through the rows of all sites for each of them. The engine's other tables have theirs.
func (d *database) indexQueues(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	const index = "chartseal_queues_app"
	var there bool
	if err := d.db.QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL`, engineSchema+"."+index).Scan(&there); err != nil || there {
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
	if _, err := tx.ExecContext(ctx, `CREATE INDEX IF NOT EXISTS `+index+` ON `+engineSchema+`.queues (application_name)`); err != nil {
		return err
	}
	return tx.Commit()
}
