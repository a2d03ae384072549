package chartseal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"chartseal/config"
	"chartseal/config/strict"
	"chartseal/registry"
	"chartseal/transport"
)

// The engine forgets what ended long ago, and nothing that ended lately or has
// not ended.
func TestTheEngineForgetsWhatEndedLongAgo(t *testing.T) {
	db, err := registry.OpenSQLite(filepath.Join(t.TempDir(), "engine.db"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := dbos.NewContext(t.Context(), dbos.Config{AppName: "test", SQLiteSystemDB: db.SQL(), ApplicationVersion: "1", ExecutorID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{ctx: ctx, db: db}
	t.Cleanup(func() {
		if err := e.close(); err != nil {
			t.Error(err)
		}
	})
	wait := make(chan struct{})
	ended := func(dbos.Context, string) (verdict, error) { return sent, nil }
	underWay := func(dbos.Context, string) (verdict, error) { <-wait; return sent, nil }
	dbos.RegisterWorkflow(ctx, ended, dbos.WithWorkflowName("ended"))
	dbos.RegisterWorkflow(ctx, underWay, dbos.WithWorkflowName("under way"))
	if err := dbos.Launch(ctx); err != nil {
		t.Fatal(err)
	}
	defer close(wait)
	for _, id := range []string{"a", "b"} {
		h, err := dbos.RunWorkflow(ctx, ended, id, dbos.WithWorkflowID(id))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.GetResult(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dbos.RunWorkflow(ctx, underWay, "c", dbos.WithWorkflowID("c")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		before time.Time
		left   int
	}{{time.Now().Add(-time.Minute), 3}, {time.Now().Add(time.Minute), 1}} {
		if err := e.forget(t.Context(), step.before); err != nil {
			t.Fatal(err)
		}
		left, err := dbos.ListWorkflows(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) != step.left {
			t.Errorf("%d workflows are left, want %d", len(left), step.left)
		}
	}
}

func TestABundleIsKeptWhileALinkToItLives(t *testing.T) {
	at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	p := &Practice{cfg: &config.Config{Link: config.Link{Keep: strict.Duration(24 * time.Hour)}}}
	r := &release{Outcome: sent, Links: &links{At: at, Expires: at.Add(7 * 24 * time.Hour)}}
	if got := p.keptUntil(r); !got.Equal(r.Links.Expires) {
		t.Errorf("kept until %s, and the link lives until %s", got, r.Links.Expires)
	}
	r.Links.Expires = at.Add(time.Hour)
	if got := p.keptUntil(r); !got.Equal(at.Add(24 * time.Hour)) {
		t.Errorf("kept until %s, want a day", got)
	}
	for name, r := range map[string]*release{
		"held":      {Outcome: hold, Links: r.Links},
		"under way": {Links: r.Links},
		"revoked":   {Outcome: sent, Links: r.Links, Revoked: true},
		"expired":   {Outcome: sent, Links: r.Links, Expired: true},
	} {
		if r.published() {
			t.Errorf("%s: counts as published", name)
		}
	}
}

// A new link must not outlive the bundle in a store that deletes by itself, and
// the store deletes only long after we do.
func TestNoLinkOutlivesTheStoresOwnDeleting(t *testing.T) {
	at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	p := &Practice{cfg: &config.Config{Link: config.Link{Keep: config.DefaultKeep}}}
	if days := p.sweepDays(); days != 396 {
		t.Errorf("the store deletes after %d days, want 30 and a year", days)
	}
	r := &release{Stored: at, Links: &links{At: at, Expires: at.AddDate(0, 0, 7)}}
	if got := p.sweptAt(r); !got.Equal(at.AddDate(0, 0, 396)) || !got.After(p.keptUntil(r)) {
		t.Errorf("the store may delete on %s", got)
	}
}

// A sealed file that somebody deleted holds its order; one whose folder is away is
// waited for.
func TestASealedFileThatIsGoneHolds(t *testing.T) {
	p := &Practice{state: &state{dir: t.TempDir()}}
	_, err := p.openSealed(&release{Sealed: "x.age"})
	if _, ok := errors.AsType[*Held](spoiled(err)); ok || err == nil {
		t.Errorf("with the folder away: %v", err)
	}
	if err := os.Mkdir(p.state.path("sealed"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = p.openSealed(&release{Sealed: "x.age"})
	if _, ok := errors.AsType[*Held](spoiled(err)); !ok {
		t.Errorf("with the file gone: %v", err)
	}
}

// What no waiting mends holds the order; everything else is waited out.
func TestOnlySpoiledUploadsHold(t *testing.T) {
	for _, err := range []error{transport.ErrChanged, transport.ErrExists} {
		held, ok := errors.AsType[*Held](spoiled(&transport.Error{Op: "upload", Class: err}))
		if !ok || !strings.Contains(held.Reasons[0].Message, "Nothing was sent.") {
			t.Errorf("%v does not hold with a sentence", err)
		}
	}
	for _, err := range []error{transport.ErrUnavailable, transport.ErrDenied, transport.ErrFull, transport.ErrClock, transport.ErrNoBucket, transport.ErrInterrupted} {
		if _, ok := errors.AsType[*Held](spoiled(&transport.Error{Op: "upload", Class: err})); ok {
			t.Errorf("%v holds", err)
		}
	}
}
