//go:build interop && unix

package chartseal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"chartseal/config"
	"chartseal/registry"
	"chartseal/testdata/postgres"
	"chartseal/transport"
)

// TestInteropPgBouncer: behind PgBouncer a site works where a session is its own. Where it
// is not, the start and check refuse it with a sentence that says what to do, however busy
// others keep the pooler.
func TestInteropPgBouncer(t *testing.T) {
	pg := postgres.Start(t)
	for mode, want := range map[string]error{"session": nil, "transaction": registry.ErrPooled, "statement": registry.ErrPooled} {
		t.Run(mode, func(t *testing.T) { behindPooler(t, pg, mode, want) })
	}
}

func behindPooler(t *testing.T, pg *postgres.Server, mode string, want error) {
	ctx := t.Context()
	pooler, err := pg.Pooler(ctx, mode)
	if err != nil {
		t.Fatal(err)
	}
	defer pooler.Close()
	cfg := &config.Config{Database: config.Secret(pooler.Address(postgres.Database)), Site: "s"}
	d, err := registry.OpenPostgres(ctx, cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	defer neighbours(t, cfg)()
	tries := 20
	if want == nil {
		tries = 2
	}
	for range tries {
		if err := d.Unpooled(ctx); !errors.Is(err, want) {
			t.Errorf("the start says: %v", err)
		}
	}
	said := ""
	examineDatabase(ctx, cfg, func(_ string, level transport.Level, text string, args ...any) {
		if level == transport.Problem {
			said += fmt.Sprintf(text, args...)
		}
	})
	if (said != "") != (want != nil) || want != nil && !strings.Contains(said, "session pooling") {
		t.Errorf("check says: %q", said)
	}
	if want != nil {
		return
	}
	if err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	s, err := d.TakeSeat(ctx, "s", "x", "1")
	if err != nil {
		t.Fatal(err)
	}
	beats := make(chan struct{})
	s.Keep(ctx, func(err error) { t.Error(err); close(beats) }, func(context.Context) error { beats <- struct{}{}; return nil })
	<-beats // with a look at the locks
	<-beats // and without
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// neighbours keep the pooler busy until the returned function is called.
func neighbours(t *testing.T, cfg *config.Config) (end func()) {
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 4 {
		conn, err := pgx.Connect(ctx, cfg.Database.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			for ctx.Err() == nil {
				_, _ = conn.Exec(ctx, `SELECT pg_sleep(0.002)`)
			}
			_ = conn.Close(context.Background())
		})
	}
	return func() { stop(); all.Wait() }
}
