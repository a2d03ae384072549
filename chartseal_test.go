package chartseal

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"chartseal/config"
	"chartseal/order"
	"chartseal/transport"
)

func newRegistry(t testing.TB) *registry {
	t.Helper()
	db, err := openSQLite(filepath.Join(t.TempDir(), "engine.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &registry{database: db, site: "here", executor: "here-1", now: time.Now}
}

func TestAnOlderProgramLeavesANewerDatabaseAlone(t *testing.T) {
	r := newRegistry(t)
	if _, err := r.db.ExecContext(t.Context(), `UPDATE chartseal_version SET version=version+1`); err != nil {
		t.Fatal(err)
	}
	if err := r.migrate(t.Context()); !errors.Is(err, ErrNewer) {
		t.Errorf("migrate says %v", err)
	}
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

// A daemon that finds the disk full at its start waits for room.
func TestAFullDiskIsToldFromOtherTrouble(t *testing.T) {
	r := newRegistry(t)
	r.db.SetMaxOpenConns(1)
	if _, err := r.db.ExecContext(t.Context(), "PRAGMA max_page_count=1"); err != nil { // as many as there are
		t.Fatal(err)
	}
	_, _, err := r.admit(t.Context(), "ref", strings.Repeat("x", 1<<20), "claim")
	if !IsFull(err) || classOf(err) != "disk full" {
		t.Errorf("%v is %q", err, classOf(err))
	}
	if IsFull(ErrEngine) || !IsFull(&os.PathError{Op: "write", Err: syscall.ENOSPC}) {
		t.Error("the disk of the file system")
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

// two are the registries of two sites on one database.
func two(t *testing.T) (a, b *registry) {
	t.Helper()
	a = newRegistry(t)
	return a, &registry{database: a.database, site: "there", executor: "there-1", now: time.Now}
}

func TestATakenOrderIsNotCommitted(t *testing.T) {
	a, b := two(t)
	ctx := t.Context()
	for _, ref := range []string{"early", "late"} {
		if _, mine, err := a.admit(ctx, ref, "sha", "claim-"+ref); err != nil || !mine {
			t.Fatal(mine, err)
		}
		if e, mine, err := b.admit(ctx, ref, "sha", "other-"+ref); err != nil || mine || e.Site != "here" {
			t.Fatalf("a second site took it: %+v, %v, %v", e, mine, err)
		}
	}
	if err := errors.Join(a.has(ctx, "early"), a.commit(ctx, "early"), a.commit(ctx, "early")); err != nil {
		t.Fatalf("repeating the commit: %v", err)
	}
	if err := b.commit(ctx, "late"); !errors.Is(err, errTaken) {
		t.Fatalf("the other site commits: %v", err)
	}
	var took Takeover
	stay, err := a.moveOrders(ctx, a.executor, &took)
	if err != nil || len(took.Moved) != 1 || took.Moved[0] != "late" || len(took.Recording) != 1 || !stay["claim-early"] {
		t.Fatalf("%+v, %v, %v", took, stay, err)
	}
	for _, err := range []error{a.has(ctx, "late"), a.commit(ctx, "late"), a.has(ctx, "never")} {
		if !errors.Is(err, errTaken) {
			t.Errorf("not fenced: %v", err)
		}
	}
	e, mine, err := b.admit(ctx, "late", "sha", "other-late")
	if err != nil || !mine || e.id() != "late.2" {
		t.Fatalf("dropped again at the other site: %+v, %v, %v", e, mine, err)
	}
	if err := errors.Join(a.settle(ctx, "late", hold), a.note(ctx, "late", "upload", "store full", ""), a.settle(ctx, "early", sent), b.commit(ctx, "late.2")); err != nil {
		t.Fatal(err)
	}
	if e, err := b.find(ctx, "late"); err != nil || e.State != recording || e.Waiting != "" {
		t.Errorf("the fenced site changed the row: %+v, %v", e, err)
	}
	if e, err := a.find(ctx, "early"); err != nil || e.State != sent {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestTheRegistryOfAnOlderVersionIsKept(t *testing.T) {
	db, err := openSQLite(filepath.Join(t.TempDir(), "engine.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ctx := t.Context()
	for _, q := range []string{migrations[0], `INSERT INTO chartseal_orders VALUES ('old', 1, 'sha', 'claim', 'working'), ('done', 2, 'sha', 'claim2', 'sent')`} {
		if _, err := db.db.ExecContext(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for range 2 { // the second time there is nothing to do
		if err := db.migrate(ctx); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, db.id)
		s := seat{site: "here", executor: "here-1"}
		if err := s.register(ctx, db, "v1"); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids[0]) != 16 || ids[0] != ids[1] {
		t.Errorf("the database's id is %q, then %q", ids[0], ids[1])
	}
	r := &registry{database: db, site: "here", executor: "here-1", now: time.Now}
	if err := r.commit(ctx, "old"); err != nil {
		t.Errorf("work of the older version is not ours: %v", err)
	}
	if n, err := r.open(ctx); n != 1 || err != nil {
		t.Errorf("%d open, %v", n, err)
	}
}

func TestErrorsOfTheDatabaseNameNothing(t *testing.T) {
	cfg := &config.Config{Site: "front"}
	for url, want := range map[string]error{
		"postgres://sealuser-q7:geheim-q7@127.0.0.1:1/sealdb-q7":                       ErrDatabase,
		"postgres://sealuser-q7:geheim-q7@no.such.host.invalid/sealdb-q7":              ErrDatabase,
		"postgres://sealuser-q7:geheim-q7@127.0.0.1/sealdb-q7?sslmode=none":            ErrConfig,
		"postgres://sealuser-q7:geheim-q7@127.0.0.1/sealdb-q7?sslrootcert=/no/such.q7": ErrConfig,
	} {
		cfg.Database = config.Secret(url)
		_, err := connect(t.Context(), cfg, &wires{})
		_, serr := Sites(t.Context(), cfg)
		for _, err := range []error{err, serr} {
			if !errors.Is(err, want) || strings.Contains(err.Error(), "q7") || strings.Contains(err.Error(), "127.0") || strings.Contains(err.Error(), "invalid") {
				t.Errorf("%v, want %v", err, want)
			}
		}
	}
	err := databaseError(&pgconn.PgError{Code: "28P01", Message: `password authentication failed for user "sealuser-q7"`})
	if errors.Is(err, ErrDatabase) || err.Error() != "database: code 28P01, the user or the password is refused" {
		t.Error(err)
	}
	if err := databaseError(&pgconn.PgError{Code: "57P01", Message: "q7"}); !errors.Is(err, ErrDatabase) || strings.Contains(err.Error(), "q7") {
		t.Error(err)
	}
}

// How many connections a site opens is the practice's to say, in the database's address;
// with one the engine would listen on it and do nothing else.
func TestTheAddressLimitsTheConnections(t *testing.T) {
	for query, want := range map[string]int32{"": maxConns, "?sslmode=disable": maxConns, "?pool_max_conns=3": 3, "?sslmode=disable&pool_max_conns=40": 40, "?pool_max_conns=1": fewestConns} {
		d, err := openPostgres(t.Context(), &config.Config{Database: config.Secret("postgres://u:p@127.0.0.1:1/d" + query)}, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.pool.Config().MaxConns; got != want {
			t.Errorf("%q: %d connections, want %d", query, got, want)
		}
		_ = d.Close()
	}
}
