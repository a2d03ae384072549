//go:build interop

package pdfium

import (
	"os"
	"path/filepath"
	"testing"

	"chartseal/redact/pdffile/pdfium/pdfiumtest"
)

// TestInteropDamagedCache: a cache that a crash or a full disk left in pieces is no reason
// to stop.
func TestInteropDamagedCache(t *testing.T) {
	whole, err := pdfiumtest.Cache()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "cache")
	if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cut := 0
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		cut++
		_ = os.Chmod(path, 0o600)
		return os.Truncate(path, 1<<20)
	})
	if err != nil || cut == 0 {
		t.Fatalf("%d files cut: %v", cut, err)
	}
	e, err := Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
