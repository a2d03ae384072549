// Package pdfiumtest keeps the compiled engine for tests, which would compile it
// once for each binary and story.
package pdfiumtest

import (
	"errors"
	"os"
	"path/filepath"
)

// Cache returns a folder for the compiled engine that test binaries of this
// machine share.
func Cache() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(base, "chartseal-test-pdfium")
	err = os.MkdirAll(dir, 0o700)
	if err != nil {
		return "", errors.New("no folder for the compiled engine")
	}
	return dir, nil
}
