package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// TestReplaceOfANoteThatIsRead: an antivirus program or a backup that reads what the daemon
// keeps in the outbox holds nothing up.
func TestReplaceOfANoteThatIsRead(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "note-*") // whose removal Wine may refuse
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	o, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Close() }()
	c, err := o.Accept("order.yaml", []byte("order: R-1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Note("packed.json", 1), o.PutDueList([]byte("old")), PlaceStopped(dir, []byte("old"))); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func() error{
		filepath.FromSlash(c.path(notesDir, "packed.json")): func() error { return c.Note("packed.json", 2) },
		DueList: func() error { return o.PutDueList([]byte("new")) },
		Stopped: func() error { return PlaceStopped(dir, []byte("new")) },
	} {
		reader, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		closed := time.AfterFunc(100*time.Millisecond, func() { _ = reader.Close() })
		if err := write(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		closed.Stop()
		_ = reader.Close() // once more does no harm
	}
}

// TestReplaceWaitsForAReader: on Windows nobody can replace what somebody reads, and it
// is not read for long.
func TestReplaceWaitsForAReader(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "replace-*") // whose removal Wine may refuse
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	old, next := filepath.Join(dir, "release.json"), filepath.Join(dir, "next")
	for name, text := range map[string]string{old: "old", next: "new"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reader, err := os.Open(old)
	if err != nil {
		t.Fatal(err)
	}
	closed := time.AfterFunc(100*time.Millisecond, func() { _ = reader.Close() })
	defer closed.Stop()
	if runtime.GOOS == "windows" {
		if err := os.Rename(next, old); err == nil {
			t.Fatal("what is read could be replaced at once")
		}
	}
	if err := Replace(next, old); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(old); err != nil || string(b) != "new" {
		t.Errorf("%q, %v", b, err)
	}
	if err := Replace(next, old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a file that is gone: %v", err)
	}
}
