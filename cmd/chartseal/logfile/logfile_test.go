package logfile

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a clock that is set by hand.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestALogThatIsTooLargeIsPutAside(t *testing.T) {
	dir := t.TempDir()
	c := &clock{time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)}
	if err := os.WriteFile(filepath.Join(dir, "chartseal-notes.log"), []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(filepath.Join(dir, "chartseal.log"), Rule{Bytes: 100, Keep: 2}, c.now)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 39) + "\n"
	for range 11 { // two lines a file
		c.Time = c.Add(time.Second)
		if _, err := f.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{"chartseal-20261126-090009.000.log", "chartseal-20261126-090011.000.log", "chartseal-notes.log", "chartseal.log"}
	if got := files(t, dir); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%v, want %v", got, want)
	}
	for name, lines := range map[string]int{want[0]: 2, want[1]: 2, want[3]: 1} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || strings.Count(string(b), line) != lines || len(b) != lines*len(line) {
			t.Errorf("%s has %d bytes, %v", name, len(b), err)
		}
	}
}

func TestALogThatIsTooOldIsPutAsideAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "log.json")
	c := &clock{time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)}
	for range 5 { // days on which the computer starts anew
		f, err := Open(name, Rule{Bytes: 1 << 20, Age: 72 * time.Hour, Keep: 9}, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(`{"time":"` + c.Format(time.RFC3339Nano) + `","msg":"x"}` + "\n")); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		c.Time = c.Add(24*time.Hour + time.Minute)
	}
	if got := files(t, dir); len(got) != 2 || !strings.HasPrefix(got[0], "log-20261104-") {
		t.Errorf("%v", got)
	}
}

// A file that cannot be put aside, as on Windows while another program reads it, goes on.
func TestWhatCannotBePutAsideGoesOn(t *testing.T) {
	dir := t.TempDir()
	c := &clock{time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)}
	f, err := Open(filepath.Join(dir, "l.log"), Rule{Bytes: 10, Keep: 1}, c.now)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "l-20261126-090000.000.log"), 0o700); err != nil { // its name is taken
		t.Fatal(err)
	}
	size := func(want int) {
		t.Helper()
		if b, err := os.ReadFile(filepath.Join(dir, "l.log")); err != nil || len(b) != want {
			t.Errorf("%d bytes, want %d, %v", len(b), want, err)
		}
	}
	writeLines(t, f, 3)
	size(27)
	c.Time = c.Add(2 * retryAside)
	writeLines(t, f, 1)
	size(9)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func writeLines(t *testing.T, f *File, n int) {
	t.Helper()
	for range n {
		if _, err := f.Write([]byte("12345678\n")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestManyWriteWholeLines(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(filepath.Join(dir, "l.log"), Rule{Bytes: 4000, Keep: 1000}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(f, nil))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				log.Warn("waiting", slog.String("class", "store unavailable"))
			}
		})
	}
	wg.Wait()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, name := range files(t, dir) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.HasSuffix(b, []byte("}\n")) || !bytes.HasPrefix(b, []byte("{")) {
			t.Fatalf("%s is torn: %v", name, err)
		}
		lines += bytes.Count(b, []byte("\n"))
	}
	if lines != 1600 {
		t.Errorf("%d lines of 1600", lines)
	}
}

func TestAnErrorShowsNoFolder(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "Maria Alvarez", "x.log"), Rule{}, time.Now)
	if !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "Maria") {
		t.Errorf("%v", err)
	}
}

func TestLinesOfTheJournalBeginWithTheirPriority(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(NewJournal(&b, slog.LevelInfo)).With(slog.String("release", "abc"))
	log.Debug("never")
	log.Info("done")
	log.Warn("waiting", slog.String("error", "two\nlines"))
	log.Error("the ledger was changed")
	want := "<6>msg=done release=abc\n<4>msg=waiting release=abc error=\"two\\nlines\"\n<3>msg=\"the ledger was changed\" release=abc\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestTheLastWarningsAreKept(t *testing.T) {
	r := NewRecent()
	log := slog.New(r).With(slog.String("release", "abc"))
	log.Info("done")
	for range 100 {
		log.Warn("waiting", slog.String("class", "x"), slog.String("error", "quotes a system"))
	}
	log.Error("last", slog.String("stage", "ledger"), slog.String("alert", "ledger"))
	got := r.Lines()
	if len(got) != maxRecent || got[0].Message != "last" || got[0].Stage != "ledger" || got[0].Alert != "ledger" || got[1].Release != "abc" || got[1].Class != "x" {
		t.Errorf("%d lines, %+v", len(got), got[:2])
	}
}
