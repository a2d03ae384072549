package chartseal

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chartseal/order"
	"chartseal/transport"
)

func newRegistry(t *testing.T) *registry {
	t.Helper()
	db, err := openDB(filepath.Join(t.TempDir(), "engine.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	r, err := openRegistry(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheEngineDatabaseSurvivesAPowerCut(t *testing.T) {
	r := newRegistry(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := r.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
}

func TestAnOrderIsAdmittedOnceByManyAtOnce(t *testing.T) {
	r := newRegistry(t)
	const claims = 20
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range claims {
		wg.Go(func() {
			_, mine, err := r.admit(t.Context(), "ref", "sha", string(rune('a'+i)))
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
	first, mine, err := r.admit(ctx, "ref", "one", "claim1")
	if err != nil || !mine || first.id() != "ref" {
		t.Fatalf("%+v, %v, %v", first, mine, err)
	}
	if again, mine, err := r.admit(ctx, "ref", "one", "claim1"); err != nil || !mine || again.Attempt != 1 {
		t.Fatalf("after a crash: %+v, %v, %v", again, mine, err)
	}
	if _, mine, _ := r.admit(ctx, "ref", "one", "claim2"); mine {
		t.Fatal("admitted while it is being worked on")
	}
	if err := r.settle(ctx, "ref", hold); err != nil {
		t.Fatal(err)
	}
	second, mine, err := r.admit(ctx, "ref", "two", "claim3")
	if err != nil || !mine || second.id() != "ref.2" {
		t.Fatalf("%+v, %v, %v", second, mine, err)
	}
	if err := r.settle(ctx, "ref.2", sent); err != nil {
		t.Fatal(err)
	}
	if e, mine, _ := r.admit(ctx, "ref", "three", "claim4"); mine || e.State != sent {
		t.Fatalf("a sent order was admitted again: %+v", e)
	}
	if _, err := r.find(ctx, "other"); !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
}

func TestReleaseIDs(t *testing.T) {
	for _, e := range []entry{{Ref: "abc", Attempt: 1}, {Ref: "abc", Attempt: 12}} {
		if ref, n := splitID(e.id()); ref != e.Ref || n != e.Attempt {
			t.Errorf("%s is split into %s and %d", e.id(), ref, n)
		}
	}
}

func TestASecondDaemonOnTheSameStateIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openState(dir); !errors.Is(err, ErrLocked) {
		t.Fatalf("error %v", err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	second, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if second.pub.String() != first.pub.String() {
		t.Error("the signing key has changed")
	}
	if err := second.close(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatACrashLeftOfSealedFilesGoes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.save(&release{ID: "ref", Sealed: "known.age", Ticket: transport.Ticket{Key: "k"}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"known.age", "orphan.age", "half.age.partial"} {
		if err := os.WriteFile(s.path("sealed", name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if s, err = openState(dir); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(s.path("sealed", "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "known.age" {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedSigningKeyIsNotReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("keys", "practice.key"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openState(dir); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Fatalf("error %v", err)
	}
	if b, _ := os.ReadFile(s.path("keys", "practice.key")); string(b) != "nonsense" {
		t.Fatal("the key file was overwritten")
	}
}

func TestHeldNamesEachRuleOnceAndNoSentence(t *testing.T) {
	h := &Held{[]order.Reason{{Rule: "R35", Message: "Maria"}, {Rule: "R11"}, {Rule: "R35"}}}
	if got := h.Error(); got != "held: R35, R11" {
		t.Fatal(got)
	}
}

func TestBackOffEnds(t *testing.T) {
	total, waits := time.Duration(0), 0
	for wait := firstWait; wait < maxWait; wait = min(2*wait, maxWait) {
		total += wait
		waits++
	}
	if waits > 12 || total > 15*time.Minute {
		t.Fatalf("%d waits, %s until the longest", waits, total)
	}
}
