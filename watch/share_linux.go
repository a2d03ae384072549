package watch

import "golang.org/x/sys/unix"

// networkTypes are the file systems on which inotify sees only this machine's
// changes (statfs(2) f_type; the kernel's magic.h and each file system's own
// header). FUSE is among them: what is behind it cannot be told.
var networkTypes = map[int64]bool{
	unix.NFS_SUPER_MAGIC:   true,
	unix.SMB_SUPER_MAGIC:   true,
	unix.CIFS_SUPER_MAGIC:  true,
	unix.SMB2_SUPER_MAGIC:  true,
	unix.FUSE_SUPER_MAGIC:  true,
	unix.V9FS_MAGIC:        true,
	unix.CEPH_SUPER_MAGIC:  true,
	unix.AFS_SUPER_MAGIC:   true,
	unix.AFS_FS_MAGIC:      true,
	unix.CODA_SUPER_MAGIC:  true,
	unix.OCFS2_SUPER_MAGIC: true,
	unix.NCP_SUPER_MAGIC:   true,
	0x786f4256:             true, // vboxsf
	0x01161970:             true, // GFS2
	0x0bd00bd0:             true, // Lustre
	0x47504653:             true, // GPFS
	0x19830326:             true, // FhGFS, BeeGFS
	0xbacbacbc:             true, // vmhgfs
	0x6e667364:             true, // nfsd
}

// remote reports whether dir is on a network file system.
func remote(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false
	}
	return networkTypes[int64(st.Type)&0xffffffff] //nolint:unconvert // the type differs by architecture
}
