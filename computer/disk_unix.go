//go:build unix

package computer

import "golang.org/x/sys/unix"

// DiskFree is how many bytes a program without privileges may still write below a
// folder; -1 if that cannot be known.
func DiskFree(dir string) int64 {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return -1
	}
	return int64(st.Bavail) * int64(st.Bsize) //nolint:unconvert // their types differ by system
}
