package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"chartseal"
	"chartseal/cmd/chartseal/board"
	"chartseal/cmd/chartseal/monitor"
	"chartseal/config"
)

// front is where the daemon shows itself: the board, the metrics and /healthz. It is there
// from the moment at which the state folder is this process's own, so also while the daemon
// waits for a database or an outbox before it can begin, and between two tries.
type front struct {
	stand  *stand
	listen string          // as it was configured
	server *monitor.Server // nil: there is none to be had
	board  *board.Board
	why    error // there is no server
}

var errNotShown = errors.New("the daemon shows no board: set status: {listen: \"127.0.0.1:7421\"} in chartseal.yaml and restart it")

// openFront opens it, unless it is open at the configured address.
func (a *app) openFront(ctx context.Context, cfg *config.Config) {
	if a.front != nil && a.front.listen == cfg.Status.Listen {
		a.front.stand.begin(cfg)
		return
	}
	a.closeFront()
	a.keepFiles(cfg)
	f := &front{stand: &stand{}, listen: cfg.Status.Listen}
	f.stand.begin(cfg)
	if f.why = f.show(ctx, a, cfg); f.why != nil && !errors.Is(f.why, errNotShown) {
		a.logger().Warn("the board and the metrics cannot be shown", slog.String("stage", "status"), because(f.why))
	}
	a.front = f
}

func (f *front) show(ctx context.Context, a *app, cfg *config.Config) (err error) {
	if cfg.Status.Listen == "" {
		return errNotShown
	}
	now := limitsOf(cfg.Alerts)
	now.after = 0 // who looks wants to know what is, also if it passes
	f.board, err = board.Open(f.stand, board.Options{
		Now: time.Now,
		Concerns: func(v *chartseal.Vitals) []board.Concern {
			return concerns(v, append(conditions(v, now), a.kept.changed()...))
		},
		Recent: func() []board.Line { return boardLines(a.logs.recent) },
	})
	if err != nil {
		return err
	}
	f.server, err = monitor.Serve(ctx, cfg.Status.Listen, monitor.Handlers(f.stand, time.Now), f.board.Pages())
	return err
}

// closeFront ends showing it.
func (a *app) closeFront() {
	f := a.front
	if a.front = nil; f == nil || f.server == nil {
		return
	}
	if err := f.server.Close(); err != nil {
		a.logger().Warn("showing the board did not end well", slog.String("stage", "status"), because(err))
	}
}

// boardAddress is where the board can be opened, once.
type boardAddress struct {
	Address string    `json:"address"`
	Until   time.Time `json:"until"`
}

// address answers the command that asks for the board.
func (f *front) address(context.Context, []byte) (any, error) {
	near, err := f.here()
	if err != nil {
		return nil, err
	}
	at, until := f.board.Address(near)
	return boardAddress{at, until}, nil
}

// stand is the practice that is shown, or what is known while there is none.
type stand struct {
	mu     sync.RWMutex // held by who looks at the practice: it is not closed meanwhile
	p      *chartseal.Practice
	cfg    *config.Config
	began  time.Time
	awaits chartseal.Trouble
}

// begin says that a practice is being opened.
func (s *stand) begin(cfg *config.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg = cfg; s.began.IsZero() {
		s.began = time.Now()
	}
}

// waits says what that waits for, by its class.
func (s *stand) waits(class string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.awaits.Class != class {
		s.awaits = chartseal.Trouble{Class: class, Since: time.Now()}
	}
}

func (s *stand) enter(p *chartseal.Practice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.p, s.awaits = p, chartseal.Trouble{}
}

// leave waits for who looks at the practice, which is closed after.
func (s *stand) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.p = nil
}

// State is the practice's private folder.
func (s *stand) State() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.cfg.State
}

// Vitals looks at the practice, or says that there is none yet.
func (s *stand) Vitals(ctx context.Context) *chartseal.Vitals {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.p != nil {
		return s.p.Vitals(ctx)
	}
	return chartseal.OpeningVitals(s.cfg, version(), s.began, time.Now(), s.awaits)
}

// Desk is the same for the board.
func (s *stand) Desk(ctx context.Context) (*chartseal.Desk, error) {
	s.mu.RLock()
	p := s.p
	if p != nil {
		defer s.mu.RUnlock()
		return p.Desk(ctx)
	}
	s.mu.RUnlock()
	return &chartseal.Desk{Vitals: s.Vitals(ctx)}, nil
}
