package registry

import (
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// Whatever version wrote the tables, they are brought up to date with the orders in them.
func TestEveryOlderSchemaKeepsItsOrders(t *testing.T) {
	dir := t.TempDir()
	for n := range len(migrations) + 1 {
		db, err := OpenSQLite(filepath.Join(dir, "schema-"+string(rune('a'+n))+".db"))
		if err != nil {
			t.Fatal(err)
		}
		tx, err := db.db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		was := append([]string{`CREATE TABLE chartseal_version (version INTEGER NOT NULL)`}, migrations[:n]...)
		if n > 0 {
			was = append(was, `INSERT INTO chartseal_orders (ref, attempt, sha256, claim, state) VALUES ('half', 2, 'aa', 'claim', 'working'), ('done', 1, 'bb', 'other', 'sent')`)
		}
		for _, statement := range was {
			if _, err := tx.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(n, err)
			}
		}
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO chartseal_version (version) VALUES ($1)`, n); err != nil {
			t.Fatal(n, err)
		}
		if err := errors.Join(tx.Commit(), db.Migrate(t.Context()), db.Migrate(t.Context())); err != nil {
			t.Fatal(n, err)
		}
		s := &Seat{executor: "here-1", site: "here"}
		if err := s.register(t.Context(), db, "test"); err != nil {
			t.Fatal(n, err)
		}
		r := db.Orders("here", "here-1", time.Now)
		known, err := r.Own(t.Context())
		if err != nil {
			t.Fatal(n, err)
		}
		half, done := known["half"], known["done"]
		if n > 0 && (len(known) != 2 || half.Attempt != 2 || half.Claim != "claim" || half.SHA256 != "aa" || half.State != Working || done.State != Sent) {
			t.Errorf("schema %d: %+v", n, known)
		}
		if open, err := r.UnderWay(t.Context()); err != nil || n > 0 && open != 1 {
			t.Errorf("schema %d: %d under way, %v", n, open, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnOlderProgramLeavesANewerDatabaseAlone(t *testing.T) {
	r := newRegistry(t)
	if _, err := r.db.ExecContext(t.Context(), `UPDATE chartseal_version SET version=version+1`); err != nil {
		t.Fatal(err)
	}
	if err := r.Migrate(t.Context()); !errors.Is(err, ErrNewer) {
		t.Errorf("migrate says %v", err)
	}
}

func TestTheRegistryOfAnOlderVersionIsKept(t *testing.T) {
	db, err := OpenSQLite(filepath.Join(t.TempDir(), "engine.db"))
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
		if err := db.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, db.ID)
		s := Seat{site: "here", executor: "here-1"}
		if err := s.register(ctx, db, "v1"); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids[0]) != 16 || ids[0] != ids[1] {
		t.Errorf("the database's id is %q, then %q", ids[0], ids[1])
	}
	r := db.Orders("here", "here-1", time.Now)
	if err := r.Commit(ctx, "old"); err != nil {
		t.Errorf("work of the older version is not ours: %v", err)
	}
	if n, err := r.UnderWay(ctx); n != 1 || err != nil {
		t.Errorf("%d open, %v", n, err)
	}
}
