//go:build interop && unix

package registry

import (
	"errors"
	"testing"

	"chartseal/config"
	"chartseal/testdata/postgres"
)

// TestInteropASeatIsASession: a site notices that its session is another one, was reset,
// or has lost its lock, as behind a pooler.
func TestInteropASeatIsASession(t *testing.T) {
	pg := postgres.Start(t)
	ctx := t.Context()
	cfg := &config.Config{Database: config.Secret(pg.URL() + "&pool_max_conns=2"), Site: "s"}
	d, err := OpenPostgres(ctx, cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	for what, lose := range map[string]func(*Seat) error{
		"reset":   func(s *Seat) error { _, err := s.conn.Exec(ctx, `DISCARD ALL`); return err },
		"another": func(s *Seat) error { s.conn = pg.Connect(t, postgres.Database); return nil },
		"unlocked": func(s *Seat) error {
			_, err := s.conn.Exec(ctx, `SELECT pg_advisory_unlock_all()`)
			s.beats = lookAtLocks
			return err
		},
	} {
		s, err := d.TakeSeat(ctx, "s", "x", "1")
		if err != nil {
			t.Fatal(what, err)
		}
		held, err := d.held(ctx)
		if err != nil || !held[lockKey("x")] || len(held) != 1 {
			t.Errorf("%s: the locks held are %v, %v", what, held, err)
		}
		first := s.conn
		for range 2 { // with a look at the locks, and without
			if err := s.beatOnce(ctx); err != nil {
				t.Errorf("%s: the seat is lost before: %v", what, err)
			}
		}
		if err := lose(s); err != nil {
			t.Fatal(what, err)
		}
		if err := s.beatOnce(ctx); err == nil || what == "unlocked" && !errors.Is(err, ErrSiteTaken) {
			t.Errorf("%s: %v", what, err)
		}
		if err := errors.Join(first.Close(ctx), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
