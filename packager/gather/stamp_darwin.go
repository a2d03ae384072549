package gather

import (
	"io/fs"
	"os"
	"syscall"
)

// openQuietly opens for reading without waiting at a pipe and without
// following a link in the last step. Inside an os.Root the latter alone is not
// enough; see enter and openRegular.
const openQuietly = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOFOLLOW

func stampOf(f *os.File) (stamp, error) {
	info, err := f.Stat()
	if err != nil {
		return stamp{}, err
	}
	return listedStamp(info)
}

// listedStamp is the stamp of a file or folder that was not opened.
func listedStamp(info fs.FileInfo) (stamp, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, errNoStamp
	}
	return stamp{
		size: info.Size(), mode: info.Mode().Type(),
		modified: info.ModTime().UnixNano(), changed: st.Ctimespec.Nano(),
		volume: uint64(uint32(st.Dev)), file: uint64(st.Ino), links: uint64(st.Nlink),
	}, nil
}
