package chartseal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The mark of a restore that was finished may come back after a power cut. What the daemon
// made since stays where it is.
func TestAMarkThatComesBack(t *testing.T) {
	h := newHouse(t)
	r := h.backup(t, false)
	if _, err := h.restore(t, r.Path, true); err != nil {
		t.Fatal(err)
	}
	s := &state{dir: h.cfg.State}
	newer := s.path(engineFile + "-wal")
	err := errors.Join(
		os.WriteFile(newer, []byte("newer"), 0o600),
		os.WriteFile(s.path(restoreMark), []byte(`{"aside":"`+asideDir+`x","names":["engine.db","ledger"]}`), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), h.cfg, quiet(), Destination{Path: h.dest, To: h.to}); !errors.Is(err, ErrNoBackup) {
		t.Errorf("backed up in the middle of a restore: %v", err)
	}
	if err := s.finishRestore(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(newer); err != nil || string(b) != "newer" || s.restoring() {
		t.Errorf("%q, %v", b, err)
	}
}

// The backup of another site brings its key, its ledger and its place in a shared database:
// it is not restored.
func TestABackupOfAnotherSite(t *testing.T) {
	h := newHouse(t)
	r := h.backup(t, false)
	h.cfg.Site, h.cfg.State = "annex", filepath.Join(t.TempDir(), "state")
	if _, err := h.restore(t, r.Path, false); !errors.Is(err, ErrNotRestored) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(h.cfg.State); err == nil {
		t.Error("a refused restore made the state folder")
	}
}

// A backup that was killed may leave a copy of the engine's database where temporary files
// go; the next one removes it after a day, and nothing younger.
func TestWhatAKilledBackupLeaves(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // Windows
	h := newHouse(t)
	old, young := filepath.Join(temp, engineCopy+"1"), filepath.Join(temp, engineCopy+"2")
	part := filepath.Join(h.dest, partPrefix+"1"+partSuffix)
	for _, dir := range []string{old, young, part} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-2 * partAge)
	if err := errors.Join(os.WriteFile(filepath.Join(old, engineFile), nil, 0o600), os.Chtimes(old, before, before), os.Chtimes(part, before, before)); err != nil {
		t.Fatal(err)
	}
	h.backup(t, false)
	left, err := namesIn(temp)
	if err != nil || len(left) != 1 || left[0] != filepath.Base(young) {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := os.Stat(part); err == nil {
		t.Error("a part of a backup stays")
	}
}
