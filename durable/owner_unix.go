//go:build unix

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"chartseal/watch"
)

// HandBack gives a file or a folder below dir, with all in it, to dir's own account: what root
// made or restored the daemon could not read otherwise. It does nothing for anybody but root.
// Names are never followed. The error is scrubbed of the path.
func HandBack(dir, name string) (err error) {
	if os.Geteuid() != 0 {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("hand back: %w", watch.Scrub(err))
	}
	defer func() { err = errors.Join(err, watch.Scrub(root.Close())) }()
	info, err := root.Stat(".")
	if err != nil {
		return fmt.Errorf("hand back: %w", watch.Scrub(err))
	}
	own, ok := info.Sys().(*syscall.Stat_t)
	if !ok || own.Uid == 0 {
		return nil
	}
	err = fs.WalkDir(root.FS(), name, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := d.Info(); err != nil {
			return err
		} else if has, ok := info.Sys().(*syscall.Stat_t); ok && has.Uid == own.Uid {
			return nil
		}
		return root.Lchown(name, int(own.Uid), int(own.Gid))
	})
	if err != nil {
		return fmt.Errorf("hand back: %w", watch.Scrub(err))
	}
	return nil
}

// handOver gives a file of root's to the account that has the folder it is made in.
func handOver(f *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	own, ok := info.Sys().(*syscall.Stat_t)
	if !ok || own.Uid == 0 {
		return nil
	}
	return f.Chown(int(own.Uid), int(own.Gid))
}
