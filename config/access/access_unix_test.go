//go:build unix

package access

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCloseTakesTheRightsOfOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	file := filepath.Join(dir, "practice.key")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if o, err := Of(file); err != nil || o != (Others{GroupRead: true, Read: true}) {
		t.Errorf("open: %+v, %v", o, err)
	}
	for name, want := range map[string]fs.FileMode{dir: 0o700, file: 0o600} {
		shut := CloseFile
		if name == dir {
			shut = Close
		}
		if err := shut(name); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", filepath.Base(name), info.Mode(), err)
		}
		if o, err := Of(name); err != nil || o.Any() {
			t.Errorf("%s: %+v, %v", filepath.Base(name), o, err)
		}
	}
	for _, shut := range []func(string) error{Close, CloseFile} {
		if err := shut(filepath.Join(dir, "Maria")); err == nil || strings.Contains(err.Error(), "Maria") {
			t.Errorf("error %v", err)
		}
	}
}
