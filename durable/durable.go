// Package durable writes the files of a private folder so that they survive a power cut and
// stay the account's whose folder it is. It also reads and writes the extended attributes
// that a copy of such a folder must keep.
//
// Errors name what was done, never a path.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"chartseal/watch"
)

// HalfWritten begins the names of files that Write has not finished. Who opens the folder
// after a crash removes them.
const HalfWritten = ".tmp-"

// ErrNoAttrs says that the disk cannot hold the embedded store.
var ErrNoAttrs = errors.New("this disk cannot keep the extended attributes that the embedded store needs: restore onto one like that of the backup (ext4, XFS, Btrfs, APFS)")

// Write writes a file so that after a crash it is there whole or not at all. What root writes
// belongs to the account that has the folder. The error is scrubbed of the path.
func Write(file string, b []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(file), HalfWritten+"*")
	if err != nil {
		return fmt.Errorf("write state: %w", watch.Scrub(err))
	}
	tmp := f.Name()
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = handOver(f)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = watch.Replace(tmp, file)
	}
	if err == nil {
		return SyncDir(filepath.Dir(file))
	}
	_ = os.Remove(tmp)
	return fmt.Errorf("write state: %w", watch.Scrub(err))
}
