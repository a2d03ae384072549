package chartseal

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
		db, err := openSQLite(filepath.Join(dir, "schema-"+string(rune('a'+n))+".db"))
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
		if err := errors.Join(tx.Commit(), db.migrate(t.Context()), db.migrate(t.Context())); err != nil {
			t.Fatal(n, err)
		}
		s := &seat{executor: "here-1", site: "here"}
		if err := s.register(t.Context(), db, "test"); err != nil {
			t.Fatal(n, err)
		}
		r := &registry{database: db, site: "here", executor: "here-1", now: time.Now}
		known, err := r.own(t.Context())
		if err != nil {
			t.Fatal(n, err)
		}
		half, done := known["half"], known["done"]
		if n > 0 && (len(known) != 2 || half.Attempt != 2 || half.Claim != "claim" || half.SHA256 != "aa" || half.State != working || done.State != sent) {
			t.Errorf("schema %d: %+v", n, known)
		}
		if open, err := r.open(t.Context()); err != nil || n > 0 && open != 1 {
			t.Errorf("schema %d: %d under way, %v", n, open, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
