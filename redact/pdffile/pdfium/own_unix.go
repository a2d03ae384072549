//go:build unix

package pdfium

import (
	"io/fs"
	"os"
	"syscall"
)

// ownOnly reports whether a file is this user's, and nobody else may use it.
func ownOnly(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
