package registry

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"

	"modernc.org/sqlite"
)

// What SQLite says on a full disk (sqlite.org, Result and Error Codes).
const (
	sqliteFull    = 13             // SQLITE_FULL
	sqliteShmSize = 10 | (19 << 8) // SQLITE_IOERR_SHMSIZE: no room for the memory that its log needs
)

// IsFull reports that SQLite found no room on the disk.
func IsFull(err error) bool {
	full, is := errors.AsType[*sqlite.Error](err)
	return is && (full.Code() == sqliteFull || full.Code() == sqliteShmSize)
}

// Inspect asks SQLite whether a database file is whole, beside a daemon if need be and
// without changing anything. It is if said is "ok"; version is then that of its tables, 0 if
// there are none. Of a file that this account may not read the error is fs.ErrPermission.
func Inspect(ctx context.Context, file string) (said string, version int, err error) {
	f, err := os.Open(file) // SQLite would not tell a lack of rights from damage
	if err != nil {
		return "", 0, err
	}
	_ = f.Close()
	db, err := openToRead(file)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil || said != "ok" {
		return said, 0, err
	}
	version, err = versionOf(ctx, db)
	return said, version, err
}

// VersionOf is the version of the tables in a database file, 0 if there are none. It does
// not look at the rest of the file.
func VersionOf(ctx context.Context, file string) (version int, err error) {
	db, err := openToRead(file)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return versionOf(ctx, db)
}

// CopyFile has SQLite write a copy of a database file as it is at one instant.
func CopyFile(ctx context.Context, from, to string) (err error) {
	db, err := openToRead(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, to)
	return err
}

// openToRead opens an SQLite file without changing it.
func openToRead(file string) (*sql.DB, error) {
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(3000)"}}
	return sql.Open("sqlite", sqliteName(file)+"?"+q.Encode())
}

func versionOf(ctx context.Context, db *sql.DB) (version int, err error) {
	var tables int
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name='chartseal_version'`).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	return version, db.QueryRowContext(ctx, `SELECT version FROM chartseal_version`).Scan(&version)
}
