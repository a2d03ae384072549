// Package chartseal is the release daemon of a dental practice. An approved
// release order dropped into the outbox becomes an encrypted bundle in an S3
// store and an expiring link:
//
//	order → gather → redact → bundle → seal → upload → link → ledger
//
// [Open] puts a practice together from its configuration; [Practice.Run] keeps
// it going. release.go shows a release stage by stage.
//
// Errors of this package are fit for logs: they name releases by their
// reference and stages by their name, never a patient, an order id, a path or
// a link.
package chartseal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"chartseal/config"
	"chartseal/ledger"
	"chartseal/order"
	"chartseal/packager"
	"chartseal/packager/gather/index"
	"chartseal/packager/gather/readings"
	"chartseal/registry"
	"chartseal/transport/localstore"
	"chartseal/transport/s3"
	"chartseal/watch"
	"chartseal/watch/notice"
)

// Options are what a practice needs from its surroundings.
type Options struct {
	Log     *slog.Logger
	Now     func() time.Time
	Self    func(ctx context.Context, args ...string) *exec.Cmd // this binary, for child processes
	Version string
	Watch   WatchFunc     // told about every change of a release; may be nil
	Patient bool          // wait for a shared database that is away, instead of failing with [registry.ErrAway]
	Alive   func()        // told at every turn of the daemon's loop, also of the one that waits; may be nil
	Step    StepFunc      // told after every durable effect; may be nil
	Locked  func()        // told as soon as the state folder is this process's own; may be nil
	Rush    func(on bool) // told when many releases are under way, and when that is over; may be nil
}

// WatchFunc is told what happens to a release, for a person who looks on.
type WatchFunc func(Event)

// StepFunc is told that something of a release is now durable, at the very place in
// the code: a test that ends the process there sees what a crash at that moment does.
// It is called from many goroutines.
type StepFunc func(release, stage, point string)

// Event is one step of a release as it happens. Order is patient data.
type Event struct {
	Order, Release, Stage string
	Done, Total           int64  // bytes, where the stage has a size
	Outcome               string // sent, held or denied at the end
	Passphrase            string // with Outcome sent: what the passphrase letter says; a secret
	Waiting               error  // class of the trouble the stage waits out
}

// Practice is an opened practice: its folders, keys, engine, store and ledger.
type Practice struct {
	cfg             *config.Config
	opts            Options
	log             *slog.Logger
	state           *state
	box             *watch.Outbox
	bookMu          sync.Mutex         // guards the next four
	book            bookCopy           // read it through bookNow
	badBook         [2]stamp           // the last one that could not be read, and its signature
	restrictions    order.Restrictions // what patients asked for; read it through restrictionsNow
	restrictionsSum [sha256.Size]byte  // of the file that it was read from
	steady          steadyClock        // of the brake
	sign            sign               // of life
	pulse           pulse              // what Vitals tells
	ledger          *ledger.Ledger     // nil as long as it was broken since the start
	ledgerMu        sync.Mutex         // guards ledger, which is opened anew after a failed write
	ledgerBroken    atomic.Bool
	heads           *follower // copies the signed heads
	copies          headStore // where they go
	mirror          *mirror   // of the ledger in a shared database; nil without one
	orders          *registry.Orders
	local           *localstore.Server // nil unless store.kind is local
	store           *s3.Store
	publishedMu     sync.Mutex // guards the states of releases whose bundle is in the store
	requests        *requests
	due             *dueList
	sweeping        bool // the store has been given its lifecycle rule; tidy's own
	engine          *engine
	rush            rush
	index           *index.Index        // whose the files of shared image folders are
	dicom           packager.DICOMRules // the practice's own
	readings        *readings.Readings  // of the folders with records
}

// Open locks the state folder and opens everything a release needs. A second
// daemon on the same state is refused with ErrLocked.
func Open(ctx context.Context, cfg *config.Config, opts Options) (*Practice, error) {
	p := &Practice{cfg: cfg, opts: opts, log: opts.Log, steady: newSteadyClock(opts.Now()), readings: readings.New(), rush: rush{tell: opts.Rush}}
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Practice) open(ctx context.Context) (err error) {
	if p.state, err = openState(p.cfg.State); err != nil {
		return err
	}
	if p.opts.Locked != nil {
		p.opts.Locked()
	}
	if err = p.readRules(); err != nil {
		return err
	}
	if p.opts.Patient { // the daemon
		p.live()
	}
	if err = p.beginLedger(ctx); err != nil {
		return err
	}
	if err = p.openIndex(); err != nil {
		return err
	}
	if err = p.openStore(ctx); err != nil {
		return err
	}
	p.startHeads(ctx)
	if err := p.openEngine(ctx); err != nil { // last: it takes up what an earlier run left
		return err
	}
	if p.mirror != nil {
		p.mirror.start(ctx)
	}
	p.pulse.started = p.opts.Now()
	return nil
}

// outboxMemory is the file under state that remembers which outbox is ours.
const outboxMemory = "outbox.json"

