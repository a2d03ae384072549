package chartseal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"chartseal/order"
	"chartseal/registry"
	"chartseal/transport"
)

func newRegistry(t testing.TB) *registry.Orders {
	t.Helper()
	db, err := registry.OpenSQLite(filepath.Join(t.TempDir(), "engine.db"))
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
func two(t *testing.T) (a, b *registry.Orders) {
	t.Helper()
	a = newRegistry(t)
	return a, a.Orders("there", "there-1", time.Now)
}

// A daemon that finds the disk full at its start waits for room.
func TestAFullDiskIsToldFromOtherTrouble(t *testing.T) {
	r := newRegistry(t)
	r.SQL().SetMaxOpenConns(1)
	if _, err := r.SQL().ExecContext(t.Context(), "PRAGMA max_page_count=1"); err != nil { // as many as there are
		t.Fatal(err)
	}
	_, _, err := r.Admit(t.Context(), "ref", strings.Repeat("x", 1<<20), "claim")
	if !IsFull(err) || classOf(err) != "disk full" {
		t.Errorf("%v is %q", err, classOf(err))
	}
	if IsFull(ErrEngine) || !IsFull(&os.PathError{Op: "write", Err: syscall.ENOSPC}) {
		t.Error("the disk of the file system")
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
