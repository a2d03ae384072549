package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"chartseal"
	"chartseal/cmd/chartseal/alert"
	"chartseal/cmd/chartseal/control"
	"chartseal/config"
	"chartseal/watch"
)

// porch is the daemon before its practice is open. It may wait there for days, for a
// shared database or an outbox that is away, or not get in at all: IT is told.
type porch struct {
	app     *app
	cfg     *config.Config
	waiting atomic.Pointer[alert.Condition]
	stop    context.CancelFunc
	told    <-chan struct{}
	early   *control.Server // nil: commands cannot ask yet
}

func (a *app) openPorch(ctx context.Context, cfg *config.Config) *porch {
	ctx, stop := context.WithCancel(ctx)
	a.keepFiles(cfg)
	p := &porch{app: a, cfg: cfg, stop: stop}
	p.told = a.keepTelling(ctx, cfg, p.look)
	return p
}

// show begins to show the daemon, once the state folder is its own.
func (p *porch) show(ctx context.Context) {
	p.app.openFront(ctx, p.cfg)
	early, err := listenEarly(ctx, p.cfg.State, p.app.front)
	if err != nil { // orders go on without
		p.app.logger().Warn("commands cannot reach this daemon yet", slog.String("stage", "control"), because(err))
		return
	}
	p.early = early
}

// look tells what has been waited for long enough. It knows nothing else.
func (p *porch) look(context.Context) ([]alert.Condition, bool) {
	c := p.waiting.Load()
	if c == nil || time.Since(c.Since) < p.cfg.Alerts.After.Duration() {
		return nil, false
	}
	return []alert.Condition{*c}, false
}

// waits hears what opening the practice waits for.
func (p *porch) waits(e chartseal.Event) {
	if e.Waiting == nil || e.Stage != "engine" {
		return
	}
	if p.app.front != nil {
		p.app.front.stand.waits(chartseal.ClassOf(e.Waiting))
	}
	c := &alert.Condition{Class: alert.Failing, Detail: chartseal.ClassOf(e.Waiting), Since: time.Now()}
	if was := p.waiting.Load(); was != nil && was.Detail == c.Detail {
		return
	}
	p.waiting.Store(c)
}

// close ends waiting. A daemon that cannot start tells at once, for nobody would later;
// what was told before is not told again.
func (p *porch) close(ctx context.Context, err error) {
	p.stop()
	if p.told != nil {
		<-p.told
	}
	if p.early != nil {
		p.app.hangUp(p.early)
	}
	if err == nil || ctx.Err() != nil || errors.Is(err, chartseal.ErrLocked) { // another one is at work
		return
	}
	found := alert.Condition{Class: alert.Stuck, Detail: "start"}
	switch class := chartseal.LedgerClass(err); {
	case class == chartseal.LedgerCut:
		found = alert.Condition{Class: alert.RolledBack}
	case class != "":
		found = alert.Condition{Class: alert.Ledger}
	case chartseal.IsFull(err):
		found = alert.Condition{Class: alert.Disk}
	}
	p.app.keeper(p.cfg, func(context.Context) ([]alert.Condition, bool) { return []alert.Condition{found}, false }).Once(ctx)
}

// keeper makes the keeper of alerts. Without a channel it tells the log alone.
func (a *app) keeper(cfg *config.Config, look alert.Look) *alert.Keeper {
	channels, err := alertChannels(cfg.Alerts)
	if err != nil {
		a.logger().Warn("not all alerts can be sent", slog.String("stage", "alert"), because(err))
	}
	return alert.New(alert.Options{
		Sender: sender(cfg), Channels: channels, State: cfg.State, Now: time.Now, Log: a.logger(), Look: look, Replace: watch.Replace,
	})
}

// keepTelling tells IT until ctx ends. The channel is closed then.
func (a *app) keepTelling(ctx context.Context, cfg *config.Config, look alert.Look) <-chan struct{} {
	k := a.keeper(cfg, look)
	told := make(chan struct{})
	go func() {
		defer close(told)
		k.Run(ctx)
	}()
	return told
}
