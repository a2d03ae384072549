//go:build unix

package watch

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// nonBlock keeps a pipe put in a file's place from stopping the daemon.
const nonBlock = syscall.O_NONBLOCK

// links is the number of names a file has.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink) //nolint:unconvert // the type differs by system
	}
	return 1
}

func linksOpen(f *os.File) (uint64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return links(info), nil
}

// locked reports an error that passes when another program lets go.
func locked(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.ETXTBSY)
}

// IsFull reports that a disk is full, or what this account may use of it.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// IsReadOnly reports that a disk takes no changes.
func IsReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// device names the file system a folder is on.
func device(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return strconv.FormatUint(uint64(st.Dev), 16) //nolint:unconvert // the type differs by system
}

func hide(*os.Root, string) {} // the dot does it
