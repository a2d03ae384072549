package chartseal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // SQLite as the engine's database

	"chartseal/durable"
	"chartseal/registry"
	"chartseal/turns"
	"chartseal/watch"
)

// flowVersion pins the workflow's version: by default the engine takes the
// hash of the binary and would not recover what an older binary began. It
// changes only with an incompatible change of the flow.
const flowVersion = "release-1"

// concurrency bounds the releases that are packed or uploaded at once; uploads
// share one uplink.
const concurrency = 2

// underWay bounds the releases that are begun as their orders come in. It is large
// because one that waits out an outage takes a place as well and must not stop the
// others. What comes on top goes through the queue, which has as many places again.
const underWay = 500

// engine remembers how far each release has come. The releases themselves
// are idempotent; its rows hold release references and verdicts only.
type engine struct {
	ctx    dbos.Context
	runs   dbos.Context // of the releases that were begun outside the queue
	giveUp context.CancelCauseFunc
	db     *registry.Database
	seat   *registry.Seat
	queue  dbos.Queue
	slots  *turns.Slots  // held while a release is packed or uploaded
	quick  *turns.Slots  // held in any other stage
	broken chan struct{} // signalled when the engine could not remember a stage
	ending atomic.Bool

	active sync.Map      // the releases this process works on: id → rank, by their begin
	busy   atomic.Int64  // how many they are
	begun  atomic.Uint64 // ranks given
	stray  map[string]bool
}

// ErrEngine says that the engine lost track of a release, because its database
// could not be written. Nothing is lost: opened again, the practice takes up
// every release where it stopped.
var ErrEngine = errors.New("the engine's database could not be written")

// fail reports that the engine has to be opened again.
func (e *engine) fail() {
	if e.ending.Load() {
		return
	}
	select {
	case e.broken <- struct{}{}:
	default:
	}
}

// park keeps a release that the engine lost track of from ending: an error
// returned to the engine would be remembered as the release's outcome for ever.
// Parked until the engine is closed, it is taken up where it stopped.
func (e *engine) park(ctx context.Context) error {
	e.fail()
	<-ctx.Done()
	return ctx.Err()
}

