package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/versity/versitygw/backend/posix"
)

// inProgress ends the name of an upload whose parts are being put together (its
// folder is renamed for as long as that takes).
const inProgress = ".inprogress"

// sweep removes what a killed child was writing and nobody can ask for again: an
// object that was not whole, and an upload whose parts were being put together,
// which can be neither finished nor aborted under its new name; its owner starts
// over. Parts of other uploads stay. It runs before a child starts.
func (s *Server) sweep() error {
	bucket := filepath.Join(s.opts.Dir, dataDir, Bucket)
	err := each(filepath.Join(bucket, posix.MetaTmpDir), func(name string, f fs.DirEntry) error {
		if !f.Type().IsRegular() {
			return nil
		}
		return os.Remove(name)
	})
	if err != nil {
		return fmt.Errorf("sweep store: %w", bare(err))
	}
	err = each(filepath.Join(bucket, posix.MetaTmpMultipartDir), func(object string, f fs.DirEntry) error {
		if !f.IsDir() {
			return nil
		}
		return each(object, func(upload string, f fs.DirEntry) error {
			if !f.IsDir() || !strings.HasSuffix(f.Name(), inProgress) {
				return nil
			}
			return os.RemoveAll(upload)
		})
	})
	if err = errors.Join(err, s.sweepNotes()); err != nil {
		return fmt.Errorf("sweep store: %w", bare(err))
	}
	return nil
}

// each calls fn with every entry of a folder, if it is there.
func each(dir string, fn func(name string, f fs.DirEntry) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range entries {
		if err := fn(filepath.Join(dir, f.Name()), f); err != nil {
			return err
		}
	}
	return nil
}
