package registry

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func newRegistry(t testing.TB) *Orders {
	t.Helper()
	db, err := OpenSQLite(filepath.Join(t.TempDir(), "engine.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db.Orders("here", "here-1", time.Now)
}

// two are the orders of two sites in one database.
func two(t *testing.T) (a, b *Orders) {
	t.Helper()
	a = newRegistry(t)
	return a, a.Orders("there", "there-1", time.Now)
}

func TestAnOrderIsAdmittedOnceByManyAtOnce(t *testing.T) {
	r := newRegistry(t)
	const claims = 20
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range claims {
		wg.Go(func() {
			_, mine, err := r.Admit(t.Context(), "ref", "sha", string(rune('a'+i)))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if mine {
				won++
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Fatalf("%d of %d claims were admitted", won, claims)
	}
}

func TestOnlyAHeldOrderComesBack(t *testing.T) {
	r := newRegistry(t)
	ctx := t.Context()
	first, mine, err := r.Admit(ctx, "ref", "one", "claim1")
	if err != nil || !mine || first.ID() != "ref" {
		t.Fatalf("%+v, %v, %v", first, mine, err)
	}
	if again, mine, err := r.Admit(ctx, "ref", "one", "claim1"); err != nil || !mine || again.Attempt != 1 {
		t.Fatalf("after a crash: %+v, %v, %v", again, mine, err)
	}
	if _, mine, _ := r.Admit(ctx, "ref", "one", "claim2"); mine {
		t.Fatal("admitted while it is being worked on")
	}
	if err := r.Settle(ctx, "ref", Held); err != nil {
		t.Fatal(err)
	}
	second, mine, err := r.Admit(ctx, "ref", "two", "claim3")
	if err != nil || !mine || second.ID() != "ref.2" {
		t.Fatalf("%+v, %v, %v", second, mine, err)
	}
	if err := r.Settle(ctx, "ref.2", Sent); err != nil {
		t.Fatal(err)
	}
	if e, mine, _ := r.Admit(ctx, "ref", "three", "claim4"); mine || e.State != Sent {
		t.Fatalf("a sent order was admitted again: %+v", e)
	}
	if _, err := r.Find(ctx, "other"); !errors.Is(err, ErrNoOrder) {
		t.Fatal(err)
	}
}

func TestReleaseIDs(t *testing.T) {
	for _, e := range []Entry{{Ref: "abc", Attempt: 1}, {Ref: "abc", Attempt: 12}} {
		if ref, n := SplitID(e.ID()); ref != e.Ref || n != e.Attempt {
			t.Errorf("%s is split into %s and %d", e.ID(), ref, n)
		}
	}
}

func TestATakenOrderIsNotCommitted(t *testing.T) {
	a, b := two(t)
	ctx := t.Context()
	for _, ref := range []string{"early", "late"} {
		if _, mine, err := a.Admit(ctx, ref, "sha", "claim-"+ref); err != nil || !mine {
			t.Fatal(mine, err)
		}
		if e, mine, err := b.Admit(ctx, ref, "sha", "other-"+ref); err != nil || mine || e.Site != "here" {
			t.Fatalf("a second site took it: %+v, %v, %v", e, mine, err)
		}
	}
	if err := errors.Join(a.Has(ctx, "early"), a.Commit(ctx, "early"), a.Commit(ctx, "early")); err != nil {
		t.Fatalf("repeating the commit: %v", err)
	}
	if err := b.Commit(ctx, "late"); !errors.Is(err, ErrTaken) {
		t.Fatalf("the other site commits: %v", err)
	}
	moved, stay, err := b.TakeOrders(ctx, "here-1")
	if err != nil || len(moved) != 1 || moved[0].ID() != "late" || len(stay) != 1 || stay[0].Claim != "claim-early" {
		t.Fatalf("%+v, %+v, %v", moved, stay, err)
	}
	for _, err := range []error{a.Has(ctx, "late"), a.Commit(ctx, "late"), a.Has(ctx, "never")} {
		if !errors.Is(err, ErrTaken) {
			t.Errorf("not fenced: %v", err)
		}
	}
	e, mine, err := b.Admit(ctx, "late", "sha", "other-late")
	if err != nil || !mine || e.ID() != "late.2" {
		t.Fatalf("dropped again at the other site: %+v, %v, %v", e, mine, err)
	}
	if err := errors.Join(a.Settle(ctx, "late", Held), a.Note(ctx, "late", "upload", "store full", ""), a.Settle(ctx, "early", Sent), b.Commit(ctx, "late.2")); err != nil {
		t.Fatal(err)
	}
	if e, err := b.Find(ctx, "late"); err != nil || e.State != Recording || e.Waiting != "" {
		t.Errorf("the fenced site changed the row: %+v, %v", e, err)
	}
	if e, err := a.Find(ctx, "early"); err != nil || e.State != Sent {
		t.Errorf("%+v, %v", e, err)
	}
}