// openEngine opens the database, takes this site's place at it and starts the
// engine. A shared database or an outbox that is away is waited for if opts.Patient says so; the
// links of the embedded store keep working meanwhile.
func (p *Practice) openEngine(ctx context.Context) error {
	executor, err := p.executor()
	if err != nil {
		return err
	}
	for wait := firstWait; ; wait = min(2*wait, maxDatabaseWait) {
		err := p.tryEngine(ctx, executor)
		if err == nil || !p.opts.Patient || !IsAway(err) {
			return err
		}
		if wait == firstWait {
			p.log.Warn("waiting for the shared database or the outbox", slog.String("stage", "engine"), slog.String("class", classOf(err)), slog.String("error", err.Error()))
		}
		p.tell(Event{Stage: "engine", Waiting: err})
		if err := p.engine.close(); err != nil {
			p.log.Warn("engine does not close", slog.String("stage", "engine"), slog.String("class", classOf(err)))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		p.turned()
	}
}

// maxDatabaseWait is the longest pause between two tries to reach a shared database.
const maxDatabaseWait = 15 * time.Second

func (p *Practice) tryEngine(ctx context.Context, executor string) (err error) {
	e := &engine{slots: turns.New(concurrency), quick: turns.New(2 * concurrency), broken: make(chan struct{}, 1), stray: map[string]bool{}}
	p.engine = e
	if e.db, err = p.openDatabase(ctx); err != nil {
		return err
	}
	if err := e.db.Unpooled(ctx); err != nil {
		return err
	}
	if err := e.db.Migrate(ctx); err != nil {
		return err
	}
	if err := p.compareMirror(ctx, e.db); err != nil {
		return err
	}
	if e.seat, err = e.db.TakeSeat(ctx, p.cfg.Site, executor, p.opts.Version); err != nil {
		return err
	}
	if p.box == nil {
		if err := p.openBox(executor); err != nil {
			return err
		}
		p.openDueList()
	}
	p.orders = e.db.Orders(p.cfg.Site, executor, p.opts.Now)
	if err := p.reconcile(ctx); err != nil {
		return err
	}
	if err := e.launch(ctx, p, executor); err != nil {
		return err
	}
	e.seat.Keep(context.WithoutCancel(ctx), func(err error) {
		if e.ending.Load() { // it is given up
			return
		}
		p.log.Warn("the engine is opened again: its place at the shared database, or a release, is lost", slog.String("stage", "engine"), slog.String("class", classOf(err)))
		e.fail()
	}, e.ask)
	return nil
}

func (p *Practice) openDatabase(ctx context.Context) (*registry.Database, error) {
	if p.cfg.Database.Reveal() != "" {
		return registry.OpenPostgres(ctx, p.cfg, false)
	}
	return registry.OpenSQLite(p.state.path("engine.db"))
}

// launch starts the engine. It takes up what this executor left, and nothing of
// another: a release's claim, sealed file and ledger are at its own site. So
// each executor has a queue of its own and listens to no other.
func (e *engine) launch(ctx context.Context, p *Practice, executor string) (err error) {
	c := dbos.Config{
		AppName: registry.EngineApp, ApplicationVersion: flowVersion, ExecutorID: executor, SystemDBStartupTimeout: startTimeout,
		Logger: slog.New(quietEngine{p.log.Handler(), &e.ending}),
	}
	queue := "releases"
	if e.db.Shared {
		c.SystemDBPool, c.DatabaseSchema = e.db.Pool(), registry.EngineSchema
		c.AppName, c.ApplicationVersion = ownApp(executor)
		queue = "releases-" + executor
	} else {
		c.SQLiteSystemDB, c.SystemDBStartupTimeout = e.db.SQL(), ownStart
	}
	if e.ctx, err = dbos.NewContext(context.WithoutCancel(ctx), c); err != nil {
		return e.launchError("open engine", err)
	}
	if e.ctx.GetExecutorID() != executor || e.ctx.GetApplicationVersion() != c.ApplicationVersion {
		return fmt.Errorf("%w: the environment sets DBOS__VMID or DBOS__APPVERSION, under which releases would be lost; unset them", ErrConfig)
	}
	if e.db.Shared {
		if err := e.db.RenameApp(ctx, queue, c.AppName, c.ApplicationVersion); err != nil {
			return e.launchError("open engine", err)
		}
		if err := e.db.IndexQueues(ctx); err != nil { // it goes on, slower
			p.log.Warn("the engine's queues have no index by site", slog.String("stage", "engine"), slog.String("class", classOf(registry.Scrub(err))))
		}
	} else if err := e.db.Adopt(ctx, executor); err != nil {
		return e.launchError("open engine", err)
	}
	defer e.endWith(ctx)()
	dbos.RegisterWorkflow(e.ctx, p.release, dbos.WithWorkflowName("release"), dbos.WithMaxRecoveryAttempts(0)) // no number of restarts may end a release
	dbos.ListenQueues(e.ctx, queue)
	if err := dbos.Launch(e.ctx); err != nil {
		return e.launchError("start engine", err)
	}
	e.runs, e.giveUp = dbos.WithCancelCause(e.ctx)
	e.queue, err = dbos.RegisterQueue(e.ctx, queue,
		dbos.WithWorkerConcurrency(underWay), dbos.WithQueueBasePollingInterval(pollQueue))
	if err != nil {
		return e.launchError("open queue", err)
	}
	return nil
}

// ownApp is the engine's application, and its version, of one executor on a shared
// database. To the engine every site is an application of its own: it asks once a second
// for all queues of its application, which would be those of a thousand sites. A version
// belongs to one application, so it has the site's mark, too.
func ownApp(executor string) (app, version string) {
	mark := "-" + digest([]byte(executor))[:16]
	return registry.EngineApp + mark, flowVersion + mark
}

// launchError says what failed; on a shared database the engine's text may show
// its address, and waiting is the answer.
func (e *engine) launchError(what string, err error) error {
	if e.db.Shared {
		return fmt.Errorf("%s: %w", what, registry.Scrub(err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// endWith shuts the engine down when ctx ends while it starts: waiting for a
// database that is away, it would not notice. The result ends the watch.
func (e *engine) endWith(ctx context.Context) func() {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		e.ending.Store(true)
		_ = dbos.Shutdown(e.ctx, shutdownTimeout) // the start reports the failure
	})
	return func() {
		if !stop() {
			<-ended
		}
	}
}

// How often the engine looks for queued releases, of which there are few (see start),
// and the limits of its start and its end.
const (
	pollQueue       = 5 * time.Second
	startTimeout    = 30 * time.Second // of a server, which may be away
	ownStart        = 3 * time.Minute  // of a file, on a disk that may be slow
	shutdownTimeout = 10 * time.Second
	cutAfter        = 3 * time.Second // then the connections to a frozen server are cut
)

// close waits for the stages under way; what they began is taken up again at
// the next start. The seat is given up last.
func (e *engine) close() error {
	e.ending.Store(true)
	var errs []error
	if e.db != nil {
		cut := time.AfterFunc(cutAfter, e.db.Cut)
		if e.ctx != nil {
			errs = append(errs, dbos.Shutdown(e.ctx, shutdownTimeout))
		}
		errs = append(errs, e.db.Close())
		cut.Stop()
	}
	if e.seat != nil {
		errs = append(errs, e.seat.Close())
	}
	return errors.Join(errs...)
}

// enter notes that this process works on a release, until what it returns is called.
func (e *engine) enter(id string) (leave func()) {
	e.active.Store(id, e.begun.Add(1))
	e.busy.Add(1)
	return func() {
		e.busy.Add(-1)
		e.active.Delete(id)
	}
}

// rank is when a release began among those of this process.
func (e *engine) rank(id string) uint64 {
	n, _ := e.active.Load(id)
	rank, _ := n.(uint64)
	return rank
}

// ask looks for releases the engine holds for begun that nobody here works on: a
// connection that broke at the wrong moment can leave one. Seen twice in a row,
// it is reported, and opening the engine again takes it up.
func (e *engine) ask(context.Context) error {
	begun, err := dbos.ListWorkflows(e.ctx, dbos.WithFilterStatus(dbos.WorkflowStatusPending),
		dbos.WithFilterExecutorIDs(e.ctx.GetExecutorID()), dbos.WithFilterAppVersion(e.ctx.GetApplicationVersion()), // which its start takes up
		dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(false))
	if err != nil && !e.db.Shared {
		return nil //nolint:nilerr // no other site can take this one's place: an answer that cannot be had is no news
	}
	if err != nil {
		return registry.Scrub(err)
	}
	stray := map[string]bool{}
	for _, w := range begun {
		if _, ok := e.active.Load(w.ID); ok {
			continue
		}
		if e.stray[w.ID] {
			return ErrEngine
		}
		stray[w.ID] = true
	}
	e.stray = stray
	return nil
}

// forgetAtOnce bounds the rows that one call removes.
const forgetAtOnce = 500

// forget removes the engine's rows of releases that ended before the given
// time. That they ended is kept in the table of orders.
func (e *engine) forget(ctx context.Context, before time.Time) error {
	for ctx.Err() == nil {
		old, err := dbos.ListWorkflows(e.ctx,
			dbos.WithFilterStatus(dbos.WorkflowStatusSuccess), dbos.WithFilterCompletedBefore(before),
			dbos.WithFilterExecutorIDs(e.ctx.GetExecutorID()), // other sites see to their own
			dbos.WithFilterLimit(forgetAtOnce), dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(false))
		if err != nil {
			return fmt.Errorf("list ended releases: %w", e.db.Scrub(err))
		}
		if len(old) == 0 {
			return nil
		}
		ids := make([]string, len(old))
		for i, w := range old {
			ids[i] = w.ID
		}
		if err := dbos.DeleteWorkflows(e.ctx, ids); err != nil {
			return fmt.Errorf("forget ended releases: %w", e.db.Scrub(err))
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
	return id, durable.Write(file, []byte(id+"\n"), 0o600)
}

// quietEngine lets only the engine's warnings and errors through: its
// chatter is of no use to practice IT. Errors lose what names the database.
type quietEngine struct {
	slog.Handler
	ending *atomic.Bool // then the engine complains about its own end
}

// Enabled reports whether a line is worth passing on.
func (h quietEngine) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && !h.ending.Load() && h.Handler.Enabled(ctx, l)
}

// Handle passes on the message and the release; of errors the kind only.
func (h quietEngine) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, "engine: "+r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		switch v := a.Value.Any().(type) {
		case error:
			out.AddAttrs(slog.String("class", classOf(registry.Scrub(v))))
		default:
			if a.Key == "workflow_id" {
				out.AddAttrs(slog.Any("release", v))
			}
		}
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs keeps the filter.
func (h quietEngine) WithAttrs(a []slog.Attr) slog.Handler {
	return quietEngine{h.Handler.WithAttrs(a), h.ending}
}

// WithGroup keeps the filter.
func (h quietEngine) WithGroup(n string) slog.Handler {
	return quietEngine{h.Handler.WithGroup(n), h.ending}
}
