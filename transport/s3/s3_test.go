package s3_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chartseal/transport/storetest"
)

func TestConformance(t *testing.T) {
	sv := startServer(t)
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, sv.config()) })
}

// The same with attributes in side files, as on file systems without extended
// attributes and on Windows.
func TestConformanceSidecar(t *testing.T) {
	dir := t.TempDir()
	sv := startServerIn(t, dir)
	if err := sv.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "store.json")
	state, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	state = bytes.ReplaceAll(state, []byte(`"xattr"`), []byte(`"sidecar"`))
	if err = os.WriteFile(path, state, 0o600); err != nil {
		t.Fatal(err)
	}
	sv = startServerIn(t, dir)
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, sv.config()) })
	obj, err := open(t, sv.config()).Put(t.Context(), "page.html", "text/html", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err = sv.Sync(obj.Key); err != nil {
		t.Error(err)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "meta", "*", "*"))
	if err != nil || len(kept) == 0 {
		t.Errorf("no side files were used: %v", err)
	}
}

func TestSyncStored(t *testing.T) {
	sv := startServer(t)
	st := open(t, sv.config())
	for _, key := range []string{"page.html", "a/b/page.html"} {
		if _, err := st.Put(t.Context(), key, "text/html", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := sv.Sync(key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, key := range []string{"missing-alvarez", "../store.json", "/etc/passwd", `..\store.json`, ""} {
		if err := sv.Sync(key); err == nil || strings.Contains(err.Error(), "alvarez") {
			t.Errorf("%q: %v", key, err)
		}
	}
}
