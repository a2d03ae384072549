package registry

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// migrations bring the tables from one version to the next; their number is the
// version. They run on both databases and are never changed once released.
//
// The tables hold release references, digests, random names, classes of trouble and
// the signed heads of ledgers: nothing of a patient, no path, no link (DESIGN invariant 8).
var migrations = []string{
	`CREATE TABLE IF NOT EXISTS chartseal_orders (
		ref     TEXT PRIMARY KEY,
		attempt INTEGER NOT NULL,
		sha256  TEXT NOT NULL,
		claim   TEXT NOT NULL,
		state   TEXT NOT NULL
	)`,
	`ALTER TABLE chartseal_orders ADD COLUMN site TEXT NOT NULL DEFAULT ''`,     // the owner's name, for people
	`ALTER TABLE chartseal_orders ADD COLUMN executor TEXT NOT NULL DEFAULT ''`, // the owner, for the fence
	`ALTER TABLE chartseal_orders ADD COLUMN stage TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE chartseal_orders ADD COLUMN waiting TEXT NOT NULL DEFAULT ''`, // class of the trouble waited out
	`ALTER TABLE chartseal_orders ADD COLUMN since TEXT NOT NULL DEFAULT ''`,   // of the state or the waiting, RFC 3339
	`CREATE INDEX chartseal_orders_open ON chartseal_orders (executor) WHERE state IN ('working', 'recording')`,
	`CREATE TABLE chartseal_sites (
		site     TEXT PRIMARY KEY,
		executor TEXT NOT NULL,
		seen_at  BIGINT NOT NULL,
		version  TEXT NOT NULL
	)`,
	`ALTER TABLE chartseal_version ADD COLUMN id TEXT NOT NULL DEFAULT ''`,           // random: tells one database from another
	`ALTER TABLE chartseal_orders ADD COLUMN let_at BIGINT NOT NULL DEFAULT 0`,       // when the brake let it through, in seconds since 1970; 0: not yet
	`ALTER TABLE chartseal_orders ADD COLUMN recipient_tag TEXT NOT NULL DEFAULT ''`, // for the brake: a digest
	`ALTER TABLE chartseal_orders ADD COLUMN approver_tag TEXT NOT NULL DEFAULT ''`,  // for the brake: a digest
	`ALTER TABLE chartseal_orders ADD COLUMN likeness TEXT NOT NULL DEFAULT ''`,      // for orders that are repeated by mistake: a digest
	`CREATE INDEX chartseal_orders_like ON chartseal_orders (likeness) WHERE likeness<>''`,
	`CREATE INDEX chartseal_orders_let ON chartseal_orders (let_at) WHERE let_at>0`,
	`ALTER TABLE chartseal_orders ADD COLUMN extended TEXT NOT NULL DEFAULT ''`, // the attempt that told of a longer time
	`DROP INDEX chartseal_orders_let`,                                           // with its condition it served no query whose bound is an argument
	`CREATE INDEX chartseal_orders_let_at ON chartseal_orders (let_at)`,
	`CREATE TABLE chartseal_ledgers (
		site       TEXT NOT NULL,
		ledger     TEXT NOT NULL,
		public_key TEXT NOT NULL,
		PRIMARY KEY (site, ledger)
	)`,
	`CREATE TABLE chartseal_heads (
		site   TEXT NOT NULL,
		ledger TEXT NOT NULL,
		seq    BIGINT NOT NULL,
		hash   TEXT NOT NULL,
		head   TEXT NOT NULL,
		PRIMARY KEY (site, ledger, seq, hash)
	)`,
	`CREATE INDEX chartseal_orders_executor ON chartseal_orders (executor)`, // a start asks for the site's own
	`CREATE INDEX chartseal_orders_since ON chartseal_orders (since)`,       // status asks for the newest
}

// migrateLock is the advisory lock under which one daemon at a time migrates:
// "chartsea" in ASCII.
const migrateLock = 0x6368617274736561

// ErrNewer says that a newer program has written the database: what this one would do
// with it nobody knows.
var ErrNewer = errors.New("the database was written by a newer chartseal, so nothing is sent. Install that version again, or a later one, on this computer")

// SchemaVersion is the version of the tables that this program makes and knows.
func SchemaVersion() int { return len(migrations) }

// Migrate brings the tables up to date, and refuses newer ones ([ErrNewer]). Daemons that start at the same moment
// wait for one another.
func (d *Database) Migrate(ctx context.Context) (err error) {
	defer func() {
		if err != nil && !errors.Is(err, ErrNewer) {
			err = fmt.Errorf("open order registry: %w", d.Scrub(err))
		}
	}()
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if d.Shared {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrateLock)); err != nil {
			return err
		}
		if err := makeSchemas(ctx, tx); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS chartseal_version (version INTEGER NOT NULL)`); err != nil {
		return err
	}
	var was int
	err = tx.QueryRowContext(ctx, `SELECT version FROM chartseal_version`).Scan(&was)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.ExecContext(ctx, `INSERT INTO chartseal_version (version) VALUES (0)`)
	}
	if err != nil {
		return err
	}
	if was > len(migrations) {
		return ErrNewer
	}
	for i := was; i < len(migrations); i++ {
		if _, err := tx.ExecContext(ctx, migrations[i]); err != nil {
			return err
		}
	}
	if was < len(migrations) {
		if _, err := tx.ExecContext(ctx, `UPDATE chartseal_version SET version=$1`, len(migrations)); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE chartseal_version SET id=$1 WHERE id=''`, newID()); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, `SELECT id FROM chartseal_version`).Scan(&d.ID); err != nil {
		return err
	}
	return tx.Commit()
}

// makeSchemas makes the schemas unless they are there: a database user without
// the right to make them may be given ready ones.
func makeSchemas(ctx context.Context, tx *sql.Tx) error {
	for _, name := range []string{ownSchema, EngineSchema} {
		var there bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname=$1)`, name).Scan(&there)
		if err == nil && !there {
			_, err = tx.ExecContext(ctx, `CREATE SCHEMA `+name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// newID is 80 random bits in lower-case letters and digits.
func newID() string { return strings.ToLower(rand.Text()[:16]) }
