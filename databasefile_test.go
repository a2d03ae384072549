package chartseal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestTheDatabaseLiesWhereItBelongs: whatever its folder is called.
func TestTheDatabaseLiesWhereItBelongs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Suite #2", "100%41", "Zahnarztpraxis Müller & Söhne", "a+b"} {
		file := filepath.Join(t.TempDir(), name, engineFile)
		if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		d, err := openSQLite(file)
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
