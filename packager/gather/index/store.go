package index

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// schema. A file's patient is NULL for nobody's record; hot is its folder while
// it was written so shortly ago that it may still be, else NULL; a stamp is
// NULL when it is not to be trusted. A dir's stamp says that its rows are what a
// listing gave that began when the dir had this stamp: every transaction keeps
// it so, which makes a crash harmless at any moment.
const schema = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE folder (id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, walked INTEGER NOT NULL);
CREATE TABLE dir (id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER NOT NULL, key BLOB NOT NULL,
	name BLOB NOT NULL, stamp BLOB, refused INTEGER NOT NULL, entries INTEGER NOT NULL, folders INTEGER NOT NULL,
	sum BLOB NOT NULL, UNIQUE (parent, key));
CREATE TABLE file (dir INTEGER NOT NULL, key BLOB NOT NULL, name BLOB NOT NULL, patient BLOB, stamp BLOB,
	hot INTEGER, sum BLOB NOT NULL, PRIMARY KEY (dir, key)) WITHOUT ROWID;
CREATE INDEX file_patient ON file (patient) WHERE patient IS NOT NULL;
CREATE INDEX file_hot ON file (hot) WHERE hot IS NOT NULL;
CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID;
`

// settings: memory stays below 4 MiB whatever the size of the index
// (cache_size is in KiB when negative); a power cut may take the last
// transactions with it, which leaves an index that is older but whole.
var settings = []string{
	"locking_mode(EXCLUSIVE)", "journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(1000)",
	"cache_size(-2048)", "temp_store(MEMORY)", "mmap_size(0)", "journal_size_limit(4194304)",
}

// storeError is trouble with the store. Its text holds no path and no value.
type storeError struct{ err error }

func (e *storeError) Error() string {
	if lite, ok := errors.AsType[*sqlite.Error](e.err); ok {
		return fmt.Sprintf("image index: SQLite code %d", lite.Code())
	}
	return fmt.Sprintf("image index: %v", bare(e.err))
}

func (e *storeError) Unwrap() error { return e.err }

func isStore(err error) bool {
	var store *storeError
	return errors.As(err, &store) || errors.Is(err, ErrDamaged) || errors.Is(err, errReplaced)
}

// wrap sorts the errors of the database.
func wrap(err error) error {
	var lite *sqlite.Error
	switch {
	case err == nil, isStore(err):
		return err
	case errors.As(err, &lite):
		switch lite.Code() & 0xff { // the primary result code
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT,
			sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_ERROR:
			return ErrDamaged // our own statements are right
		}
	}
	return &storeError{err}
}

// store is the database, on one connection. Its methods are called by one
// goroutine at a time. Statements are short and run to their end.
type store struct {
	db    *sql.DB
	conn  *sql.Conn
	keys  *keys
	ready map[string]*sql.Stmt
}

// openStore opens or makes the database and makes sure that it is whole. It
// returns ErrDamaged if it is not, or not of this key and version.
func openStore(ctx context.Context, file string, k *keys, version []byte) (*store, error) {
	q := url.Values{"_pragma": settings}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: filepath.ToSlash(file)}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, wrap(err)
	}
	db.SetMaxOpenConns(1)
	s := &store{db: db, keys: k, ready: map[string]*sql.Stmt{}}
	if s.conn, err = db.Conn(ctx); err == nil {
		err = s.begin(ctx, version)
	}
	if err != nil {
		return nil, errors.Join(ctxOr(ctx, wrap(err)), s.close())
	}
	return s, nil
}

// ctxOr prefers the error of a context that ended.
func ctxOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// begin checks the database, or fills a new one.
func (s *store) begin(ctx context.Context, version []byte) error {
	var tables int
	if err := s.conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return err
	}
	proof := s.keys.sum("proof", version)
	if tables == 0 {
		return s.tx(ctx, func() error {
			if _, err := s.conn.ExecContext(ctx, schema); err != nil {
				return err
			}
			return s.exec(ctx, "INSERT INTO meta VALUES ('proof', ?)", proof)
		})
	}
	var got []byte
	if err := s.conn.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'proof'").Scan(&got); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return ErrDamaged
	}
	if string(got) != string(proof) {
		return ErrDamaged
	}
	var verdict string
	if err := s.conn.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return ErrDamaged
	}
	return nil
}

func (s *store) close() error {
	var errs []error
	for _, stmt := range s.ready {
		errs = append(errs, stmt.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if err := errors.Join(append(errs, s.db.Close())...); err != nil {
		return wrap(err)
	}
	return nil
}

// removeStore deletes the database.
func removeStore(file string) error {
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(file + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &storeError{bare(err)}
		}
	}
	return nil
}

// tx runs work as one transaction.
func (s *store) tx(ctx context.Context, work func() error) error {
	if err := s.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := work()
	if err == nil {
		err = s.exec(ctx, "COMMIT")
	}
	if err != nil {
		_ = s.exec(ctx, "ROLLBACK") // SQLite has done so itself after the gravest errors
	}
	return err
}

func (s *store) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := s.ready[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, wrap(err)
	}
	s.ready[query] = stmt
	return stmt, nil
}

func (s *store) exec(ctx context.Context, query string, args ...any) error {
	_, err := s.change(ctx, query, args...)
	return err
}

func (s *store) change(ctx context.Context, query string, args ...any) (driver.Result, error) {
	stmt, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := stmt.ExecContext(context.WithoutCancel(ctx), args...)
	return result, wrap(err)
}

// query collects the rows of a statement; its LIMIT bounds them.
func query[T any](ctx context.Context, s *store, text string, scan func(*sql.Rows) (T, error), args ...any) ([]T, error) {
	stmt, err := s.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return nil, wrap(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err has told
	var out []T
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return nil, wrap(err)
		}
		out = append(out, row)
	}
	return out, wrap(rows.Err())
}

// number runs a statement that gives one number.
func (s *store) number(ctx context.Context, text string, args ...any) (int, error) {
	n, err := query(ctx, s, text, func(r *sql.Rows) (n int, err error) { return n, r.Scan(&n) }, args...)
	if err != nil || len(n) != 1 {
		return 0, errors.Join(err, notOne(len(n)))
	}
	return n[0], nil
}

func notOne(n int) error {
	if n == 1 {
		return nil
	}
	return ErrDamaged
}
