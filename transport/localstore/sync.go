package localstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Sync makes a stored object survive a loss of power, which the server itself
// does not see to. Call it after the upload and before a link is given out or
// the sealed file is removed.
func (s *Server) Sync(key string) error {
	if !filepath.IsLocal(filepath.FromSlash(key)) || strings.Contains(key, `\`) {
		return fmt.Errorf("sync object: %w", fs.ErrInvalid)
	}
	object := filepath.Join(s.opts.Dir, dataDir, Bucket, filepath.FromSlash(key))
	if err := syncUp(object, filepath.Join(s.opts.Dir, dataDir)); err != nil {
		return fmt.Errorf("sync object: %w", bare(err))
	}
	if s.state.Meta != metaSidecar {
		return nil
	}
	attributes := filepath.Join(s.opts.Dir, metaDir, Bucket, filepath.FromSlash(key), "meta")
	entries, err := os.ReadDir(attributes)
	if err != nil {
		return fmt.Errorf("sync attributes: %w", bare(err))
	}
	for _, e := range entries {
		if err := syncFile(filepath.Join(attributes, e.Name())); err != nil {
			return fmt.Errorf("sync attributes: %w", bare(err))
		}
	}
	if err := syncFolders(attributes, filepath.Join(s.opts.Dir, metaDir)); err != nil {
		return fmt.Errorf("sync attributes: %w", bare(err))
	}
	return nil
}

func syncUp(file, top string) error {
	if err := syncFile(file); err != nil {
		return err
	}
	return syncFolders(filepath.Dir(file), top)
}

// syncFile needs a handle that may write, which Windows asks for.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncFolders syncs the entries of dir and of every folder above it up to top.
// Windows has no such thing, and needs none.
func syncFolders(dir, top string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	for {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		if dir == top || len(dir) <= len(top) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}
