package chartseal

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"chartseal/config"
	"chartseal/order"
	"chartseal/watch"
)

// Answer is how an order ended: the folder in the outbox and what kind it is.
// Both are private: the folder's name is the order id.
type Answer struct {
	Kind watch.Kind
	Dir  string
}

// Send takes one order through in the foreground. The file itself stays where
// it is; its copy is claimed. Run must not be going on at the same time. While the ledger
// is not trusted it takes nothing in, and the error is [LedgerHold].
func (p *Practice) Send(ctx context.Context, name string, data, signature []byte) (Answer, error) {
	if p.ledgerBroken.Load() {
		return Answer{}, LedgerHold()
	}
	c, err := p.box.Accept(name, data, signature)
	if err != nil {
		return Answer{}, err
	}
	id, err := p.takeIn(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	end := hold
	if id != "" {
		if end, err = p.engine.wait(ctx, id); err != nil {
			return Answer{}, err
		}
	}
	kind := kindOf(end)
	if c.Placed != "" {
		return Answer{Kind: kind, Dir: filepath.Join(p.box.Dir(), filepath.FromSlash(c.Placed))}, nil
	}
	return Answer{Kind: kind, Dir: p.box.AnswerDir(kind, p.answerName(ctx, name, data))}, nil
}

// LedgerHold is what stops every order while the ledger is not trusted (rule R31). It is
// said to who sends in the foreground; nothing is recorded of it.
func LedgerHold() *Held {
	said := order.Stopping(order.Evaluate(&order.Order{Decision: order.Release}, order.Facts{LedgerBroken: true, Stage: order.AtIntake}))
	return &Held{slices.DeleteFunc(said, func(r order.Reason) bool { return r.Rule != "R31" })}
}

// AnswerName is what the answer folder of an order file is called: its id, or the
// file's own name when the id cannot be read.
func AnswerName(ctx context.Context, cfg *config.Config, opts Options, name string, data []byte) string {
	o, err := ReadOrder(ctx, cfg, opts, name, data)
	if bad, ok := errors.AsType[*order.ParseError](err); ok && bad.ID != "" {
		return bad.ID
	}
	if err != nil {
		return name
	}
	return o.ID
}

func (p *Practice) answerName(ctx context.Context, name string, data []byte) string {
	return AnswerName(ctx, p.cfg, p.opts, name, data)
}

// wait blocks until the release has ended or ctx has.
func (e *engine) wait(ctx context.Context, id string) (verdict, error) {
	h, err := dbos.RetrieveWorkflow[verdict](e.ctx, id)
	if err != nil {
		return "", wrap("find release", e.db.Scrub(err))
	}
	type result struct {
		v   verdict
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := h.GetResult(dbos.WithHandlePollingInterval(20 * time.Millisecond))
		done <- result{v, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-e.broken:
		e.fail() // for whoever else waits
		return "", ErrEngine
	case r := <-done:
		if r.err != nil {
			return "", wrap("wait for release", e.db.Scrub(r.err))
		}
		return r.v, nil
	}
}
