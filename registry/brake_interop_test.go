//go:build interop && unix

package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chartseal/config"
	"chartseal/testdata/postgres"
)

// TestInteropSitesShareTheBrake: on a real server, sites that let orders through at
// the same instant let no more through together than the practice allows, and each
// finds what another has sent before.
func TestInteropSitesShareTheBrake(t *testing.T) {
	pg := postgres.Start(t)
	ctx, sites := t.Context(), sitesAt(t, pg, 3)
	var let, held atomic.Int64
	var wg sync.WaitGroup
	wrong := time.Now().AddDate(3, 0, 0).Unix() // of a site whose clock is years ahead: the server's counts
	for n := range 30 {
		r, ref := sites[n%3], fmt.Sprint("ref", n)
		if _, mine, err := r.Admit(ctx, ref, "sha", ref); err != nil || !mine {
			t.Fatal(mine, err)
		}
		wg.Go(func() {
			over, err := r.LetThrough(ctx, ref, Tags{[]string{"chen"}, "lee"}, config.Brake{PerDay: 10, PerRecipient: 7}, UpToLimits, wrong)
			switch {
			case err != nil:
				t.Error(err)
			case len(over) == 0:
				let.Add(1)
			default:
				held.Add(1)
			}
		})
	}
	wg.Wait()
	if let.Load() != 7 || held.Load() != 23 {
		t.Errorf("%d were let through and %d held, want 7 and 23", let.Load(), held.Load())
	}

	likeness := sites[0].Tag("likeness of an order")
	if err := sites[0].Liken(ctx, "ref0", likeness); err != nil {
		t.Fatal(err)
	}
	e, err := sites[1].Alike(ctx, "ref1", likeness, time.Now().Add(-time.Hour))
	if err != nil || e.Ref != "ref0" || e.Site != "s0" {
		t.Errorf("found %+v, %v", e, err)
	}
}

// TestInteropWhoLooksWaitsForNobody: only who takes a place at the brake waits for
// another site that does; it is let through once that has ended.
func TestInteropWhoLooksWaitsForNobody(t *testing.T) {
	pg := postgres.Start(t)
	ctx := t.Context()
	d, err := OpenPostgres(ctx, &config.Config{Database: config.Secret(pg.URL()), Site: "s"}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	r := d.Orders("s", "x", time.Now)
	ask := func(ref string, how Passage, within time.Duration) error {
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		over, err := r.LetThrough(ctx, ref, Tags{[]string{"chen"}, "lee"}, config.Brake{PerRecipient: 5}, how, 0)
		if len(over) > 0 {
			t.Error(over)
		}
		return err
	}
	for _, ref := range []string{"a", "b"} {
		if _, mine, err := r.Admit(ctx, ref, "sha", ref); err != nil || !mine {
			t.Fatal(mine, err)
		}
	}
	if err := ask("a", UpToLimits, time.Minute); err != nil {
		t.Fatal(err)
	}
	other := pg.Connect(t, postgres.Database)
	if _, err := other.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(brakeLock)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ask("b", OnlyLook, time.Minute), ask("a", UpToLimits, time.Minute)); err != nil {
		t.Errorf("who looks, or has a place, waits: %v", err)
	}
	if err := ask("b", UpToLimits, 2*time.Second); err == nil {
		t.Error("a place is taken beside another site")
	}
	impatient := pg.Connect(t, postgres.Database)
	_, err = impatient.Exec(ctx, fmt.Sprintf(`SET lock_timeout='50ms'; SELECT pg_advisory_xact_lock(%d)`, int64(brakeLock)))
	if err = Scrub(err); !errors.Is(err, ErrBusy) || !errors.Is(err, ErrAway) {
		t.Errorf("who waited for too long is told: %v", err)
	}
	if err := impatient.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := ask("b", UpToLimits, time.Minute); err != nil {
		t.Error(err)
	}
}
