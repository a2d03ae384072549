package chartseal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // SQLite as the engine's database

	"chartseal/watch"
)

// flowVersion pins the workflow's version: by default the engine takes the
// hash of the binary and would not recover what an older binary began. It
// changes only with an incompatible change of the flow.
const flowVersion = "release-1"

// concurrency bounds the releases that are packed or uploaded at once; uploads
// share one uplink.
const concurrency = 2

// underWay bounds the releases the engine holds at once. It is large because one
// that waits out an outage takes a place as well and must not stop the others.
const underWay = 1000

// engine remembers how far each release has come. The releases themselves
// are idempotent; its rows hold release references and verdicts only.
type engine struct {
	ctx    dbos.Context
	db     *sql.DB
	queue  dbos.Queue
	slots  chan struct{} // held while a release is packed or uploaded
	broken chan struct{} // signalled when the engine could not remember a stage
	ending atomic.Bool
}

// ErrEngine says that the engine lost track of a release, because its database
// could not be written. Nothing is lost: opened again, the practice takes up
// every release where it stopped.
var ErrEngine = errors.New("the engine's database could not be written")

// fail reports a workflow that ended although its release has not.
func (e *engine) fail() {
	if e.ending.Load() {
		return
	}
	select {
	case e.broken <- struct{}{}:
	default:
	}
}

// openDB opens the engine's SQLite file with settings that survive a power
// cut: WAL and synchronous=FULL.
func openDB(file string) (*sql.DB, error) {
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(1)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(file, "\\", "/")+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open engine database: %w", err)
	}
	db.SetMaxOpenConns(4)
	return db, nil
}

func (p *Practice) openEngine(ctx context.Context) error {
	if p.cfg.Database.Reveal() != "" {
		return errors.New("database: only the embedded database is available in this version; leave it empty")
	}
	db, err := openDB(p.state.path("engine.db"))
	if err != nil {
		return err
	}
	e := &engine{db: db, slots: make(chan struct{}, concurrency), broken: make(chan struct{}, 1)}
	p.engine = e
	if p.orders, err = openRegistry(ctx, db); err != nil {
		return err
	}
	site, err := p.executor()
	if err != nil {
		return err
	}
	e.ctx, err = dbos.NewContext(context.WithoutCancel(ctx), dbos.Config{
		AppName: "chartseal", SQLiteSystemDB: db, ApplicationVersion: flowVersion, ExecutorID: site,
		Logger: slog.New(quietEngine{p.log.Handler(), &e.ending}),
	})
	if err != nil {
		return fmt.Errorf("open engine: %w", err)
	}
	dbos.RegisterWorkflow(e.ctx, p.release, dbos.WithWorkflowName("release"))
	if err := dbos.Launch(e.ctx); err != nil {
		return fmt.Errorf("start engine: %w", err)
	}
	e.queue, err = dbos.RegisterQueue(e.ctx, "releases",
		dbos.WithWorkerConcurrency(underWay), dbos.WithQueueBasePollingInterval(pollEngine))
	if err != nil {
		return fmt.Errorf("open queue: %w", err)
	}
	return nil
}

// pollEngine is how often the engine looks for queued releases.
const pollEngine = 200 * time.Millisecond

// close waits for the stages under way; what they began is taken up again at
// the next start.
func (e *engine) close() error {
	e.ending.Store(true)
	var err error
	if e.ctx != nil {
		err = dbos.Shutdown(e.ctx, 10*time.Second)
	}
	return errors.Join(err, e.db.Close())
}

// start queues the workflow of a release. Queuing the same release again is
// harmless: its id is the engine's idempotency key.
func (e *engine) start(p *Practice, id string) (dbos.WorkflowHandle[verdict], error) {
	h, err := dbos.RunWorkflow(e.ctx, p.release, id, dbos.WithWorkflowID(id), dbos.WithQueue(e.queue))
	if err != nil {
		return nil, fmt.Errorf("queue release: %w", err)
	}
	return h, nil
}

// forgetAtOnce bounds the rows that one call removes.
const forgetAtOnce = 500

// forget removes the engine's rows of releases that ended before the given
// time. That they ended is kept in the table of orders.
func (e *engine) forget(ctx context.Context, before time.Time) error {
	for ctx.Err() == nil {
		old, err := dbos.ListWorkflows(e.ctx,
			dbos.WithFilterStatus(dbos.WorkflowStatusSuccess), dbos.WithFilterCompletedBefore(before),
			dbos.WithFilterLimit(forgetAtOnce), dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(false))
		if err != nil {
			return fmt.Errorf("list ended releases: %w", err)
		}
		if len(old) == 0 {
			return nil
		}
		ids := make([]string, len(old))
		for i, w := range old {
			ids[i] = w.ID
		}
		if err := dbos.DeleteWorkflows(e.ctx, ids); err != nil {
			return fmt.Errorf("forget ended releases: %w", err)
		}
	}
	return ctx.Err()
}

// executor is the stable name under which the engine recovers its own work.
func (p *Practice) executor() (string, error) {
	file := p.state.path("executor")
	b, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read executor: %w", watch.Scrub(err))
	}
	id := p.cfg.Site + "-" + randomName()
	return id, durable(file, []byte(id+"\n"), 0o600)
}

// quietEngine lets only the engine's warnings and errors through: its
// chatter is of no use to practice IT.
type quietEngine struct {
	slog.Handler
	ending *atomic.Bool // then the engine complains about its own end
}

// Enabled reports whether a line is worth passing on.
func (h quietEngine) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && !h.ending.Load() && h.Handler.Enabled(ctx, l)
}

// WithAttrs keeps the filter.
func (h quietEngine) WithAttrs(a []slog.Attr) slog.Handler {
	return quietEngine{h.Handler.WithAttrs(a), h.ending}
}

// WithGroup keeps the filter.
func (h quietEngine) WithGroup(n string) slog.Handler {
	return quietEngine{h.Handler.WithGroup(n), h.ending}
}
