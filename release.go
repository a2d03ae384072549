package chartseal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"chartseal/order"
	"chartseal/registry"
	"chartseal/transport"
	"chartseal/watch"
)

// verdict is the outcome of a stage, and of a release: the only thing the
// engine remembers of either.
type verdict = registry.State

// The verdicts: the states of an order in the registry, and two that do not come there.
const (
	working   = registry.Working // the release goes on
	recording = registry.Recording
	hold      = registry.Held
	sent      = registry.Sent
	denied    = registry.Denied
	extended  = registry.Extended
	delivered = registry.Delivered
	taken     = registry.Taken

	again verdict = "again" // the stage waits out some trouble
	gone  verdict = "gone"  // somebody deleted the claimed order: taken back
)

// release takes one order from the outbox to its answer, stage by stage. The
// engine runs it again from the last finished stage after a crash, so every
// stage can be repeated: pack writes a file under a name of its own, upload
// never overwrites, record appends once per release, answer appears whole.
func (p *Practice) release(ctx dbos.Context, id string) (v verdict, err error) {
	defer p.engine.enter(id)()
	defer p.due.waiting(id, "")
	defer p.rush.enter()()
	if v, err = p.stages(ctx, id); err != nil {
		err = p.engine.park(ctx)
	}
	return v, err
}

// route is the way of an order through the stages, and the end it leads to. All
// end in record and answer.
func (p *Practice) route(r *release) (stages []stage, end verdict) {
	var (
		admit  = stage{"admit", p.admit}   // the rules
		pack   = stage{"pack", p.pack}     // gather → redact → bundle → seal, read back
		upload = stage{"upload", p.upload} // the rules again, then the sealed file
		link   = stage{"link", p.link}     // the recipient page and the expiring links
		export = stage{"export", p.export} // the rules again, then the sealed file, hidden, in the export folder
		write  = stage{"write", p.write}   // the letters
	)
	switch r.Way {
	case byFolder:
		stages, end = []stage{admit, pack, export}, sent
	case byHand:
		return []stage{admit, write}, delivered
	case byDenial:
		return []stage{admit, write}, denied
	case byExtension:
		return []stage{admit, write}, extended
	default:
		stages, end = []stage{admit, pack, upload, link}, sent
	}
	if r.Denies { // a part of it; before anything leaves
		stages = slices.Insert(stages, 1, write)
	}
	return stages, end
}

func (p *Practice) stages(ctx dbos.Context, id string) (v verdict, err error) {
	r, err := p.begun(ctx, id)
	if err != nil {
		return v, err
	}
	v = working
	way, end := p.route(r)
	for _, s := range way {
		if v == working && err == nil {
			v, err = p.stage(ctx, id, s)
		}
	}
	if err != nil {
		return v, err
	}
	if v != working {
		end = v
	}
	record := stage{"record", func(ctx context.Context, r *release) error { return p.record(ctx, r, end) }}
	v, err = p.stage(ctx, id, record)
	if (v == gone || v == taken || v == hold) && err == nil && end != v {
		end = v
		_, err = p.stage(ctx, id, record)
	}
	if err != nil {
		return end, err
	}
	_, err = p.stage(ctx, id, stage{"answer", func(ctx context.Context, r *release) error { return p.answer(ctx, r, end) }})
	return end, err
}

// stage is one step of a release. It returns nil to go on, a *Held to stop the
// order, and any other error for trouble that is waited out.
type stage struct {
	name string
	do   func(ctx context.Context, r *release) error
}

// Back-off between two tries of a stage in trouble.
const (
	firstWait = time.Second
	maxWait   = 5 * time.Minute
)

// stage runs one stage until it says something definite, as one step of the
// engine however long that takes: tries leave no rows in its database.
func (p *Practice) stage(ctx dbos.Context, id string, s stage) (verdict, error) {
	v, err := dbos.RunAsStep(ctx, func(ctx context.Context) (verdict, error) {
		return p.persist(ctx, id, s)
	}, dbos.WithStepName(s.name))
	p.step(id, s.name, "remembered")
	return v, err
}

