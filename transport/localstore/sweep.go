package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/posix"
)

// sweep removes what a killed child was writing: the server keeps an object
// under a temporary name until it is whole, and never looks there again. Parts
// of uploads lie in a folder beside and stay. It runs before a child starts.
func (s *Server) sweep() error {
	dir := filepath.Join(s.opts.Dir, dataDir, Bucket, posix.MetaTmpDir)
	left, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweep store: %w", bare(err))
	}
	for _, f := range left {
		if !f.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
			return fmt.Errorf("sweep store: %w", bare(err))
		}
	}
	return nil
}
