package watch

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestStopped(t *testing.T) {
	outbox := t.TempDir()
	note := filepath.Join(outbox, Stopped)
	for range 2 { // what is there already is no trouble
		if err := PlaceStopped(outbox, []byte("Nothing is sent.")); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(note); err != nil || string(b) != "Nothing is sent." {
		t.Errorf("%q, %v", b, err)
	}
	for range 2 {
		if err := RemoveStopped(outbox); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(note); !os.IsNotExist(err) {
		t.Errorf("the note is still there: %v", err)
	}
	away := filepath.Join(outbox, "away")
	if err := PlaceStopped(away, nil); err == nil {
		t.Error("an outbox was made")
	}
	if _, err := os.Lstat(away); !os.IsNotExist(err) {
		t.Errorf("an outbox was made: %v", err)
	}
}

// TestStoppedFollowsNoLink: staff may write into the outbox, and the daemon into more.
func TestStoppedFollowsNoLink(t *testing.T) {
	outbox, other := t.TempDir(), filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(other, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	switch err := os.Symlink(other, filepath.Join(outbox, Stopped)); {
	case err != nil && runtime.GOOS == "windows":
		t.Skip("making a symbolic link takes a right on Windows")
	case err != nil:
		t.Fatal(err)
	}
	if err := PlaceStopped(outbox, []byte("Nothing is sent.")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "secret" {
		t.Errorf("a file outside was written to: %q, %v", b, err)
	}
	if info, err := os.Lstat(filepath.Join(outbox, Stopped)); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the note is a link: %v", err)
	}
}
