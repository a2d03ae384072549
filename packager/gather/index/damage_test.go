package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "index.key")
	key, err := LoadKey(file)
	if err != nil || len(key) != KeyBytes {
		t.Fatalf("%d bytes, %v", len(key), err)
	}
	again, err := LoadKey(file)
	if err != nil || !bytes.Equal(key, again) {
		t.Errorf("another key: %v", err)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, key[:5], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(file); err == nil || strings.Contains(err.Error(), file) {
		t.Errorf("half a key: %v", err)
	}
}

// Whatever happens to its file, the index answers as a scan does.
func TestDamage(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(b *bench, file string)
	}{
		{"empty", func(b *bench, file string) { b.must(os.Truncate(file, 0)) }},
		{"cut", func(b *bench, file string) { b.must(os.Truncate(file, 5000)) }},
		{"no database", func(b *bench, file string) {
			b.must(os.WriteFile(file, bytes.Repeat([]byte("x"), 9000), 0o600))
		}},
		{"zeros", func(b *bench, file string) {
			data, err := os.ReadFile(file)
			b.must(err)
			clear(data[len(data)/2:])
			b.must(os.WriteFile(file, data, 0o600))
		}},
		{"a journal of another", func(b *bench, file string) {
			b.must(os.WriteFile(file+"-wal", bytes.Repeat([]byte("x"), 9000), 0o600))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			for i := range 60 {
				b.patient(fmt.Sprintf("d%d/%02d", i%3, i), fmt.Sprint(i%20))
			}
			b.open()
			b.want("7", 0, "d0/27", "d1/07", "d2/47")
			b.shut()
			tc.damage(b, filepath.Join(b.state, "images.db"))
			b.open()
			b.want("7", 0, "d0/27", "d1/07", "d2/47")
			b.want("8", 0, "d0/48", "d1/28", "d2/08")
		})
	}
}

// Flipped bytes are found: at the latest by the full pass, which checks every
// row.
func TestFlippedBytes(t *testing.T) {
	b := newBench(t)
	for i := range 40 {
		b.patient(fmt.Sprintf("d%d/%02d", i%3, i), fmt.Sprint(i%10))
	}
	b.open()
	b.want("7", 0, "d0/27", "d1/07", "d1/37", "d2/17")
	b.shut()
	file := filepath.Join(b.state, "images.db")
	whole, err := os.ReadFile(file)
	b.must(err)
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		data := slices.Clone(whole)
		data[random.IntN(len(data))] ^= byte(1 + random.IntN(255))
		b.must(os.WriteFile(file, data, 0o600))
		b.later(defaultMaxAge)
		b.open()
		b.want("7", 0, "d0/27", "d1/07", "d1/37", "d2/17")
		b.shut()
		b.must(removeStore(file))
	}
}

// Rows that were exchanged or altered with SQL are damage too.
func TestAlteredRows(t *testing.T) {
	for _, alter := range []string{
		"UPDATE file SET patient = (SELECT patient FROM file ORDER BY patient LIMIT 1)",
		"UPDATE file SET patient = NULL",
		"UPDATE file SET stamp = (SELECT stamp FROM file LIMIT 1)",
		"UPDATE file SET name = (SELECT name FROM file LIMIT 1)",
		"UPDATE dir SET stamp = (SELECT stamp FROM dir LIMIT 1)",
		"DELETE FROM meta",
		"DELETE FROM dir",
		"DELETE FROM file",
		"DROP TABLE file",
	} {
		b := newBench(t)
		for i := range 9 {
			b.patient(fmt.Sprintf("d%d/%02d", i%3, i), fmt.Sprint(i%3))
		}
		b.open()
		b.want("1", 0, "d1/01", "d1/04", "d1/07")
		_, err := b.index.store.conn.ExecContext(t.Context(), alter)
		b.must(err)
		b.later(defaultMaxAge)
		b.want("1", 0, "d1/01", "d1/04", "d1/07")
	}
}

// Another process has the index open: Find reads the headers.
func TestIndexInUse(t *testing.T) {
	b := newBench(t)
	b.patient("a", "1")
	b.open()
	b.want("1", 0, "a")
	x, err := Open(b.state, b.key, Options{Now: b.clock, Trouble: b.trouble})
	b.must(err)
	defer x.Close()
	found, err := x.Find(t.Context(), b.folder, "1")
	if err != nil || !slices.Equal(found.Paths, []string{"a"}) {
		t.Errorf("%+v, %v", found, err)
	}
	if len(b.told) != 1 || strings.Contains(b.told[0].Error(), b.state) {
		t.Errorf("told %v", b.told)
	}
	b.must(b.index.Close())
	found, err = b.index.Find(t.Context(), b.folder, "1")
	if err != nil || !slices.Equal(found.Paths, []string{"a"}) {
		t.Errorf("closed index: %+v, %v", found, err)
	}
}
