package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"chartseal"
	"chartseal/cmd/chartseal/control"
	"chartseal/ledger"
	"chartseal/order"
)

// question is about one order that was sent. It goes to the running daemon, over
// its private connection, or is answered right here.
type question struct {
	ID       string        `json:"id,omitempty"`   // the order's number, when its file is not at hand
	File     string        `json:"file,omitempty"` // the order's name, without a folder
	Data     []byte        `json:"order,omitempty"`
	Lifetime time.Duration `json:"lifetime,omitempty"`

	Accept    *chartseal.Acceptance      `json:"accept,omitempty"` // of a ledger that lacks entries
	Accounted *chartseal.GivenAccounting `json:"accounted,omitempty"`
	Purge     *chartseal.PurgeRequest    `json:"purge,omitempty"`
	Years     *chartseal.YearPurge       `json:"years,omitempty"` // of the ledger
	Ended     *chartseal.EndedPermission `json:"ended,omitempty"`
}

// topic is one kind of question and what answers it.
type topic[A any] struct {
	path   string
	answer func(context.Context, *chartseal.Practice, question) (A, error)
}

// The questions the daemon answers.
var (
	relinkQuestion = topic[relinked]{"link", relink}
	revokeQuestion = topic[revoked]{"revoke", revoke}
	acceptQuestion = topic[ledger.Entry]{"accept", accept}

	accountedQuestion = topic[recorded]{"accounted", accounted}
	purgeQuestion     = topic[[]chartseal.KeptOrder]{"purge", purge}
	yearsQuestion     = topic[[]chartseal.KeptYear]{"purge-ledger", purgeYears}
	endedQuestion     = topic[ledger.Entry]{"ended", ended}
)

// ask puts a question to the daemon, or opens the practice itself when none runs.
func ask[A any](ctx context.Context, a *app, k topic[A], q question) (out A, err error) {
	cfg, err := a.load()
	if err != nil {
		return out, err
	}
	tuneMemory()
	p, err := chartseal.Open(ctx, cfg, a.options(nil))
	if errors.Is(err, chartseal.ErrLocked) {
		return askDaemon(ctx, cfg.State, k, q)
	}
	if err != nil {
		return out, err
	}
	defer closing(&err, p.Close)
	return k.answer(ctx, p, q)
}

// errBusy says that something else than a daemon works on the state folder.
var errBusy = errors.New("another chartseal is working on this state folder and cannot be asked right now; try again in a moment")

func askDaemon[A any](ctx context.Context, state string, k topic[A], q question) (out A, err error) {
	err = control.Ask(ctx, state, k.path, q, &out)
	if no, ok := errors.AsType[*control.Failure](err); ok {
		return out, &exitError{no.Code, errors.New(no.Text)}
	}
	if errors.Is(err, control.ErrNobody) {
		return out, errBusy
	}
	return out, err
}

// read reads the order that a question is about.
func (q question) read(ctx context.Context, p *chartseal.Practice) (*order.Order, error) {
	o, err := p.ReadOrder(ctx, q.File, q.Data)
	if err != nil {
		return nil, usage(err)
	}
	return o, nil
}

// handler answers a question that came to the daemon.
func (k topic[A]) handler(p *chartseal.Practice) control.Handler {
	return func(ctx context.Context, b []byte) (any, error) {
		var q question
		if err := json.Unmarshal(b, &q); err != nil {
			return nil, &control.Failure{Code: exitUsage, Text: "the question cannot be read"}
		}
		out, err := k.answer(ctx, p, q)
		if err != nil {
			return nil, &control.Failure{Code: codeOf(err), Text: err.Error()}
		}
		return out, nil
	}
}

// listen answers the questions that commands put to the daemon until the practice
// is closed.
func listen(ctx context.Context, p *chartseal.Practice, l *lookout) (*control.Server, error) {
	return control.Serve(ctx, p.State(), map[string]control.Handler{
		relinkQuestion.path: relinkQuestion.handler(p),
		revokeQuestion.path: revokeQuestion.handler(p),
		acceptQuestion.path: acceptQuestion.handler(p),

		accountedQuestion.path: accountedQuestion.handler(p),
		purgeQuestion.path:     purgeQuestion.handler(p),
		yearsQuestion.path:     yearsQuestion.handler(p),
		endedQuestion.path:     endedQuestion.handler(p),

		boardQuestion:    l.front.address,
		shortcutQuestion: l.front.shortcut,
		renewQuestion:    l.front.renew,
	})
}

// listenEarly answers while the practice is being opened: where the board is, and to all
// else that it cannot be answered yet.
func listenEarly(ctx context.Context, state string, f *front) (*control.Server, error) {
	later := func(context.Context, []byte) (any, error) {
		return nil, &control.Failure{Code: exitFailed, Text: "the daemon is starting (" + f.stand.Vitals(ctx).Ill() + ") and cannot do that yet: try again when `chartseal status` shows that it runs"}
	}
	all := map[string]control.Handler{boardQuestion: f.address, shortcutQuestion: f.shortcut, renewQuestion: f.renew}
	for _, path := range []string{relinkQuestion.path, revokeQuestion.path, acceptQuestion.path, accountedQuestion.path, purgeQuestion.path, yearsQuestion.path, endedQuestion.path} {
		all[path] = later
	}
	return control.Serve(ctx, state, all)
}
