//go:build unix

package chartseal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"chartseal/watch"
)

// handBack gives a file or a folder of the state folder, with all in it, to the state
// folder's own account: what root made or restored the daemon could not read otherwise. It does
// nothing for anybody but root. Names are never followed.
func (s *state) handBack(name string) (err error) {
	if os.Geteuid() != 0 {
		return nil
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return wrap("hand back", watch.Scrub(err))
	}
	defer func() { err = errors.Join(err, watch.Scrub(root.Close())) }()
	info, err := root.Stat(".")
	if err != nil {
		return wrap("hand back", watch.Scrub(err))
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
	return wrap("hand back", watch.Scrub(err))
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
