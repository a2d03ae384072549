package chartseal

import (
	"context"
	"errors"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
)

// start begins the workflow of a release at once, or queues it if many are under way.
// The queue is asked seldom: it holds what came on top, and what an earlier version left.
//
// Starting the same release again is harmless: one that is under way, waits in a queue or
// has ended stays as it is, and its id is the engine's idempotency key.
func (e *engine) start(ctx context.Context, p *Practice, id string) error {
	if e.runs.Err() != nil { // by an earlier start, which was given up
		e.fail()
		return ErrEngine
	}
	if _, here := e.active.Load(id); here {
		return nil
	}
	c, cancel := dbos.WithCancel(e.ctx)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	if known, err := e.remembers(c, id); known || err != nil {
		return wrap("find release", err)
	}
	if e.busy.Load() >= underWay {
		_, err := dbos.RunWorkflow(c, p.release, id, dbos.WithWorkflowID(id), dbos.WithQueue(e.queue))
		return wrap("queue release", e.db.Scrub(err))
	}
	stop := context.AfterFunc(ctx, func() { e.giveUp(errStopping) })
	_, err := dbos.RunWorkflow(e.runs, p.release, id, dbos.WithWorkflowID(id))
	if !stop() && err == nil {
		err = ctx.Err()
	}
	return wrap("begin release", e.db.Scrub(err))
}

// errElsewhere says that a release is another daemon's, as far as the engine knows: the
// file that names this one was lost or replaced. Nobody here would ever work on it.
var errElsewhere = errors.New("the engine holds the release for another daemon; restore the file 'executor' of the state folder")

// remembers reports whether the engine has a release already: it will go on with it, or
// it has ended.
func (e *engine) remembers(c dbos.Context, id string) (bool, error) {
	was, err := dbos.ListWorkflows(c, dbos.WithFilterWorkflowIDs(id), dbos.WithFilterLoadInput(false), dbos.WithFilterLoadOutput(false))
	if err != nil || len(was) == 0 {
		return false, e.db.Scrub(err)
	}
	open := was[0].Status == dbos.WorkflowStatusPending || was[0].Status == dbos.WorkflowStatusEnqueued
	if open && was[0].ApplicationVersion != e.ctx.GetApplicationVersion() {
		return true, errElsewhere
	}
	return true, nil
}

// errStopping ends the releases under way when a start is given up: waiting for a
// database that is away, it would not notice the end of its own context, and a release
// runs in the context that it was started in. Whoever gives a start up closes the engine.
//
// To the engine it is its own end: releases are taken up where they stopped. With another
// cause it would remember them as cancelled, for ever.
var errStopping error = stopping{}

type stopping struct{}

// Error names the engine's own cause (dbos.Shutdown, v1.3.0), which it does not export.
func (stopping) Error() string { return "DBOS is shutting down" }

// Is takes it for that.
func (s stopping) Is(target error) bool { return target.Error() == s.Error() }
