package watch

import "golang.org/x/sys/unix"

// remote reports whether dir is on a network file system, or on one that a
// program serves (statfs(2): MNT_LOCAL, f_fstypename).
func remote(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false
	}
	if st.Flags&unix.MNT_LOCAL == 0 {
		return true
	}
	switch unix.ByteSliceToString(st.Fstypename[:]) {
	case "nfs", "smbfs", "afpfs", "webdav", "ftp", "macfuse", "osxfuse", "fusefs", "virtiofs":
		return true
	}
	return false
}
