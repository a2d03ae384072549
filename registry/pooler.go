package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chartseal/config"
)

// Unpooled makes sure that a session at a shared database is ours alone: with
// a pooler that shares it, the lock would hold nothing. The error is [ErrPooled] then.
func (d *Database) Unpooled(ctx context.Context) error {
	if !d.Shared {
		return nil
	}
	_, err := d.probe(ctx)
	if one, ok := errors.AsType[*OneConnectionError](err); ok {
		return one.Err
	}
	return err
}

// OneConnectionError says that a shared database allows a site one connection only.
type OneConnectionError struct {
	Needs int   // how many it needs
	Err   error // of the second one
}

func (e *OneConnectionError) Error() string {
	return fmt.Sprintf("one connection only; a site needs %d: %v", e.Needs, e.Err)
}

// Unwrap returns the error of the second connection.
func (e *OneConnectionError) Unwrap() error { return e.Err }

// Probe looks whether a shared database can be used, and tells its version in PostgreSQL's
// own numbers: 180001 is 18.1. Beside what [OpenPostgres] and a connection can say, the error
// may be a [*OneConnectionError] or [ErrPooled].
func Probe(ctx context.Context, cfg *config.Config) (version int, err error) {
	d, err := OpenPostgres(ctx, cfg, true)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.probe(ctx)
}

func (d *Database) probe(ctx context.Context) (version int, err error) {
	one, err := d.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = hangUp(one) }()
	two, err := d.connect(ctx)
	if err != nil {
		return 0, &OneConnectionError{maxConns + 1, err}
	}
	defer func() { _ = hangUp(two) }()
	version, err = sessions(ctx, one, two)
	if errors.Is(err, ErrPooled) {
		return 0, err
	}
	return version, Scrub(err)
}

// Host is the server that the address of a shared database names: a name, an IP address or
// the folder of a socket. It is "" if the address cannot be understood.
func Host(cfg *config.Config) string {
	c, err := pgx.ParseConfig(cfg.Database.Reveal())
	if err != nil {
		return ""
	}
	return c.Host
}

// ErrPooled says that several sessions share one connection to the server.
var ErrPooled = errors.New("a connection pooler before it shares one server connection among several sessions (transaction pooling), and locks do not work through it; connect to PostgreSQL itself, or set the pooler to session pooling")

// throughPooler is how often sessions are tried that a pooler answers: one that serves many
// gives the same session the same connection now and then. One try in five was seen to miss
// it.
const throughPooler = 12

// sessions tells the version of the server, in PostgreSQL's own numbers, and whether
// two sessions at it are what they seem: ErrPooled if not.
func sessions(ctx context.Context, one, two *pgx.Conn) (version int, err error) {
	var pid uint32
	if err := one.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, pg_backend_pid()`, plain).Scan(&version, &pid); err != nil {
		return 0, err
	}
	tries := 1
	if pid != one.PgConn().PID() { // the one that the connection began with is the pooler's
		tries = throughPooler
	}
	for range tries {
		if err := ownSessions(ctx, one, two); err != nil {
			return 0, err
		}
	}
	return version, nil
}

// plain keeps from prepared statements, which behind a pooler would fail in their own way.
const plain = pgx.QueryExecModeSimpleProtocol

// ownSessions makes sure that a session keeps its connection and its locks while another
// one is in a transaction.
func ownSessions(ctx context.Context, one, two *pgx.Conn) error {
	const key = int64(migrateLock + 1)
	var pid, again, other int
	var got, released, gotOther bool
	if err := one.QueryRow(ctx, `SELECT pg_backend_pid(), pg_try_advisory_lock($1)`, plain, key).Scan(&pid, &got); err != nil {
		return err
	}
	tx, err := two.Begin(ctx)
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && pe.Code == "08P01" { // PgBouncer's answer in statement mode
		return ErrPooled
	}
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := tx.QueryRow(ctx, `SELECT pg_backend_pid(), pg_try_advisory_xact_lock($1)`, plain, key).Scan(&other, &gotOther); err != nil {
		return err
	}
	if err := one.QueryRow(ctx, `SELECT pg_backend_pid(), pg_advisory_unlock($1)`, plain, key).Scan(&again, &released); err != nil {
		return err
	}
	if pid == other || pid != again || got != released || got && gotOther {
		return ErrPooled
	}
	return nil
}
