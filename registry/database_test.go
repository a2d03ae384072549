package registry

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"chartseal/config"
)

// TestTheDatabaseLiesWhereItBelongs: whatever its folder is called.
func TestTheDatabaseLiesWhereItBelongs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Suite #2", "100%41", "Zahnarztpraxis Müller & Söhne", "a+b"} {
		file := filepath.Join(t.TempDir(), name, "engine.db")
		if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		d, err := OpenSQLite(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.db.ExecContext(t.Context(), "CREATE TABLE here (n)")
		if err = errors.Join(err, d.Close()); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		db, err := openToRead(file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		err = db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM here").Scan(&n)
		if err = errors.Join(err, db.Close()); err != nil {
			t.Errorf("read, %s: %v", name, err)
		}
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

func TestErrorsOfTheDatabaseNameNothing(t *testing.T) {
	cfg := &config.Config{Site: "front"}
	for url, want := range map[string]error{
		"postgres://sealuser-q7:geheim-q7@127.0.0.1:1/sealdb-q7":                       ErrAway,
		"postgres://sealuser-q7:geheim-q7@no.such.host.invalid/sealdb-q7":              ErrAway,
		"postgres://sealuser-q7:geheim-q7@127.0.0.1/sealdb-q7?sslmode=none":            config.ErrUnusable,
		"postgres://sealuser-q7:geheim-q7@127.0.0.1/sealdb-q7?sslrootcert=/no/such.q7": config.ErrUnusable,
	} {
		cfg.Database = config.Secret(url)
		d, err := OpenPostgres(t.Context(), cfg, true)
		said := []error{err}
		if err == nil {
			_, lerr := d.connect(t.Context())
			_, serr := d.Sites(t.Context())
			said = []error{lerr, serr}
			_ = d.Close()
		}
		_, perr := Probe(t.Context(), cfg)
		for _, err := range append(said, perr) {
			if !errors.Is(err, want) || strings.Contains(err.Error(), "q7") || strings.Contains(err.Error(), "127.0") || strings.Contains(err.Error(), "invalid") {
				t.Errorf("%v, want %v", err, want)
			}
		}
	}
	err := Scrub(&pgconn.PgError{Code: "28P01", Message: `password authentication failed for user "sealuser-q7"`})
	if errors.Is(err, ErrAway) || err.Error() != "database: code 28P01, the user or the password is refused" {
		t.Error(err)
	}
	if err := Scrub(&pgconn.PgError{Code: "57P01", Message: "q7"}); !errors.Is(err, ErrAway) || errors.Is(err, ErrBusy) || strings.Contains(err.Error(), "q7") {
		t.Error(err)
	}
}

// How many connections a site opens is the practice's to say, in the database's address;
// with one the engine would listen on it and do nothing else.
func TestTheAddressLimitsTheConnections(t *testing.T) {
	for query, want := range map[string]int32{"": maxConns, "?sslmode=disable": maxConns, "?pool_max_conns=3": 3, "?sslmode=disable&pool_max_conns=40": 40, "?pool_max_conns=1": fewestConns} {
		d, err := OpenPostgres(t.Context(), &config.Config{Database: config.Secret("postgres://u:p@127.0.0.1:1/d" + query)}, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.pool.Config().MaxConns; got != want {
			t.Errorf("%q: %d connections, want %d", query, got, want)
		}
		_ = d.Close()
	}
}
