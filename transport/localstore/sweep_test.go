package localstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"chartseal/transport/localstore"
)

// A killed child leaves objects half written under names that nobody will ask for.
func TestHalfWrittenObjectsAreSwept(t *testing.T) {
	o := options(t.TempDir(), nil)
	tmp := filepath.Join(o.Dir, "data", localstore.Bucket, ".sgwtmp")
	parts := filepath.Join(tmp, "multipart", "upload")
	if err := os.MkdirAll(parts, 0o700); err != nil {
		t.Fatal(err)
	}
	half, part := filepath.Join(tmp, "half.123"), filepath.Join(parts, "1")
	for _, f := range []string{half, part} {
		if err := os.WriteFile(f, []byte("sealed"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(t, o)
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("the half-written object is still there (%v)", err)
	}
	if _, err := os.Stat(part); err != nil {
		t.Errorf("the part of an upload is gone: %v", err)
	}
}
