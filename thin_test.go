package chartseal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"chartseal/ledger"
	"chartseal/registry"
	"chartseal/transport"
)

// remember gives a practice a release that ended, with its row and its line.
func remember(t testing.TB, p *Practice, r *release, row verdict, event ledger.Event, changed time.Time) {
	t.Helper()
	ctx := t.Context()
	ref, _ := registry.SplitID(r.ID)
	r.Claim, r.OrderSHA = "claim-"+r.ID, "sha"
	_, _, err := p.orders.Admit(ctx, ref, r.OrderSHA, r.Claim)
	if row != working {
		err = errors.Join(err, p.orders.Settle(ctx, r.ID, row))
	}
	err = errors.Join(err, p.state.save(r), os.Chtimes(p.state.releaseFile(r.ID), changed, changed))
	if event != "" {
		_, lerr := p.ledger.Append(ctx, ledger.Entry{Key: r.ID + "/" + string(event), Event: event, Order: "R " + r.ID, Reference: r.ID, OrderSum: r.OrderSHA})
		err = errors.Join(err, lerr)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Only what has ended everywhere, left nothing in the store and is past its retention
// is forgotten; a lost database still learns of it that it must not be sent again.
func TestReleasesThatEndedLongAgoAreForgotten(t *testing.T) {
	p, _, _ := claimed(t)
	ctx := t.Context()
	now := time.Now()
	old, lately := now.Add(-releaseKeep-time.Hour), now.Add(-releaseKeep+time.Hour)
	gone := map[string]verdict{"expired": sent, "revoked": sent, "drive": sent, "denied": denied, "held": hold, "withdrawn": hold, "taken": taken, "extended": extended}
	remember(t, p, &release{ID: "expired", Outcome: sent, Expired: true}, sent, ledger.Sent, old)
	remember(t, p, &release{ID: "revoked", Outcome: sent, Revoking: true, Revoked: true}, sent, ledger.Sent, old)
	remember(t, p, &release{ID: "drive", Outcome: sent, Way: byFolder}, sent, ledger.Sent, old)
	remember(t, p, &release{ID: "denied", Outcome: denied}, denied, ledger.Denied, old)
	remember(t, p, &release{ID: "held", Outcome: hold}, hold, ledger.Held, old)
	remember(t, p, &release{ID: "withdrawn", Outcome: hold}, hold, ledger.Withdrawn, old)
	remember(t, p, &release{ID: "taken", Outcome: taken}, taken, "", old)
	remember(t, p, &release{ID: "extended", Outcome: extended}, extended, ledger.Extended, old)
	if _, err := p.ledger.Append(ctx, ledger.Entry{Key: "taken/taken", Event: ledger.TakenOver, Order: "R taken", Reference: "taken", OrderSum: "sha"}); err != nil {
		t.Fatal(err)
	}

	live := &links{Expires: now.Add(time.Hour)}
	remember(t, p, &release{ID: "lately", Outcome: sent, Expired: true}, sent, ledger.Sent, lately)
	remember(t, p, &release{ID: "live", Outcome: sent, Links: live}, sent, ledger.Sent, old)
	remember(t, p, &release{ID: "page", Outcome: sent, Expired: true, PageStays: now}, sent, ledger.Sent, old)
	remember(t, p, &release{ID: "revoking", Outcome: sent, Revoking: true}, sent, ledger.Sent, old)
	remember(t, p, &release{ID: "stored", Outcome: hold, Ticket: transport.Ticket{Key: "k"}}, hold, ledger.Held, old)
	remember(t, p, &release{ID: "working"}, working, "", old)
	remember(t, p, &release{ID: "unsettled", Outcome: denied}, working, ledger.Denied, old)
	remember(t, p, &release{ID: "unrecorded", Outcome: denied}, denied, "", old)
	if err := p.thin(ctx, now.Add(-releaseKeep)); err != nil {
		t.Fatal(err)
	}
	left, err := p.state.releaseIDs()
	if want := []string{"lately", "live", "page", "ref", "revoking", "stored", "unrecorded", "unsettled", "working"}; err != nil || !slices.Equal(left, want) {
		t.Fatalf("left are %q, not %q, %v", left, want, err)
	}
	p.requests, err = readRequests(ctx, p.state.path("ledger"), nil)
	if err != nil {
		t.Fatal(err)
	}
	p.orders = newRegistry(t) // the database is lost
	for range 2 {
		if err := p.reconcile(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for ref, want := range gone {
		e, err := p.orders.Find(ctx, ref)
		if err != nil || e.State != want || e.Attempt != 1 {
			t.Errorf("%s: %+v, %v", ref, e, err)
		}
		if _, mine, err := p.orders.Admit(ctx, ref, "sha", "again"); err != nil || mine != want.Open() {
			t.Errorf("%s is taken in again: %v, %v", ref, mine, err)
		}
	}
	for ref, want := range map[string]verdict{"live": sent, "working": working, "unsettled": denied} {
		if e, err := p.orders.Find(ctx, ref); err != nil || e.State != want {
			t.Errorf("%s: %+v, %v", ref, e, err)
		}
	}
}

// BenchmarkStart opens a practice's state, database and ledger with 10,000 answered
// orders, but for the engine and the store, as often as their files are read.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	st, err := openState(filepath.Join(dir, "state"))
	if err != nil {
		b.Fatal(err)
	}
	book, err := ledger.Open(st.path("ledger"), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	p := &Practice{state: st, ledger: book, orders: newRegistry(b), requests: newRequests(), opts: Options{Now: time.Now}}
	for i := range 10_000 {
		r := &release{ID: "ref" + strconv.Itoa(i), Outcome: sent, Manifest: digest(nil), Ticket: transport.Ticket{Key: digest(nil), SHA256: digest(nil)}, Links: &links{Expires: time.Now(), At: time.Now()}}
		remember(b, p, r, sent, ledger.Sent, time.Now())
	}
	if err := errors.Join(book.Close(), st.close()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if p.state, err = openState(st.dir); err != nil {
			b.Fatal(err)
		}
		p.ledger, err = ledger.Open(p.state.path("ledger"), time.Now)
		if err == nil {
			_, err = readRequests(b.Context(), p.state.path("ledger"), nil)
		}
		if err := errors.Join(err, p.reconcile(b.Context()), p.takeUp(b.Context()), p.ledger.Close(), p.state.close()); err != nil {
			b.Fatal(err)
		}
	}
}