func (p *Practice) openBox(executor string) (err error) {
	p.box, err = watch.Open(p.cfg.Outbox, watch.Options{
		Scan: time.Duration(p.cfg.Watch.Scan), Settle: time.Duration(p.cfg.Watch.Settle), Now: p.opts.Now,
		Owner: executor, Shared: p.engine.db.Shared, Group: p.engine.db.ID, Memory: p.state.path(outboxMemory),
		Paused: p.ledgerBroken.Load, Crowded: p.crowded,
	})
	if errors.Is(err, watch.ErrUnwritable) || errors.Is(err, watch.ErrAway) { // waited out, if opts.Patient says so
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: outbox: %w", ErrConfig, err)
	}
	return nil
}

// Config is the configuration in force.
func (p *Practice) Config() *config.Config { return p.cfg }

// State is the practice's private folder.
func (p *Practice) State() string { return p.cfg.State }

// Close stops the engine, then everything it used, and unlocks the state.
func (p *Practice) Close() error {
	var errs []error
	if p.mirror != nil { // before the database it writes to
		p.mirror.close()
	}
	if p.engine != nil {
		errs = append(errs, p.engine.close())
	}
	p.rush.close()
	if p.due != nil { // what was answered until now leaves the list
		p.refreshDueList(context.Background(), false)
	}
	if p.index != nil {
		errs = append(errs, p.index.Close())
	}
	p.heads.close() // before the store it copies to
	if p.local != nil {
		errs = append(errs, p.local.Close())
	}
	if p.ledger != nil {
		errs = append(errs, p.ledger.Close())
	}
	if p.box != nil {
		errs = append(errs, p.box.Close())
	}
	if p.state != nil {
		errs = append(errs, p.state.close())
	}
	return errors.Join(errs...)
}

// Run takes up what an earlier run left and then watches the outbox until ctx
// ends. With untilIdle it returns once every order present is answered.
func (p *Practice) Run(ctx context.Context, untilIdle bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := p.resume(ctx); err != nil {
		if ctx.Err() != nil { // stopped while it began: the next start resumes
			return nil
		}
		return err
	}
	go p.stopWhenBroken(ctx, cancel)
	refreshed := owned(ctx, p.refreshIndex)
	defer func() {
		cancel()
		select {
		case <-refreshed:
		case <-time.After(readings.LastCall): // it reads in a folder that does not answer
		}
	}()
	aside := p.keepTidy
	if untilIdle {
		aside = func(ctx context.Context) { p.stopWhenIdle(ctx, cancel) }
	}
	watched := owned(ctx, p.watchLedger)
	defer func() { cancel(); <-watched }()
	done := owned(ctx, aside)
	defer func() { cancel(); <-done }()
	listed := owned(ctx, p.keepDueList)
	defer func() { cancel(); <-listed }()
	last := ""
	p.turned()
	err := p.box.Run(ctx, p.intake, func(s watch.Survey, err error) {
		p.turned()
		p.pulse.turned(p.opts.Now(), s, err)
		if s.Waiting > 0 || len(s.Ready) > 0 || p.dueListStamp() == (stamp{}) {
			p.due.changed()
		}
		if err == nil {
			last = ""
			return
		}
		if text := err.Error(); ctx.Err() == nil && text != last { // once, not at every scan
			last = text
			p.log.Warn("scan failed", slog.String("stage", "watch"), slog.String("class", classOf(err)), slog.String("error", err.Error()))
		}
	})
	select {
	case <-p.engine.broken:
		return ErrEngine
	default:
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if err == nil && untilIdle && p.ledgerBroken.Load() {
		return errDistrusted
	}
	return err
}

// stopWhenBroken cancels when the engine has lost track.
func (p *Practice) stopWhenBroken(ctx context.Context, cancel context.CancelFunc) {
	select {
	case <-ctx.Done():
	case <-p.engine.broken:
		p.engine.broken <- struct{}{} // for Run to see
		cancel()
	}
}

// owned runs a task beside its caller, who waits for the end of it.
func owned(ctx context.Context, task func(context.Context)) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		task(ctx)
	}()
	return done
}

// stopWhenIdle cleans up and cancels once nothing lies in the outbox and
// nothing is worked on.
func (p *Practice) stopWhenIdle(ctx context.Context, cancel context.CancelFunc) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if p.ledgerBroken.Load() { // nothing will be answered
			cancel()
			return
		}
		if p.idle(ctx) {
			p.tidyUp(ctx, &withdrawals{}, true)
			cancel()
		}
	}
}

// idle looks at the outbox before the registry: a claimed order is in one of
// the two at any time. As long as a release is under way neither need be looked at, which
// takes the longer the more lie there.
func (p *Practice) idle(ctx context.Context) bool {
	if p.rush.busy() {
		return false
	}
	here, err := p.box.Look()
	if err != nil || len(here.Pending) > 0 {
		return false
	}
	n, err := p.box.Working()
	if err != nil || n > 0 {
		return false
	}
	n, err = p.orders.UnderWay(ctx)
	return err == nil && n == 0
}

// who is the practice as letters and notes name it.
func (p *Practice) who() notice.Practice {
	c := p.cfg.Practice
	return notice.Practice{
		Name: c.Name, Address: c.Address,
		Contact: notice.Contact{Name: c.Contact.Name, Phone: c.Contact.Phone, Email: c.Contact.Email},
	}
}
