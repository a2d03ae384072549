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
	parts := filepath.Join(tmp, "multipart", "object", "upload")
	claimed := parts + ".d41d8-2.inprogress" // the server's name for it while it is completed
	for _, dir := range []string{parts, claimed} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	half, part := filepath.Join(tmp, "half.123"), filepath.Join(parts, "1")
	for _, f := range []string{half, part, filepath.Join(claimed, "1")} {
		if err := os.WriteFile(f, []byte("sealed"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(t, o)
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("the half-written object is still there (%v)", err)
	}
	if _, err := os.Stat(claimed); !os.IsNotExist(err) {
		t.Errorf("the upload that was being completed is still there (%v)", err)
	}
	if _, err := os.Stat(part); err != nil {
		t.Errorf("the part of an upload is gone: %v", err)
	}
}