// begun reads what was noted of a release when it began. Its way never changes.
func (p *Practice) begun(ctx context.Context, id string) (*release, error) {
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		r, err := p.state.load(id)
		if err == nil {
			return r, nil
		}
		p.trouble(ctx, nil, id, "begin", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// persist tries a stage again and again. An outage may last for days and the daemon
// may restart meanwhile: then there is one try at once, and the waits go on as long
// as before, for the release remembers since when it is in trouble.
//
// It returns an error only when the daemon stops: the engine would remember it.
func (p *Practice) persist(ctx context.Context, id string, s stage) (verdict, error) {
	wait := firstWait
	if r, err := p.state.load(id); err == nil {
		wait = p.waited(r)
	}
	for ; ; wait = min(2*wait, maxWait) {
		if err := p.whenTrusted(ctx, id, s.name); err != nil {
			return again, fmt.Errorf("wait for %s: %w", s.name, err)
		}
		v, asked, err := p.try(ctx, id, s)
		if err != nil || v != again {
			return v, err
		}
		select {
		case <-ctx.Done():
			return again, fmt.Errorf("wait for %s: %w", s.name, ctx.Err())
		case <-time.After(max(wait, asked)):
		}
	}
}

// waited is how long a release has been in trouble, within the bounds of a wait.
func (p *Practice) waited(r *release) time.Duration {
	since, err := time.Parse(time.RFC3339, r.Since)
	if err != nil {
		return firstWait
	}
	return min(max(p.opts.Now().Sub(since), firstWait), maxWait)
}

// try runs a stage once and turns its error into a verdict; asked is how long the
// store wants to be left alone.
func (p *Practice) try(ctx context.Context, id string, s stage) (v verdict, asked time.Duration, err error) {
	r, err := p.state.load(id)
	if err != nil {
		return p.trouble(ctx, nil, id, s.name, err), 0, nil
	}
	if r.Outcome != "" && s.name != "answer" { // ended, whatever the engine remembers
		return r.Outcome, 0, nil
	}
	log := p.log.With(slog.String("release", id), slog.String("stage", s.name))
	v = working
	p.step(id, s.name, "begins")
	err = p.inTurn(ctx, s, r)
	p.step(id, s.name, "ends")
	held, isHeld := errors.AsType[*Held](err)
	switch {
	case err == nil:
		log.Info("done")
		err = p.calm(ctx, r)
	case ctx.Err() != nil:
		return again, 0, ctx.Err() // stopping: nothing is remembered, the stage runs again
	case isHeld:
		log.Info("held", slog.Any("rules", held.rules()))
		v, err = hold, p.keepReasons(r, held)
	case errors.Is(err, registry.ErrTaken):
		log.Warn("taken over by another site")
		v, err = taken, nil
	case errors.Is(err, watch.ErrNoClaim):
		log.Warn("claim gone")
		v, err = gone, nil
	}
	if err != nil {
		return p.trouble(ctx, r, id, s.name, err), transport.RetryAfter(err), nil
	}
	return v, 0, nil
}

// inTurn runs a stage; each waits for one of a few slots, for memory's sake.
// Packing and uploading take long and have slots of their own.
func (p *Practice) inTurn(ctx context.Context, s stage, r *release) error {
	slots := p.engine.quick
	if s.name == "pack" || s.name == "upload" || s.name == "export" {
		slots = p.engine.slots
	}
	if err := slots.Take(ctx, p.engine.rank(r.ID)); err != nil {
		return err
	}
	defer slots.Give()
	return s.do(ctx, r)
}

// trouble notes what a stage waits for; the error never ends the release.
func (p *Practice) trouble(ctx context.Context, r *release, id, stage string, err error) verdict {
	class := classOf(err)
	p.log.Warn("waiting", slog.String("release", id), slog.String("stage", stage), slog.String("class", class), slog.String("error", err.Error()))
	if r != nil && (r.Waiting != class || r.Stage != stage) {
		r.Waiting, r.Stage, r.Since = class, stage, p.opts.Now().UTC().Format(time.RFC3339)
		if err := p.state.save(r); err != nil {
			p.log.Warn("cannot note", slog.String("release", id), slog.String("class", classOf(err)))
		}
		p.tellSites(ctx, r, stage)
	}
	p.due.waiting(id, class)
	p.tell(Event{Release: id, Stage: stage, Waiting: err})
	return again
}

func (p *Practice) calm(ctx context.Context, r *release) error {
	if r.Waiting == "" {
		return nil
	}
	p.due.waiting(r.ID, "")
	r.Waiting, r.Stage, r.Since = "", "", ""
	p.tellSites(ctx, r, "")
	return p.state.save(r)
}

// tellSites shows what a release waits for to whoever reads the registry.
func (p *Practice) tellSites(ctx context.Context, r *release, stage string) {
	since := r.Since
	if since == "" {
		since = p.opts.Now().UTC().Format(time.RFC3339)
	}
	if err := p.orders.Note(ctx, r.ID, stage, r.Waiting, since); err != nil {
		p.log.Warn("cannot note", slog.String("release", r.ID), slog.String("class", classOf(err)))
	}
}

func (p *Practice) tell(e Event) {
	p.due.changed()
	if p.opts.Watch != nil {
		p.opts.Watch(e)
	}
}

func (p *Practice) step(release, stage, point string) {
	if p.opts.Step != nil {
		p.opts.Step(release, stage, point)
	}
}

// Held stops an order: nothing leaves, and the reasons go to staff.
//
//nolint:errname // the word of the practice: an order is held
type Held struct{ Reasons []order.Reason }

func (h *Held) Error() string { return "held: " + strings.Join(h.rules(), ", ") }

// rules names the rules that stopped the order, each once; fit for logs.
func (h *Held) rules() []string {
	seen := map[string]bool{}
	var ids []string
	for _, r := range h.Reasons {
		if !seen[r.Rule] {
			seen[r.Rule] = true
			ids = append(ids, r.Rule)
		}
	}
	return ids
}
