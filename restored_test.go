package chartseal

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chartseal/registry"
	"chartseal/watch"
)

// A database brought back from a backup, or made anew, learns what the releases'
// files know, and nothing that it knows better itself.
func TestAnOlderDatabaseLearnsFromTheReleases(t *testing.T) {
	st, err := openState(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	r, there := two(t)
	ctx := t.Context()
	for ref, by := range map[string]*registry.Orders{"begun": r, "ended": r, "again": r, "newer": r, "theirs": there} {
		if _, mine, err := by.Admit(ctx, ref, "sha", "claim-"+ref); err != nil || !mine {
			t.Fatal(mine, err)
		}
	}
	if err := errors.Join(r.Settle(ctx, "again", hold), r.Settle(ctx, "newer", hold)); err != nil {
		t.Fatal(err)
	}
	if _, mine, err := r.Admit(ctx, "newer", "sha", "claim-newer.2"); err != nil || !mine {
		t.Fatal(mine, err)
	}
	for id, end := range map[string]verdict{
		"begun": "", "ended": sent, "again": hold, "again.2": sent, "newer": hold, "theirs": sent,
		"lost": sent, "lost-under-way": "", "twice": hold, "twice.2": hold, "twice.10": sent,
	} {
		if err := st.save(&release{ID: id, Claim: "claim-" + id, OrderSHA: "sha", Outcome: end}); err != nil {
			t.Fatal(err)
		}
	}
	p := &Practice{log: slog.New(slog.DiscardHandler), state: st, orders: r, opts: Options{Now: time.Now}}
	for range 2 { // the second time there is nothing to do
		if err := p.reconcile(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for ref, want := range map[string]registry.Entry{
		"begun": {Attempt: 1, State: working, Executor: "here-1"}, "ended": {Attempt: 1, State: sent, Executor: "here-1"},
		"again": {Attempt: 2, State: sent, Executor: "here-1"}, "newer": {Attempt: 2, State: working, Executor: "here-1"},
		"theirs": {Attempt: 1, State: working, Executor: "there-1"}, "lost": {Attempt: 1, State: sent, Executor: "here-1"},
		"lost-under-way": {Attempt: 1, State: working, Executor: "here-1"}, "twice": {Attempt: 10, State: sent, Executor: "here-1"},
	} {
		e, err := r.Find(ctx, ref)
		if err != nil || e.Attempt != want.Attempt || e.State != want.State || e.Executor != want.Executor {
			t.Errorf("%s: %+v, %v", ref, e, err)
		}
	}
}

// A release whose order is gone because it was answered, which an older state
// folder does not know, is not taken back: its bundle stays. (There is no store
// here to take it from.)
func TestAnAnsweredReleaseIsNotTakenBack(t *testing.T) {
	st, err := openState(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	box, err := watch.Open(t.TempDir(), watch.Options{Owner: "here-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	r := newRegistry(t)
	p := &Practice{log: slog.New(slog.DiscardHandler), state: st, orders: r, box: box, opts: Options{Now: time.Now}}
	for kind, end := range map[watch.Kind]verdict{watch.Sent: sent, watch.Denied: denied, watch.Extended: extended} {
		ref := string(kind)
		answer := filepath.Join(box.Dir(), string(kind), "R-1")
		if err := errors.Join(os.MkdirAll(answer, 0o700), os.WriteFile(filepath.Join(answer, watch.Twin(kind)), []byte(`{"order":"R-1","release":"`+ref+`"}`), 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := r.Admit(t.Context(), ref, "sha", "claim"); err != nil {
			t.Fatal(err)
		}
		rel := &release{ID: ref, Claim: "claim"}
		rel.Ticket.Key = "delivered.zip.age"
		if err := p.record(t.Context(), rel, gone); err != nil {
			t.Fatal(err)
		}
		if e, err := r.Find(t.Context(), ref); err != nil || e.State != end || rel.Outcome != end {
			t.Errorf("%s: %+v, %+v, %v", kind, e, rel, err)
		}
	}
}
