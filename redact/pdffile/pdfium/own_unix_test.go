//go:build unix

package pdfium

import (
	"os"
	"testing"
)

// TestPrivateOwner: a folder of another user is not private, however closed. Only
// root can make one; without it the file system's root, which is root's, serves.
func TestPrivateOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		info, err := os.Lstat("/")
		if err != nil || ownOnly(info) {
			t.Errorf("the root folder counts as private: %v", err)
		}
		return
	}
	dir := t.TempDir()
	const nobody = 65534
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if !private(dir) {
		t.Error("the user's own folder does not count as private")
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if private(dir) {
		t.Error("another user's folder counts as private")
	}
}
